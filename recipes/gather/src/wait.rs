// SPDX-License-Identifier: 0BSD
//! Waits until the first, the first failure, or all of some tasks are done, and can wait again: `asyncio.wait`.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use gather::wait::{MaybeDone, ReturnWhen, wait};
//!
//! async fn fetch(millis: u64) -> anyhow::Result<u64> {
//!     tokio::time::sleep(Duration::from_millis(millis)).await;
//!     Ok(millis)
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut tasks = [30, 10, 20].map(|millis| MaybeDone::from(tokio::spawn(fetch(millis))));
//!     let first = wait(&mut tasks, ReturnWhen::FirstCompleted, None).await?;
//!     println!("done: {:?}, pending: {:?}", first.done, first.pending); // [1], [0, 2]
//!     let limit = Some(Duration::from_secs(1));
//!     let all = wait(&mut tasks, ReturnWhen::AllCompleted, limit).await?;
//!     println!("done: {:?}", all.done); // [0, 1, 2]
//!     Ok(())
//! }
//! ```
//!
//! `JoinSet::join_next` is enough to take results as they come. For two futures take the pattern `first_completed`.
//!
//! Waiting never ends a task. A timeout is no error: the result says what is done by then. To wait again, call [`wait`]
//! with the same tasks; the finished ones keep their results.
//!
//! # Cancel safety
//!
//! Cancel safe: results are kept in the slice, so a dropped wait loses none.
//!
//! # Errors
//!
//! [`NothingToWaitFor`] for an empty slice: there is no first task.
//!
//! # Cost
//!
//! Each wake-up looks at every task: fine for hundreds. For thousands take `JoinSet` or `FuturesUnordered`.
//!
//! # Differences from asyncio
//!
//! - `wait` of nothing raises `ValueError`. Here it is [`NothingToWaitFor`]; `JoinSet::join_next` returns `None`, and
//!   `select_all` panics.
//! - A task and a timeout can be due in one instant. In asyncio the timer that was set first decides. Here the task is done.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle, coop::unconstrained, yield_now};
use tokio::time::timeout;

/// A spawned task, or its result once it is done.
#[derive(Debug)]
pub enum MaybeDone<T> {
    /// Not seen to be done.
    Pending(JoinHandle<T>),
    /// Its value, or how it panicked or was aborted.
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
pub struct WaitResult {
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

/// Waits until `return_when` holds or `time_limit` has passed. `None`: no limit.
pub async fn wait<T, E>(
    tasks: &mut [MaybeDone<Result<T, E>>],
    return_when: ReturnWhen,
    time_limit: Option<Duration>,
) -> Result<WaitResult, NothingToWaitFor> {
    if tasks.is_empty() {
        return Err(NothingToWaitFor);
    }
    // Unconstrained: with its budget of 128, a task that waits for the first of a thousand would report 128 of those that
    // are done.
    let holds = unconstrained(poll_fn(|cx| {
        collect(tasks, cx);
        if return_when.holds(tasks) { Poll::Ready(()) } else { Poll::Pending }
    }));
    match time_limit {
        None => holds.await,
        Some(limit) => {
            if timeout(limit, holds).await.is_err() {
                // A task whose timer fires in this instant is about to run: let it finish, then look again.
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
    Ok(WaitResult { done, pending })
}

/// Stores the result of every task that has one.
fn collect<T>(tasks: &mut [MaybeDone<T>], cx: &mut Context<'_>) {
    for task in tasks {
        if let MaybeDone::Pending(handle) = task {
            if let Poll::Ready(result) = Pin::new(handle).poll(cx) {
                *task = MaybeDone::Done(result);
            }
        }
    }
}

impl ReturnWhen {
    fn holds<T, E>(self, tasks: &[MaybeDone<Result<T, E>>]) -> bool {
        let failed = |task: &MaybeDone<Result<T, E>>| match task {
            MaybeDone::Done(Ok(result)) => result.is_err(),
            MaybeDone::Done(Err(error)) => error.is_panic(),
            MaybeDone::Pending(_) => false,
        };
        match self {
            Self::FirstCompleted => tasks.iter().any(MaybeDone::is_done),
            Self::FirstError => tasks.iter().any(failed) || tasks.iter().all(MaybeDone::is_done),
            Self::AllCompleted => tasks.iter().all(MaybeDone::is_done),
        }
    }
}

impl<T> MaybeDone<T> {
    /// Returns whether a [`wait`] has seen the task done.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl<T> From<JoinHandle<T>> for MaybeDone<T> {
    fn from(handle: JoinHandle<T>) -> Self {
        Self::Pending(handle)
    }
}
