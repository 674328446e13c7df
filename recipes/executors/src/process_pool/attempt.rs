// SPDX-License-Identifier: 0BSD
//! The steps of one job: get a worker, send the request, read the answer, keep or end the worker.

use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::sync::PoisonError;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::process::Worker;
use super::wire::{Reply, invalid};
use super::{JobError, OnCrash, Phase, ProcessPool};

impl<J: Serialize, O: DeserializeOwned> ProcessPool<J, O> {
    /// Waits for a worker, lets it do the job, and waits for the result.
    pub(super) async fn attempt(&self, request: &[u8]) -> Result<O, JobError> {
        let place = self.places.clone().acquire_owned().await;
        let mut place = place.map_err(|_closed| self.lock().refusal())?;
        let mut worker = loop {
            let idle = self.lock().idle.pop();
            let is_new = idle.is_none();
            let mut worker = match idle {
                Some(mut worker) => {
                    worker.place = Some(place);
                    worker
                }
                None => match self.start(place).await {
                    Ok(worker) => worker,
                    Err(error) => return Err(self.counted(JobError::NoWorker(error))),
                },
            };
            match timeout(self.options.start_limit, worker.take(request)).await {
                Ok(Ok(())) => break worker,
                // It died while it was idle, and another worker can take the job. Each time one idle worker fewer is
                // left.
                Ok(Err(_)) | Err(_) => {
                    let status = worker.end().await;
                    match worker.place.take() {
                        Some(free) if !is_new => place = free,
                        // Its slot stays taken until the crash is counted, so no other job begins before that.
                        _still_taken => return Err(self.counted(JobError::Crashed(status))),
                    }
                }
            }
        };
        let limit = self.options.time_limit;
        let answer = timeout(limit.unwrap_or(Duration::MAX), worker.message()).await;
        match (answer, limit) {
            (Ok(Ok(bytes)), _) => match serde_json::from_slice(&bytes) {
                Ok(Reply::Done(outcome)) => {
                    self.let_go(worker);
                    Ok(outcome?)
                }
                Ok(Reply::Ready | Reply::Taken) => Err(self.counted(JobError::Crashed(worker.end().await))),
                Err(error) => {
                    self.let_go(worker);
                    Err(JobError::Unreadable(error.into()))
                }
            },
            (Err(_elapsed), Some(limit)) => {
                worker.kill().await;
                Err(JobError::TimedOut(limit))
            }
            (Ok(Err(_)) | Err(_), _) => Err(self.counted(JobError::Crashed(worker.end().await))),
        }
    }

    /// Starts a worker and waits until it is ready.
    async fn start(&self, place: OwnedSemaphorePermit) -> io::Result<Worker> {
        let mut worker = {
            let mut command = self.command.lock().unwrap_or_else(PoisonError::into_inner);
            Worker::start(&mut command, place, self.options.end_limit, &self.alive)?
        };
        let limit = self.options.start_limit;
        match timeout(limit, worker.reply()).await {
            Ok(Ok(Reply::<()>::Ready)) => Ok(worker),
            Ok(Ok(Reply::Done(Err(error)))) => Err(io::Error::other(error)),
            Ok(Ok(_)) => Err(invalid()),
            Ok(Err(_)) => {
                let status = worker.end().await;
                let status = status.map(|status| status.to_string()).unwrap_or_default();
                Err(io::Error::other(format!("it ended, {status}")))
            }
            Err(_elapsed) => {
                let waited = format!("it was not ready after {limit:?}: does its `main` call `serve`?");
                Err(io::Error::new(io::ErrorKind::TimedOut, waited))
            }
        }
    }

    /// Counts a crash while its worker still has its slot, so no other job begins in between.
    fn counted(&self, crash: JobError) -> JobError {
        let mut state = self.lock();
        state.crashes = state.crashes.saturating_add(1);
        let limit = match self.options.on_crash {
            OnCrash::BreakPool => NonZeroUsize::MIN,
            OnCrash::FailJob { limit } => limit,
        };
        if state.crashes >= limit.get() && !matches!(state.phase, Phase::Broken(_)) {
            let cause = crash.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            state.phase = Phase::Broken(format!("{crash}{cause}"));
            drop(state);
            self.broken.cancel();
        }
        crash
    }

    /// Keeps a worker that has done its job for the next one, if it may have one.
    fn let_go(&self, mut worker: Worker) {
        worker.jobs += 1;
        self.lock().crashes = 0;
        if self.options.max_jobs_per_worker.is_some_and(|limit| worker.jobs >= limit.get()) {
            worker.retire();
            return;
        }
        // Onto the stack before the slot is free: the job that gets the slot finds the worker there.
        let place = worker.place.take();
        self.lock().idle.push(worker);
        drop(place);
    }
}
