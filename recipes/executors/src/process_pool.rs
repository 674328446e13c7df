// SPDX-License-Identifier: 0BSD
//! Runs work in processes of its own, so that a crash costs one worker and not the program:
//! `concurrent.futures.ProcessPoolExecutor`.
//!
//! ```sh
//! cargo add rustix --features process,stdio
//! cargo add serde --features derive
//! cargo add serde_json --features float_roundtrip
//! cargo add thiserror
//! cargo add tokio --features io-util,macros,net,process,rt,sync,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::convert::Infallible;
//! use std::env::current_exe;
//!
//! use executors::process_pool::{Options, ProcessPool, Queued, serve};
//! use tokio::process::Command;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     // A worker is this program, started once more: it does not come past this line.
//!     serve(|| Ok::<_, Infallible>(|number: u64| Ok(number * number)));
//!
//!     let pool = ProcessPool::new(Command::new(current_exe()?), Options::default())?;
//!     let (nine, sixteen) = tokio::try_join!(pool.run(3), pool.run(4))?;
//!     assert_eq!((nine, sixteen), (9_u64, 16_u64));
//!     pool.shutdown(Queued::Finish).await;
//!     Ok(())
//! }
//! ```
//!
//! Threads compute at the same time, so a program needs no process pool to use its cores. It is for code that can take
//! its process along: a library in C, a stack that overflows, memory that runs out, a loop that nothing else could
//! stop.
//!
//! A `tokio::process::Command` with `kill_on_drop` is enough for one such job now and then.
//!
//! A worker is a program that calls [`serve`] first thing in its `main`; most often it is the same program, started
//! once more. A job and its result are JSON, behind four bytes with their length, over a socket that the worker finds
//! in the place of its stdin. What a job prints goes where the program prints. It reads an empty stdin. Processes are
//! started when there is work for them. Ctrl-C reaches the program and not its workers, which end when their pool does:
//! at its [`shutdown`](ProcessPool::shutdown), when it is dropped, and when the program dies, whatever the reason.
//!
//! Programs that a job has started end with its worker, because they are in its process group. One that must live on
//! needs a group of its own. After SIGKILL of the program, a worker in the midst of a job ends its group; an idle one ends
//! alone, and what an earlier job has left behind lives on.
//!
//! JSON has no NaN and no infinity, and no `Some(None)`. A job or a result with one of them is refused: it never arrives
//! as another value.
//!
//! It works on Unix, within a Tokio runtime that has its I/O and its time enabled.
//!
//! # Cancel safety
//!
//! [`run`](ProcessPool::run) that is dropped before its job began: the job never begins. Dropped while the job runs:
//! its worker is killed, so `tokio::time::timeout` stops a job that no thread could stop. A dropped
//! [`shutdown`](ProcessPool::shutdown) has closed the pool if it was polled once; await it again to wait.
//!
//! # Errors
//!
//! [`JobError`]. Each job gets its answer, also if its worker dies; [`OnCrash`] says whether the others do.
//!
//! # Panics
//!
//! A panic in a worker is an error of its job. A panic of what reads the result here goes on in the caller of
//! [`run`](ProcessPool::run), and the worker is replaced.
//!
//! # Cost
//!
//! A process for each worker, some milliseconds to start it, and some ten microseconds for each job.
#![cfg(unix)]

use std::error::Error;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::num::NonZeroUsize;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use process::Worker;
use wire::{Reply, frame, invalid};
use worker::{WORKER, own_channel};

pub use wire::RemoteError;
pub use worker::serve;

mod exact;
mod process;
mod wire;
mod worker;

/// Settings of a process pool. `Duration::MAX` is never.
#[derive(Debug, Clone)]
pub struct Options {
    /// Limits how many processes there are: `max_workers`. Default: the number of cores.
    pub max_workers: NonZeroUsize,
    /// After how many jobs a worker gives way to a new one: `max_tasks_per_child`. Default: never.
    pub max_jobs_per_worker: Option<NonZeroUsize>,
    /// How long a job may run before its worker is killed. The wait for a worker is not counted. Default: no limit.
    pub time_limit: Option<Duration>,
    /// How long a worker may take to get ready, and to take a job. Default: 30 s.
    pub start_limit: Duration,
    /// How long a worker that is no longer wanted may take to end before it is killed. Default: 1 s.
    pub end_limit: Duration,
    /// What a crash means for the pool.
    pub on_crash: OnCrash,
}

/// What it means that a worker died, or did not get ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCrash {
    /// Every job fails, those that run and those that wait, and nothing new is taken: what asyncio does.
    BreakPool,
    /// The worker's own job fails, and the next job gets a new worker. After `limit` crashes without a result between
    /// them the pool is broken: what crashes each time would crash for ever.
    FailJob {
        /// As many crashes, one after the other, break the pool.
        limit: NonZeroUsize,
    },
}

impl Default for Options {
    fn default() -> Self {
        const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();
        Self {
            max_workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_jobs_per_worker: None,
            time_limit: None,
            start_limit: Duration::from_secs(30),
            end_limit: Duration::from_secs(1),
            on_crash: OnCrash::FailJob { limit: TEN },
        }
    }
}

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It failed or panicked in its worker, which lives on.
    #[error(transparent)]
    Failed(#[from] RemoteError),
    /// Its worker died. The status is `None` if the system did not tell it.
    #[error("the worker died{}", .0.map(|status| format!(": {status}")).unwrap_or_default())]
    Crashed(Option<ExitStatus>),
    /// It ran longer than [`Options::time_limit`], and its worker was killed.
    #[error("the job ran longer than {0:?}, and its worker was killed")]
    TimedOut(Duration),
    /// It is not possible to send it. It has not left this process.
    #[error("the job cannot be sent")]
    Unsendable(#[source] io::Error),
    /// What its worker has sent is no result of this type.
    #[error("the result cannot be read")]
    Unreadable(#[source] io::Error),
    /// There was no worker for it.
    #[error("a worker did not get ready")]
    NoWorker(#[source] io::Error),
    /// Too many workers have died: `BrokenProcessPool`. Holds what happened last.
    #[error("the pool is broken: {0}")]
    Broken(String),
    /// The pool was shut down before the job began.
    #[error("the pool is shut down")]
    ShutDown,
}

/// What becomes of the jobs that have not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// They run: `shutdown()`.
    Finish,
    /// They fail: `shutdown(cancel_futures=True)`.
    Cancel,
}

/// Processes that turn jobs, each a `J`, into results, each an `O`.
#[derive(Debug)]
pub struct ProcessPool<J, O> {
    command: Mutex<Command>,
    options: Options,
    /// A permit for each process that has a job. One that dies keeps it to the end.
    places: Arc<Semaphore>,
    state: Mutex<State>,
    broken: CancellationToken,
    /// Every call of [`run`](Self::run) and every process.
    alive: TaskTracker,
    types: PhantomData<fn(J) -> O>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    idle: Vec<Worker>,
    /// Calls of `run`.
    jobs: usize,
    /// Crashes since the last result.
    crashes: usize,
}

#[derive(Debug)]
enum Phase {
    Open,
    Closed,
    Broken(String),
}

impl<J: Serialize, O: DeserializeOwned> ProcessPool<J, O> {
    /// A pool whose workers are started by `command`, a program that calls [`serve`]. For this program itself:
    /// `Command::new(std::env::current_exe()?)`. Its stdin, its process group and one variable of its environment are the
    /// pool's.
    ///
    /// # Errors
    ///
    /// In a worker that has not called [`serve`], and would start workers of its own without end.
    pub fn new(mut command: Command, options: Options) -> io::Result<Self> {
        if own_channel().is_some() {
            return Err(io::Error::other(
                "this process is a worker: `serve` has to be called first thing in `main`",
            ));
        }
        // Of a group of its own, for a terminal sends Ctrl-C to a whole group.
        let end_limit = u64::try_from(options.end_limit.as_millis()).unwrap_or(u64::MAX);
        command.env(WORKER, end_limit.to_string()).process_group(0).kill_on_drop(true);
        let alive = TaskTracker::new();
        alive.close();
        Ok(Self {
            command: Mutex::new(command),
            places: Arc::new(Semaphore::new(options.max_workers.get().min(Semaphore::MAX_PERMITS))),
            options,
            state: Mutex::new(State { phase: Phase::Open, idle: Vec::new(), jobs: 0, crashes: 0 }),
            broken: CancellationToken::new(),
            alive,
            types: PhantomData,
        })
    }

    /// Waits for a worker, lets it do `job`, and waits for its result. Those who wait are served in the order in which
    /// they came.
    ///
    /// # Errors
    ///
    /// See [`JobError`].
    pub async fn run(&self, job: J) -> Result<O, JobError> {
        // First, so that a job which cannot be sent costs nobody else anything.
        let request = frame(&job).map_err(JobError::Unsendable)?;
        drop(job);
        let _entered = self.enter()?;
        match self.broken.run_until_cancelled(self.attempt(&request)).await {
            Some(outcome) => outcome,
            None => Err(self.refusal()),
        }
    }

    async fn attempt(&self, request: &[u8]) -> Result<O, JobError> {
        let place = self.places.clone().acquire_owned().await;
        let mut place = place.map_err(|_closed| self.refusal())?;
        let mut worker = loop {
            let idle = self.idle_worker();
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
                // It died while nobody looked, and another can have the job. The idle ones are fewer each time.
                Ok(Err(_)) | Err(_) => {
                    let status = worker.end().await;
                    match worker.place.take() {
                        Some(free) if !is_new => place = free,
                        // Until it is counted nobody else has the place, and begins.
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

    /// Takes nothing new, and does not wait: `shutdown(wait=False)`. The workers end with the last job.
    pub fn close(&self, queued: Queued) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closed;
        }
        if queued == Queued::Cancel {
            self.places.close();
        }
        let unwanted = state.unwanted();
        drop(state);
        unwanted.into_iter().for_each(Worker::retire);
    }

    /// Takes nothing new, and waits until every job and every process has ended: `shutdown()`.
    pub async fn shutdown(&self, queued: Queued) {
        self.close(queued);
        self.alive.wait().await;
    }

    fn enter(&self) -> Result<Entered<'_, J, O>, JobError> {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Open) {
            drop(state);
            return Err(self.refusal());
        }
        state.jobs += 1;
        Ok(Entered { pool: self, _alive: self.alive.token() })
    }

    /// One that lives. What a dead one has started may hold its channel open, and would not answer.
    fn idle_worker(&self) -> Option<Worker> {
        let mut state = self.lock();
        loop {
            let worker = state.idle.pop()?;
            if worker.is_alive() {
                return Some(worker);
            }
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

    /// Counts a crash, while its worker still has its place: nobody else begins in between.
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

    /// Why a job does not begin.
    fn refusal(&self) -> JobError {
        match &self.lock().phase {
            Phase::Broken(what) => JobError::Broken(what.clone()),
            Phase::Open | Phase::Closed => JobError::ShutDown,
        }
    }
}

impl<J, O> ProcessPool<J, O> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a worker that has done its job for the next one, if it may have one.
    fn let_go(&self, mut worker: Worker) {
        worker.jobs += 1;
        self.lock().crashes = 0;
        if self.options.max_jobs_per_worker.is_some_and(|limit| worker.jobs >= limit.get()) {
            worker.retire();
            return;
        }
        // Into the stack before the place is free: whoever gets the place finds it there.
        let place = worker.place.take();
        self.lock().idle.push(worker);
        drop(place);
    }
}

impl State {
    /// The idle workers, if nobody will want them any more.
    fn unwanted(&mut self) -> Vec<Worker> {
        match self.phase {
            Phase::Closed | Phase::Broken(_) if self.jobs == 0 => mem::take(&mut self.idle),
            _ => Vec::new(),
        }
    }
}

/// A call of `run`, for as long as it lasts.
struct Entered<'a, J, O> {
    pool: &'a ProcessPool<J, O>,
    // Dropped last, so that nobody sees a pool without jobs whose workers have not been told.
    _alive: TaskTrackerToken,
}

impl<J, O> Drop for Entered<'_, J, O> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.jobs -= 1;
        let unwanted = state.unwanted();
        drop(state);
        unwanted.into_iter().for_each(Worker::retire);
    }
}
