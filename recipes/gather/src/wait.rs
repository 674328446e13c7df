// SPDX-License-Identifier: 0BSD
//! Wait until the first, the first failure, or all of some tasks are done, and go on waiting later:
//! `asyncio.wait(tasks, timeout=..., return_when=...)`.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! Waiting never ends a task. A timeout is no error: it reports what is done by then. To wait again, call [`wait`]
//! again with the same tasks; the finished ones keep their results and cost no time.
//!
//! # Cancel safety
//!
//! Cancel safe: results are kept in the slice, so dropping the future loses none.
//!
//! # Errors
//!
//! [`NothingToWaitFor`] for an empty slice, where asyncio raises `ValueError`: there is no first task to wait for.
//!
//! # Cost
//!
//! Each wake-up looks at every task: fine for hundreds. For many thousands use `JoinSet` or `FuturesUnordered`.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle, coop::unconstrained, yield_now};
use tokio::time::timeout;

/// A spawned task and, once it is done, its result.
#[derive(Debug)]
pub enum Task<T> {
    /// Not seen to be done yet.
    Pending(JoinHandle<T>),
    /// Done: its value, or how it panicked or was aborted.
    Done(Result<T, JoinError>),
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnWhen {
    /// At least one task is done (`FIRST_COMPLETED`).
    FirstCompleted,
    /// A task has returned `Err` or panicked, or all are done (`FIRST_EXCEPTION`). An aborted task is no failure.
    FirstError,
    /// Every task is done (`ALL_COMPLETED`).
    AllCompleted,
}

/// Which tasks are done and which are not, as indices into the slice that was waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// Tasks that have a result.
    pub done: Vec<usize>,
    /// Tasks that still run.
    pub pending: Vec<usize>,
}

/// The slice of tasks was empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NothingToWaitFor;

impl fmt::Display for NothingToWaitFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are no tasks to wait for")
    }
}

impl Error for NothingToWaitFor {}

/// Waits until `return_when` holds or `time_limit` has passed; `None` waits without limit.
pub async fn wait<T, E>(
    tasks: &mut [Task<Result<T, E>>],
    return_when: ReturnWhen,
    time_limit: Option<Duration>,
) -> Result<Waited, NothingToWaitFor> {
    if tasks.is_empty() {
        return Err(NothingToWaitFor);
    }
    // Unconstrained, for a task has a budget of 128 results before it must yield, and a wait for the first of a
    // thousand would report 128 of those that are done.
    let holds = unconstrained(poll_fn(|cx| {
        collect(tasks, cx);
        if return_when.holds(tasks) { Poll::Ready(()) } else { Poll::Pending }
    }));
    match time_limit {
        None => holds.await,
        Some(limit) => {
            if timeout(limit, holds).await.is_err() {
                // A task whose timer fires in this very instant is about to run: let it finish, then look again.
                yield_now().await;
                unconstrained(poll_fn(|cx| {
                    collect(tasks, cx);
                    Poll::Ready(())
                }))
                .await;
            }
        }
    }
    let (done, pending) = (0..tasks.len()).partition(|&index| tasks[index].is_done());
    Ok(Waited { done, pending })
}

/// Stores the result of every task that has one.
fn collect<T>(tasks: &mut [Task<T>], cx: &mut Context<'_>) {
    for task in tasks {
        if let Task::Pending(handle) = task
            && let Poll::Ready(result) = Pin::new(handle).poll(cx)
        {
            *task = Task::Done(result);
        }
    }
}

impl ReturnWhen {
    fn holds<T, E>(self, tasks: &[Task<Result<T, E>>]) -> bool {
        let failed = |task: &Task<Result<T, E>>| match task {
            Task::Done(Ok(result)) => result.is_err(),
            Task::Done(Err(error)) => error.is_panic(),
            Task::Pending(_) => false,
        };
        match self {
            Self::FirstCompleted => tasks.iter().any(Task::is_done),
            Self::FirstError => tasks.iter().any(failed) || tasks.iter().all(Task::is_done),
            Self::AllCompleted => tasks.iter().all(Task::is_done),
        }
    }
}

impl<T> Task<T> {
    /// Whether the task has been seen to be done, by a [`wait`].
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl<T> From<JoinHandle<T>> for Task<T> {
    fn from(handle: JoinHandle<T>) -> Self {
        Self::Pending(handle)
    }
}
