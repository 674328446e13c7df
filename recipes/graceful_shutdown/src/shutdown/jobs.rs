// SPDX-License-Identifier: 0BSD
//! The jobs in flight: started, counted, and aborted under one lock.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{JoinError, yield_now};
use tokio_util::sync::CancellationToken;
use tokio_util::task::JoinMap;

use super::JobEnd;

/// The intake has stopped: no further job is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no job is started any more")]
pub struct Closed;

impl From<Closed> for io::Error {
    fn from(closed: Closed) -> Self {
        Self::other(closed)
    }
}

/// Starts jobs, and counts those in flight. Clones share the jobs.
pub struct Jobs<E>(pub(super) Arc<Shared<E>>);

pub(super) struct Shared<E> {
    runtime: Handle,
    state: Mutex<State<E>>,
    started: Notify,
    closing: CancellationToken,
    pub(super) cancel: CancellationToken,
}

struct State<E> {
    open: bool,
    /// By number and name, because a job that panics cannot return its name.
    running: JoinMap<(u64, String), JobEnd<E>>,
    /// The ends that are not reported yet.
    ended: VecDeque<Ended<E>>,
    count: u64,
}

/// The map's result for a job. Never drop it under the lock: its destructor may panic, or call [`Jobs`].
pub(super) type Ended<E> = ((u64, String), Result<JobEnd<E>, JoinError>);

impl<E: Send + 'static> Jobs<E> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            runtime: Handle::current(),
            state: Mutex::new(State {
                open: true,
                running: JoinMap::new(),
                ended: VecDeque::new(),
                count: 0,
            }),
            started: Notify::new(),
            closing: CancellationToken::new(),
            cancel: CancellationToken::new(),
        }))
    }

    /// Starts a job, from any thread. When its token is cancelled it should clean up and return.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the intake has stopped; no job is started then.
    pub fn start<F>(
        &self,
        name: impl Into<String>,
        job: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Result<(), Closed>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let (name, cancel) = (name.into(), self.0.cancel.clone());
        let job = async move {
            match job(cancel.clone()).await {
                Ok(()) if cancel.is_cancelled() => JobEnd::Cancelled,
                Ok(()) => JobEnd::Finished,
                Err(error) => JobEnd::Failed(error),
            }
        };
        let mut state = self.0.lock();
        // Under the same lock as the close: a job is either refused or accounted for.
        if !state.open {
            return Err(Closed);
        }
        let key = (state.count, name);
        state.count += 1;
        state.running.spawn_on(key, job, &self.0.runtime);
        drop(state);
        self.0.started.notify_one();
        Ok(())
    }

    /// Returns a token that is cancelled when the intake stops, before the token of the jobs.
    pub fn closing(&self) -> CancellationToken {
        self.0.closing.clone()
    }

    /// Returns how many jobs are in flight.
    pub fn len(&self) -> usize {
        self.0.lock().running.len()
    }

    /// Returns whether no job is in flight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<E: Send + 'static> Shared<E> {
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close(&self) {
        self.lock().open = false;
        self.closing.cancel();
    }

    /// Waits for the end of a job, even of one that is not started yet. Cancel safe.
    pub(super) async fn next_end(&self) -> Ended<E> {
        loop {
            match poll_fn(|context| self.poll_end(context)).await {
                Some(end) => return end,
                // `Notify` keeps a permit, so a job that was started meanwhile is not missed.
                None => self.started.notified().await,
            }
        }
    }

    /// Polls for the end of a job; `None` if no job is in flight.
    pub(super) fn poll_end(&self, context: &mut Context<'_>) -> Poll<Option<Ended<E>>> {
        let mut state = self.lock();
        if let Some(end) = state.ended.pop_front() {
            return Poll::Ready(Some(end));
        }
        // The map keeps the waker, so a future for one poll is enough.
        let ended = ready!(pin!(state.running.join_next()).poll(context));
        Poll::Ready(ended)
    }

    /// Lets jobs that are due in this instant end. Tokio does not show when all of them have run. So each further turn,
    /// which polls some sixty jobs, must end at least one; a few turns may end none.
    pub(super) async fn settle(&self) {
        let (mut left, mut idle_turns) = (self.collect(), 0);
        while left > 0 && idle_turns < 4 + left / 30 {
            yield_now().await;
            let now = self.collect();
            idle_turns = if now < left { 0 } else { idle_turns + 1 };
            left = now;
        }
    }

    /// Sets all jobs aside that have ended by now. Returns how many are left.
    fn collect(&self) -> usize {
        let mut state = self.lock();
        while let Some(ended) = state.running.try_join_next() {
            state.ended.push_back(ended);
        }
        state.running.len()
    }

    pub(super) fn take_ended(&self) -> Option<Ended<E>> {
        self.lock().ended.pop_front()
    }

    /// Aborts the jobs that have not ended, and returns their names in the order of their start.
    pub(super) fn abort(&self) -> Vec<String> {
        self.collect();
        let mut state = self.lock();
        state.running.abort_all();
        let mut left: Vec<_> = state.running.keys().cloned().collect();
        left.sort_unstable();
        left.into_iter().map(|(_, name)| name).collect()
    }
}

/// Ends the remaining jobs when `serve` returns, is dropped or panics. Clones of [`Jobs`] may live on, so their drop
/// does not do it.
pub(super) struct EndOnDrop<'a, E: Send + 'static>(pub(super) &'a Shared<E>);

impl<E: Send + 'static> Drop for EndOnDrop<'_, E> {
    fn drop(&mut self) {
        self.0.close();
        self.0.cancel.cancel();
        self.0.lock().running.abort_all();
    }
}

impl<E> Clone for Jobs<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E: Send + 'static> fmt::Debug for Jobs<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("len", &self.len()).finish_non_exhaustive()
    }
}
