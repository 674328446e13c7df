// SPDX-License-Identifier: 0BSD
//! Adds to `one_process` what `concurrent.futures.ProcessPoolExecutor` has: workers that stay, a limit, and a crash that
//! costs one worker and one job.
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
//! Without this file: the pattern `one_process` is enough for a job now and then, behind a semaphore. It starts a
//! process for each job, which costs some milliseconds; here a job costs some ten microseconds. For speed alone,
//! threads are enough.
//!
//! It is for code that can crash its process: a library in C, a stack that overflows, memory that runs out. It can also
//! end a loop that cannot be stopped otherwise. A panic, an error with its causes, and a job that hangs each become the
//! error of their job.
//!
//! A worker is a program that calls [`serve`] first in its `main`; most often it is this program, started once more. A
//! job and its result are JSON, after four bytes with their length, over a socket that the worker gets as its stdin. A
//! job's output goes to the program's output. The job reads an empty stdin. Processes are started when there is work
//! for them. Ctrl-C reaches the program and not its workers. They end when their pool does: at its
//! [`shutdown`](ProcessPool::shutdown), when it is dropped, and when the program dies, for any reason.
//!
//! The lines for the process group and its end are copied from the recipe `subprocesses`: a copied pattern needs no
//! other.
//!
//! Programs that a job has started end with its worker, because they are in its process group. A program that must live
//! on needs a group of its own. After SIGKILL of the main program, a worker that runs a job ends its group. An idle
//! worker ends alone: programs that an earlier job has left behind live on.
//!
//! JSON has no NaN, no infinity, and no `Some(None)`. A job or a result with one of them is refused: it never arrives
//! as another value.
//!
//! It works on Unix, within a Tokio runtime with I/O and time enabled.
//!
//! # Cancel safety
//!
//! If [`run`](ProcessPool::run) is dropped before its job began, the job never begins. If it is dropped while the job
//! runs, the worker is killed, so `tokio::time::timeout` stops a job that no thread could stop. A dropped
//! [`shutdown`](ProcessPool::shutdown) has closed the pool if it was polled once; await it again to wait.
//!
//! # Errors
//!
//! [`JobError`]. Each job gets its answer, even if its worker dies; [`OnCrash`] decides whether the other jobs fail,
//! too.
//!
//! # Panics
//!
//! A panic in a worker is an error of its job. A panic in the code that reads the result goes on in the caller of
//! [`run`](ProcessPool::run), and the worker is replaced.
//!
//! # Cost
//!
//! Each worker is a process, which takes some milliseconds to start. Each job takes some ten microseconds.
//!
//! # Differences from asyncio
//!
//! - A worker that dies breaks the whole pool. Here its own job fails, or the pool breaks, as [`OnCrash`] decides
//!   (lesson `breaks_the_pool_if_it_is_told_to`). An idle worker that dies costs no job (lesson
//!   `of_an_idle_worker_costs_no_job`).
//! - A job that hangs keeps its worker forever. Here a dropped `run` kills it (lesson
//!   `while_its_job_runs_a_run_kills_the_worker`), and so does [`Options::time_limit`] (lesson
//!   `kills_the_worker_of_a_job_that_hangs`).
//! - An exception brings its traceback. Here an error brings its type's name, its text and its causes (lesson
//!   `that_fails_tells_its_type_its_text_and_its_causes`).
//! - Jobs are pickled, and functions are sent by name. Here a job is JSON, and `serve` has the function (lesson
//!   `that_cannot_be_sent_fails_alone`).
//! - Without the `__main__` guard a worker may not start workers; here a worker that has not called [`serve`] may not
//!   (lesson `that_is_not_called_does_not_make_workers_without_end`).
#![cfg(unix)]

use std::io;
use std::marker::PhantomData;
use std::mem;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use process::Worker;
use wire::frame;
use worker::{WORKER, own_channel};

pub use settings::{OnCrash, Options};
pub use wire::RemoteError;
pub use worker::serve;

mod attempt;
mod exact;
mod process;
mod settings;
mod wire;
mod worker;

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The job failed or panicked in its worker, which lives on.
    #[error(transparent)]
    Failed(#[from] RemoteError),
    /// Its worker died. The status is `None` if the system did not report it.
    #[error("the worker died{}", .0.map(|status| format!(": {status}")).unwrap_or_default())]
    Crashed(Option<ExitStatus>),
    /// It ran longer than [`Options::time_limit`], and its worker was killed.
    #[error("the job ran longer than {0:?}, and its worker was killed")]
    TimedOut(Duration),
    /// The job cannot be sent, and has not left this process.
    #[error("the job cannot be sent")]
    Unsendable(#[source] io::Error),
    /// The worker's answer is no result of this type.
    #[error("the result cannot be read")]
    Unreadable(#[source] io::Error),
    /// No worker could be started for it.
    #[error("a worker did not get ready")]
    NoWorker(#[source] io::Error),
    /// Too many workers have died: `BrokenProcessPool`. Holds the text of the last crash.
    #[error("the pool is broken: {0}")]
    Broken(String),
    /// The pool was shut down before the job began.
    #[error("the pool is shut down")]
    ShutDown,
}

/// What happens to the jobs that have not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// They run: `shutdown()`.
    Finish,
    /// They fail: `shutdown(cancel_futures=True)`.
    Cancel,
}

/// Processes that turn jobs of type `J` into results of type `O`.
#[derive(Debug)]
pub struct ProcessPool<J, O> {
    command: Mutex<Command>,
    options: Options,
    /// A permit for each process that has a job. A process that dies keeps its permit to the end.
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
    /// Makes a pool whose workers are started by `command`, a program that calls [`serve`]. For this program itself:
    /// `Command::new(std::env::current_exe()?)`. The pool sets the command's stdin, its process group and one
    /// environment variable.
    ///
    /// # Errors
    ///
    /// In a worker that has not called [`serve`]: it would start workers of its own without end.
    pub fn new(mut command: Command, options: Options) -> io::Result<Self> {
        if own_channel().is_some() {
            return Err(io::Error::other(
                "this process is a worker: `serve` has to be called first thing in `main`",
            ));
        }
        // In a group of its own, because a terminal sends Ctrl-C to a whole group.
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

    /// Waits for a worker, lets it do `job`, and waits for its result. Callers are served in FIFO order.
    ///
    /// # Errors
    ///
    /// See [`JobError`].
    pub async fn run(&self, job: J) -> Result<O, JobError> {
        // First, so that a job that cannot be sent takes no permit and no worker.
        let request = frame(&job).map_err(JobError::Unsendable)?;
        drop(job);
        let _entered = self.enter()?;
        match self.broken.run_until_cancelled(self.attempt(&request)).await {
            Some(outcome) => outcome,
            None => Err(self.refusal()),
        }
    }

    /// Refuses new jobs, and does not wait: `shutdown(wait=False)`. The workers end with the last job.
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

    /// Refuses new jobs, and waits until every job and every process has ended: `shutdown()`.
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

    /// Returns why a job does not begin.
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
}

impl State {
    /// Takes out the idle workers, if no job will need them.
    fn unwanted(&mut self) -> Vec<Worker> {
        match self.phase {
            Phase::Closed | Phase::Broken(_) if self.jobs == 0 => mem::take(&mut self.idle),
            _ => Vec::new(),
        }
    }
}

/// Counts a call of `run` while it lasts.
struct Entered<'a, J, O> {
    pool: &'a ProcessPool<J, O>,
    // Dropped last: a pool without jobs has notified its workers.
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
