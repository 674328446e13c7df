// SPDX-License-Identifier: 0BSD
//! Limits how many run at once: `async with semaphore`, and `BoundedSemaphore`.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features rt,sync
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use semaphores::limit::Limit;
//! use tokio::task::JoinSet;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let limit = Limit::new(const { NonZeroUsize::new(2).unwrap() });
//!     let mut tasks = JoinSet::new();
//!     for page in ["home", "faq", "news"] {
//!         limit.spawn(&mut tasks, async move { page.len() }).await; // waits for a permit
//!     }
//!     assert_eq!(tasks.join_all().await.iter().sum::<usize>(), 11);
//!
//!     assert_eq!(limit.run(async { "on this task" }).await, "on this task");
//!     assert!(!limit.is_full());
//! }
//! ```
//!
//! A `tokio::sync::Semaphore` and `let _permit = semaphore.acquire().await?;` are enough in one function. A [`Limit`] can be
//! cloned, and all clones share it. The permit covers the work, and is released however the work ends.
//!
//! [`Limit::spawn`] gets the permit before it spawns the task, and moves it into the task. So a million inputs are not a
//! million waiting tasks.
//!
//! The future is made before it gets its permit: in `limit.run(sleep(second))` the second begins at the call. Put work that
//! must begin with the permit into an `async` block.
//!
//! # Cancel safety
//!
//! Dropping a waiter takes no permit; the next in line moves up, and the work has not begun. Dropping the `JoinSet` aborts
//! its tasks, which release their permits.
//!
//! # Cost
//!
//! A `JoinSet` keeps the results of its tasks until they are taken. An endless loop has to take them as it goes:
//!
//! ```
//! # use semaphores::limit::Limit;
//! # use tokio::task::JoinSet;
//! # async fn serve(limit: Limit, pages: impl Iterator<Item = &'static str>) {
//! let mut tasks = JoinSet::new();
//! for page in pages {
//!     limit.spawn(&mut tasks, async move { page.len() }).await;
//!     while let Some(done) = tasks.try_join_next() {
//!         println!("{done:?}");
//!     }
//! }
//! # }
//! ```
//!
//! # Panics
//!
//! A panic in the work releases the permit and resumes, in the caller of [`Limit::run`] or in the `JoinSet`.
//!
//! # Differences from asyncio
//!
//! - A `BoundedSemaphore` raises `ValueError` if `release` is called once too often. A permit is released by its drop, once.
//! - `Semaphore(-1)` raises `ValueError`, and with `Semaphore(0)` all tasks wait. Tokio's waits too with zero, and panics
//!   above an eighth of `usize` (lesson `but_a_semaphore_of_zero_lets_nobody_in`). A limit is a `NonZeroUsize`.
//! - In asyncio `if semaphore.locked()` checks, and a second step acquires. [`Limit::try_run`] does both in one step (lesson
//!   `a_try_turns_away_instead_of_waiting`).
//! - asyncio's semaphore cannot be closed. Tokio's `Semaphore::close` refuses all waiters and all newcomers, for a shutdown
//!   (lesson `closing_turns_away_those_who_wait_and_all_who_come`).

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

/// Limits how many run at once. Clones share the limit.
#[derive(Debug, Clone)]
pub struct Limit(Arc<Semaphore>);

/// The limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("busy")]
pub struct Busy;

impl Limit {
    /// Makes a limit of `at_most` at a time.
    pub fn new(at_most: NonZeroUsize) -> Self {
        // So many tasks would not fit into memory.
        Self(Arc::new(Semaphore::new(at_most.get().min(Semaphore::MAX_PERMITS))))
    }

    /// Waits for a permit and runs `work` with it, on the caller's task. Waiters are served FIFO.
    pub async fn run<F: Future>(&self, work: F) -> F::Output {
        // Never an error, because nothing closes the semaphore.
        let _permit = self.0.acquire().await;
        work.await
    }

    /// Waits for a permit and starts `work` with it, on a task in `tasks`. A loop that spawns with this waits while the limit
    /// is reached.
    pub async fn spawn<F>(&self, tasks: &mut JoinSet<F::Output>, work: F) -> AbortHandle
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let permit = self.0.clone().acquire_owned().await;
        tasks.spawn(async move {
            let _permit = permit;
            work.await
        })
    }

    /// Runs `work` if a permit is free now. A server can so refuse a request instead of letting it wait.
    ///
    /// # Errors
    ///
    /// [`Busy`] if no permit is free. A permit that is assigned to a waiter is not free.
    pub async fn try_run<F: Future>(&self, work: F) -> Result<F::Output, Busy> {
        let _permit = self.0.try_acquire().map_err(|_none| Busy)?;
        Ok(work.await)
    }

    /// Returns whether a caller would have to wait now: `locked`.
    pub fn is_full(&self) -> bool {
        self.0.available_permits() == 0
    }
}
