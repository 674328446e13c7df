// SPDX-License-Identifier: 0BSD
//! Adds to `threads` what `concurrent.futures.ThreadPoolExecutor` has: an initializer, `map`, a `cancel` that answers, a
//! queue that can be counted, and `shutdown` in its modes.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use executors::thread_pool::{Queued, ThreadPool};
//! use futures::future::try_join_all;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let pool = ThreadPool::new(const { NonZeroUsize::new(4).unwrap() }, "resize");
//!     let jobs = pool.map([3, 4, 5], |side| side * side)?; // queued at once
//!     assert_eq!(try_join_all(jobs).await?, [9, 16, 25]);
//!
//!     let name = pool.submit(|| std::thread::current().name().map(str::to_owned))?;
//!     assert!(name.await?.is_some_and(|name| name.starts_with("resize_")));
//!     pool.shutdown(Queued::Finish).await?;
//!     Ok(())
//! }
//! ```
//!
//! Without this file: `spawn_blocking` behind a limit, or the pattern `threads`, which needs no types of its own. Take
//! this pattern if a value must live as long as its thread, such as a connection in a thread-local. Take it also if
//! queued work has to be counted, cancelled or finished at the end.
//!
//! Share it by reference or in an [`Arc`]. The queue has no bound: hold producers back with a semaphore. A thread is
//! started when there is work for it. It stays until [`close`](ThreadPool::close), [`shutdown`](ThreadPool::shutdown),
//! or the drop of the pool, which is `close(Queued::Finish)`. A program whose `main` returns does not wait for its
//! threads: await `shutdown` first.
//!
//! # Cancel safety
//!
//! A [`Job`] that is dropped before it began never begins. A job that runs goes on, and its result is dropped.
//! [`Job::detach`] lets it run without a waiter. A dropped `shutdown` has closed the pool if it was polled once; await
//! it again to wait.
//!
//! # Errors
//!
//! [`Refused`] if the pool takes no more work; [`JobError`] if a job has no result. A job that waits for another job of
//! its own pool gets [`JobError::OwnPool`]. If each thread waited so, no thread would be left to do the work.
//!
//! # Panics
//!
//! A panic of a job is its result ([`JobError::Panicked`]). The thread goes on.
//!
//! # Differences from asyncio
//!
//! - An initializer that raises breaks the pool. Here too (lesson `that_fails_breaks_the_pool`).
//! - A job that waits for a job of its own pool can wait forever. Here that is an error (lesson
//!   `is_refused_instead_of_a_deadlock`).
//! - `shutdown(cancel_futures=True)` is [`shutdown(Queued::Cancel)`](ThreadPool::shutdown) (lesson
//!   `with_cancel_cancels_what_is_queued_and_waits_for_what_runs`).

use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use job::Entry;
use worker::Shared;

pub use job::{Job, JobError, OwnPool, Stage};

mod job;
mod worker;

/// Why a job was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The pool is closed.
    #[error("the pool is shut down")]
    ShutDown,
    /// The initializer has failed, on any thread: `BrokenThreadPool`. Holds the text of its error.
    #[error("the pool is broken: {0}")]
    Broken(String),
    /// The pool has no thread, and the system cannot start one.
    #[error("no thread can be started")]
    NoThread(#[source] io::Error),
}

/// What happens to the jobs that have not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// They run: `shutdown()`.
    Finish,
    /// They are cancelled: `shutdown(cancel_futures=True)`.
    Cancel,
}

/// Threads that run the submitted jobs in FIFO order.
#[derive(Debug)]
pub struct ThreadPool {
    shared: Arc<Shared>,
}

/// Returns the size of asyncio's default executor: four threads more than there are cores, at most 32.
pub fn default_threads() -> NonZeroUsize {
    const FOUR: NonZeroUsize = NonZeroUsize::new(4).unwrap();
    const THIRTY_TWO: NonZeroUsize = NonZeroUsize::new(32).unwrap();
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    cores.saturating_add(FOUR.get()).min(THIRTY_TWO)
}

impl ThreadPool {
    /// Makes a pool of at most `max_threads` threads: `ThreadPoolExecutor(max_workers, thread_name_prefix)`. They are called
    /// `name_0`, `name_1` and so on.
    pub fn new(max_threads: NonZeroUsize, name: &str) -> Self {
        Self::with_initializer(max_threads, name, || Ok::<_, String>(()))
    }

    /// Makes such a pool, in which each thread calls `initialize` before its first job. If that fails or panics on one
    /// thread, the pool is broken: jobs that have not begun fail, and new ones are refused.
    pub fn with_initializer<E: Into<Box<dyn Error + Send + Sync>>>(
        max_threads: NonZeroUsize,
        name: &str,
        initialize: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        let initialize = move || initialize().map_err(|error| error.into().to_string());
        Self { shared: Arc::new(Shared::new(max_threads, name, initialize)) }
    }

    /// Queues `work`, at once.
    ///
    /// # Errors
    ///
    /// If the pool is closed or broken, or cannot start its first thread.
    pub fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Job<T>, Refused> {
        let (entry, outcome) = Entry::new(work);
        let stage = entry.stage.clone();
        let id = self.shared.enqueue(entry)?;
        Ok(Job::new(id, self.shared.clone(), stage, outcome))
    }

    /// Queues `work` on each of `inputs`, at once: `Executor.map`. The jobs are in the order of the inputs.
    ///
    /// # Errors
    ///
    /// The same as those of [`submit`](Self::submit). Jobs that were queued before the error are cancelled, if they
    /// have not begun.
    pub fn map<I: Send + 'static, T: Send + 'static>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        work: impl Fn(I) -> T + Send + Sync + 'static,
    ) -> Result<Vec<Job<T>>, Refused> {
        let work = Arc::new(work);
        let submit = |input| {
            let work = work.clone();
            self.submit(move || work(input))
        };
        inputs.into_iter().map(submit).collect()
    }

    /// Returns how many jobs have not begun.
    pub fn queued(&self) -> usize {
        self.shared.queued()
    }

    /// Refuses new jobs, and does not wait: `shutdown(wait=False)`.
    pub fn close(&self, queued: Queued) {
        self.shared.close(queued);
    }

    /// Refuses new jobs, and waits until every thread is gone: `shutdown()`.
    ///
    /// # Errors
    ///
    /// [`OwnPool`] on a thread of this pool, which would wait for itself. The pool is closed nevertheless.
    pub async fn shutdown(&self, queued: Queued) -> Result<(), OwnPool> {
        self.close(queued);
        if self.shared.is_own_thread() {
            return Err(OwnPool);
        }
        self.shared.join_threads();
        self.shared.ended().await;
        Ok(())
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.close(Queued::Finish);
    }
}
