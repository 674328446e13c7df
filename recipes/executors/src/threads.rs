// SPDX-License-Identifier: 0BSD
//! Runs blocking calls on named threads of their own, a limited number at once:
//! `ThreadPoolExecutor(max_workers, thread_name_prefix)`.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use executors::threads::Threads;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let database = Threads::new(const { NonZeroUsize::new(3).unwrap() }, "database")?;
//!     let row = database.submit(|| "row 7"); // queued at once
//!     let thread = database.submit(|| std::thread::current().name().map(str::to_owned));
//!     assert_eq!((row.await?, thread.await?.as_deref()), ("row 7", Some("database")));
//!     database.finish().await; // each job is done, and each thread is gone
//!     Ok(())
//! }
//! ```
//!
//! Without this file: `spawn_blocking` behind a limit, as in the pattern `blocking`. [`Threads`] are for calls that must
//! not share threads with the rest of the program: `tokio::fs` and the resolver go on while all of these are busy.
//!
//! They are a second Tokio runtime, of which only the blocking threads are used. A thread is started when no thread is
//! idle, and stays until the end. The queue is FIFO and has no bound.
//!
//! What it does not do:
//!
//! - Dropping a handle does not cancel its job, which runs. `AbortOnDropHandle` of tokio-util aborts a job that has not
//!   begun.
//! - `abort` does not say whether it was in time.
//! - A drop without [`finish`](Threads::finish) does not wait. A busy thread may still run the whole queue.
//! - It has no initializer. `on_thread_start` of a runtime does not replace one: a thread that panics there is lost,
//!   and its job never runs.
//! - A job cannot use `tokio::spawn` or timers: its runtime has no thread that drives them. Move in a `Handle` of yours.
//! - A job that waits for a job of the same threads can wait forever.
//!
//! The pattern `thread_pool` adds an initializer, `map`, a `cancel` that answers, `shutdown` in its modes, and the
//! length of the queue. There a job that waits for its own threads gets an error.
//!
//! # Cancel safety
//!
//! Dropping `finish` drops the [`Threads`]: see above.
//!
//! # Errors
//!
//! A `JoinError` if the job panicked, or if it was aborted or dropped before it began.
//!
//! # Panics
//!
//! [`submit`](Threads::submit) panics if the system cannot start the first thread.

use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::task::TaskTracker;

/// Threads for blocking calls, apart from those of the program's runtime. Share it in an `Arc`.
#[derive(Debug)]
pub struct Threads {
    /// `None` after the end has begun.
    runtime: Option<Runtime>,
    jobs: TaskTracker,
}

impl Threads {
    /// Makes at most `limit` threads, all of them called `name`.
    ///
    /// # Errors
    ///
    /// If the runtime cannot be built.
    pub fn new(limit: NonZeroUsize, name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(limit.get())
            // The name of a thread cannot contain a NUL.
            .thread_name(name.replace('\0', ""))
            // The default is ten seconds, after which thread-locals would be lost.
            .thread_keep_alive(Duration::MAX)
            .build()?;
        let jobs = TaskTracker::new();
        // `wait` of an open tracker never ends. A closed tracker still counts new jobs.
        jobs.close();
        Ok(Self { runtime: Some(runtime), jobs })
    }

    /// Queues `work`, at once.
    pub fn submit<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        #[expect(clippy::expect_used, reason = "only the end takes it, and that takes all of this")]
        let runtime = self.runtime.as_ref().expect("it has not ended");
        self.jobs.spawn_blocking_on(work, runtime.handle())
    }

    /// Waits until every job is done and every thread is gone: `shutdown()`.
    pub async fn finish(mut self) {
        // Tokio does not promise that a dropped runtime runs its queue.
        self.jobs.wait().await;
        // The drop waits for the threads, which a task must not do.
        let ended = spawn_blocking(move || drop(self.runtime.take()));
        // Aborted if the program's runtime ends first: then `drop` has ended the second runtime.
        let _ended_or_aborted = ended.await;
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A runtime that is dropped in a task panics.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
