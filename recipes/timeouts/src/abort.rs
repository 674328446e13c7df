// SPDX-License-Identifier: 0BSD
//! Aborts tasks and waits until they are gone: `task.cancel()`, then `await asyncio.gather(*tasks,
//! return_exceptions=True)`.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use timeouts::abort::{Ended, abort_all_and_wait, abort_and_wait};
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let pollers = [1, 2].map(|minutes| tokio::spawn(sleep(Duration::from_secs(60 * minutes))));
//!     assert_eq!(abort_all_and_wait(pollers).await, [Ended::Aborted, Ended::Aborted]);
//!
//!     let sum = tokio::spawn(async { 2 + 3 });
//!     tokio::task::yield_now().await; // it ends meanwhile
//!     assert_eq!(abort_and_wait(sum).await, Ended::Finished(5));
//! }
//! ```
//!
//! An abort is a request: the task is dropped at its next await, and until then it keeps its locks and its connections. When
//! the wait is over, the task's destructors have run. A finished task keeps its result. A task that computes, and a
//! `spawn_blocking` that has begun, have no await: they run to their end, and the wait includes them.
//!
//! `JoinSet::shutdown` is enough for tasks of one set whose results do not matter. For work that has to clean up with
//! an await, or may refuse, take `cancel_and_confirm`.
//!
//! # Cancel safety
//!
//! The tasks are aborted when the function is called, before its future is first polled. Dropping the future only ends the
//! wait, and drops the results so far. To keep those, keep the handles, and await `&mut` to each.
//!
//! # Panics
//!
//! None. A panic of a task, also in its drop, is [`Ended::Panicked`].
//!
//! # Differences from asyncio
//!
//! - In asyncio a task may catch its cancellation, await, and refuse. An aborted task is dropped.
//! - In asyncio cancelling a task cancels the task that it awaits. An abort does not reach the inner task: own it by an
//!   `AbortOnDropHandle`.
//! - In asyncio the awaiter of a cancelled task gets a `CancelledError` too. Here it gets a value, `Err(JoinError)` (lesson
//!   `the_abort_of_an_inner_task_is_a_value_for_the_outer_one`).
//! - In asyncio a task that cancels itself and returns without waiting is cancelled. Here it has finished (lesson
//!   `but_one_that_aborts_itself_and_returns_has_finished`).
//! - A thread of `to_thread` cannot be cancelled, nor can a `spawn_blocking` that has begun (lesson
//!   `blocking_work_that_has_begun_runs_to_its_end`).

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::{JoinError, JoinHandle};

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended<T> {
    /// By itself, with this value: there was nothing to abort.
    Finished(T),
    /// By the abort, or because its runtime has shut down. This is no failure: the caller asked for it.
    Aborted,
    /// With a panic that has this message.
    Panicked(String),
}

/// Aborts a task and waits until it is gone.
pub fn abort_and_wait<T>(task: JoinHandle<T>) -> impl Future<Output = Ended<T>> {
    task.abort();
    async { task.await.into() }
}

/// Aborts all tasks, and then waits until they are gone. The results are in the order of `tasks`.
pub fn abort_all_and_wait<T>(
    tasks: impl IntoIterator<Item = JoinHandle<T>>,
) -> impl Future<Output = Vec<Ended<T>>> {
    let tasks: Vec<_> = tasks.into_iter().inspect(JoinHandle::abort).collect();
    async {
        let mut ends = Vec::with_capacity(tasks.len());
        for task in tasks {
            ends.push(task.await.into());
        }
        ends
    }
}

/// Converts the result of `task.await`.
impl<T> From<Result<T, JoinError>> for Ended<T> {
    fn from(result: Result<T, JoinError>) -> Self {
        match result.map_err(JoinError::try_into_panic) {
            Ok(value) => Self::Finished(value),
            Err(Ok(panic)) => Self::Panicked(text(panic)),
            Err(Err(_aborted)) => Self::Aborted,
        }
    }
}

/// Returns the text of a panic: `panic!` leaves a `&str` or a `String`, `panic_any` any value.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a value that is not text");
    let text = text.to_owned();
    // It may hold a value whose destructor panics.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(another);
    }
    text
}
