// SPDX-License-Identifier: 0BSD
//! Sorts how each task ended, with a value, an error, a panic, or cancelled: `asyncio.gather(*tasks,
//! return_exceptions=True)`.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use error_handling::outcome::{TaskOutcome, every_outcome};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mail = tokio::spawn(async { Ok("sent") });
//!     let backup = tokio::spawn(async { Err("disk full") });
//!     let poller = tokio::spawn(std::future::pending());
//!     poller.abort();
//!     let outcomes = every_outcome([("mail", mail), ("backup", backup), ("poller", poller)]).await;
//!     assert_eq!(outcomes[0], ("mail", TaskOutcome::Value("sent")));
//!     assert_eq!(outcomes[2], ("poller", TaskOutcome::Cancelled));
//!
//!     let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_failure());
//!     assert_eq!(failed.map(|(name, _)| *name).collect::<Vec<_>>(), ["backup"]);
//! }
//! ```
//!
//! It replaces the sorting that follows `gather`: `isinstance(outcome, CancelledError)`, `isinstance(outcome,
//! Exception)`.
//!
//! A cancelled task has done what was asked of it. It is neither a failure nor a success, so it is counted as neither.
//!
//! `JoinSet::join_all` is enough where no task fails or is aborted.
//!
//! # Cancel safety
//!
//! Dropping the future of [`every_outcome`] aborts the tasks, also before its first poll. Outcomes that it has not returned
//! yet are dropped too.
//!
//! # Errors
//!
//! None: an [`TaskOutcome`] is what an error becomes.
//!
//! # Panics
//!
//! A panic in a task is an [`TaskOutcome`] as well, with its text.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::AbortOnDropHandle;

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOutcome<T, E> {
    /// The work returned a value.
    Value(T),
    /// The work returned an error.
    Error(E),
    /// The work panicked with this message: a bug in it.
    Panicked(String),
    /// The task was aborted, or its runtime has shut down.
    Cancelled,
}

impl<T, E> TaskOutcome<T, E> {
    /// Whether something went wrong: an error or a panic. A cancellation is no failure.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Error(_) | Self::Panicked(_))
    }
}

/// What `task.await` gives.
impl<T, E> From<Result<Result<T, E>, JoinError>> for TaskOutcome<T, E> {
    fn from(result: Result<Result<T, E>, JoinError>) -> Self {
        match result {
            Ok(Ok(value)) => Self::Value(value),
            Ok(Err(error)) => Self::Error(error),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => Self::Panicked(text(panic)),
                Err(_aborted) => Self::Cancelled,
            },
        }
    }
}

/// Waits until every task has ended. The outcomes are in the order of `tasks`, each beside its name.
///
/// No tasks, no waiting: the result is an empty `Vec` at once.
pub fn every_outcome<N, T, E>(
    tasks: impl IntoIterator<Item = (N, JoinHandle<Result<T, E>>)>,
) -> impl Future<Output = Vec<(N, TaskOutcome<T, E>)>> {
    // Owned before the first poll: a future that is dropped early must not leave the tasks running.
    let tasks: Vec<_> = tasks.into_iter().map(|(name, task)| (name, AbortOnDropHandle::new(task))).collect();
    async {
        let mut outcomes = Vec::with_capacity(tasks.len());
        // One after the other is no loss: they run on their own, and all of them are waited for.
        for (name, task) in tasks {
            outcomes.push((name, task.await.into()));
        }
        outcomes
    }
}

/// The text of a panic: `panic!` leaves a `&str` or a `String`, `panic_any` whatever it was given.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and the payload of that panic as well: it is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
