// SPDX-License-Identifier: 0BSD
//! Sorts tasks by how they ended: value, error, panic, cancelled. In asyncio:
//! `asyncio.gather(*tasks, return_exceptions=True)`.
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
//! It replaces the checks after `gather`: `isinstance(outcome, CancelledError)`, `isinstance(outcome, Exception)`.
//!
//! A cancelled task ended because the program asked it to. It counts neither as a failure nor as a success.
//!
//! `JoinSet::join_all` is enough if no task panics or is aborted.
//!
//! # Cancel safety
//!
//! Dropping the future of [`every_outcome`] aborts the tasks, even before its first poll. Outcomes that it has not
//! returned yet are dropped too.
//!
//! # Errors
//!
//! It returns no error: each error becomes a [`TaskOutcome`].
//!
//! # Panics
//!
//! A panic in a task is a [`TaskOutcome`] as well, with its text.

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
    /// Returns whether the task failed, with an error or a panic. A cancellation is no failure.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Error(_) | Self::Panicked(_))
    }
}

/// Sorts the result of `task.await`.
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
/// Without tasks, it returns an empty `Vec` at once.
pub fn every_outcome<N, T, E>(
    tasks: impl IntoIterator<Item = (N, JoinHandle<Result<T, E>>)>,
) -> impl Future<Output = Vec<(N, TaskOutcome<T, E>)>> {
    // Owned before the first poll: a future that is dropped early must not leave the tasks running.
    let tasks: Vec<_> = tasks.into_iter().map(|(name, task)| (name, AbortOnDropHandle::new(task))).collect();
    async {
        let mut outcomes = Vec::with_capacity(tasks.len());
        // Awaiting them in turn costs no time: they run on their own, and the function waits for all.
        for (name, task) in tasks {
            outcomes.push((name, task.await.into()));
        }
        outcomes
    }
}

/// Returns the text of a panic: the payload of `panic!` is a `&str` or a `String`, that of `panic_any` any value.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and so may the payload of that panic: the second one is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
