// SPDX-License-Identifier: 0BSD
//! Runs work up to its first wait at once, and spawns the rest only if there is any: `asyncio.eager_task_factory`
//! (Python 3.12).
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use create_task::eager::{Eager, start};
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let hit = start(async { "from the cache" });
//!     assert!(matches!(hit, Eager::Done("from the cache"))); // no task
//!
//!     let miss = start(async {
//!         sleep(Duration::from_millis(1)).await;
//!         "from the server"
//!     });
//!     assert!(!miss.is_finished());
//!     assert_eq!(miss.join().await?, "from the server");
//!     Ok(())
//! }
//! ```
//!
//! It is for work that is often done without waiting: a cache hit, a connection that is open already. Up to its first
//! wait the work is part of its caller. It sees the caller's task-locals and task id, and the caller waits for it. From
//! then on the work is a task like any other.
//!
//! `tokio::spawn` is enough if the cost of a task for each call does not matter.
//!
//! # Cancel safety
//!
//! As with `tokio::spawn`, dropping [`Eager`] lets the task run on. [`Eager::abort`] changes nothing for work that is
//! done.
//!
//! # Panics
//!
//! A panic in the work, also in its first part, is a [`JoinError`] and does not reach the caller. A task that
//! joins itself panics; asyncio raises.
//!
//! # Differences from asyncio
//!
//! - An eager task (Python 3.12) has its own context from its first line. Here the caller's context is used for the
//!   first part: write `start(inherit(...))` (lesson
//!   `the_first_part_sees_the_callers_context_and_the_rest_only_what_was_inherited`). The lessons were compared with
//!   3.12 and 3.13. The demo does not show it, because its twin runs on 3.11.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Context, Poll, Waker};

use tokio::task::{JoinError, JoinHandle, try_id};

/// Work that was started eagerly.
#[derive(Debug)]
pub enum Eager<T> {
    /// It was done without waiting: there never was a task.
    Done(T),
    /// It had to wait, or panicked.
    Spawned(JoinHandle<T>),
}

/// Runs `work` up to its first wait at once, and spawns the rest, if there is any.
///
/// # Panics
///
/// Outside a Tokio runtime.
pub fn start<F>(work: F) -> Eager<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let mut work = Box::pin(work);
    // This poll needs no wake-up: a spawned task is polled at once with its own waker, and sees then what happened in
    // between. The caller's waker would work too, and wake the caller for nothing.
    let mut context = Context::from_waker(Waker::noop());
    match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut context))) {
        Ok(Poll::Ready(value)) => Eager::Done(value),
        Ok(Poll::Pending) => Eager::Spawned(tokio::spawn(work)),
        // Only a task can end in a JoinError. The panic hook has reported this one and is not called again.
        Err(panic) => Eager::Spawned(tokio::spawn(async { resume_unwind(panic) })),
    }
}

impl<T> Eager<T> {
    /// Returns whether the work is done.
    pub fn is_finished(&self) -> bool {
        match self {
            Self::Done(_) => true,
            Self::Spawned(task) => task.is_finished(),
        }
    }

    /// Asks the task to end at its next await. Does nothing if the work is done.
    pub fn abort(&self) {
        if let Self::Spawned(task) = self {
            task.abort();
        }
    }

    /// Waits for the work.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if it panicked or was aborted.
    pub async fn join(self) -> Result<T, JoinError> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Spawned(task) => {
                assert!(try_id() != Some(task.id()), "a task awaits itself");
                task.await
            }
        }
    }
}
