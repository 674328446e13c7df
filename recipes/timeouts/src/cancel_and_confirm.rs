// SPDX-License-Identifier: 0BSD
//! Cancels a task with a reason, waits for its clean-up, and reports how it ended: `task.cancel("reason")`, then `await
//! task` in a `try` with an `except CancelledError as error`.
//!
//! ```sh
//! cargo add tokio --features macros,rt,sync,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use timeouts::cancel_and_confirm::{CancelOutcome, CancellableTask};
//! use tokio::task::yield_now;
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let task = CancellableTask::spawn(Some(Duration::from_secs(5)), |stop| async move {
//!         let query = sleep(Duration::from_secs(60));
//!         let rows = stop.run_until_requested(query).await; // None: it was cancelled
//!         sleep(Duration::from_millis(1)).await; // closes the connection, in any case
//!         Ok::<_, String>(rows)
//!     });
//!     yield_now().await; // it begins
//!     let outcome = task.cancel_and_wait("shutdown").await;
//!     assert_eq!(outcome, CancelOutcome::Cancelled { reason: Some("shutdown"), cleaned_up: true });
//! }
//! ```
//!
//! A `CancellationToken` and the `JoinHandle` are enough without a reason and without a grace period. Here the work gets a
//! [`StopRequest`]. It may clean up with awaits and return `Ok(None)`; it may refuse, and return a value. If it has not ended
//! when its grace period is over, it is aborted. A task that is cancelled before its first poll does not begin.
//!
//! Work that ends in the last instant of its grace period is in time, unless it takes many more turns in that instant. Work
//! that waits for its own [`CancellableTask`] waits until it is cancelled, and nothing detects that.
//!
//! # Cancel safety
//!
//! Dropping the [`CancellableTask`], or the future of [`wait`](CancellableTask::wait), requests a stop without a reason. The caller does not
//! wait for the clean-up then; the work has its grace period all the same. To wait for it at the end of the program,
//! have a `TaskTracker` track the work.
//!
//! # Errors
//!
//! An error becomes a [`CancelOutcome`]. A cancelled task counts neither as finished nor as failed.
//!
//! # Panics
//!
//! If called outside a Tokio runtime with a clock. A panic in the work is [`CancelOutcome::Panicked`].
//!
//! # Cost
//!
//! Two tasks: one for the work, and one that outlives the [`CancellableTask`]. 3.4 times a `tokio::time::timeout`; asyncio's
//! `create_task`, `cancel` and `await` cost 20.
//!
//! # Differences from asyncio
//!
//! - asyncio's `cancel()` returns whether the task was still there. So does [`CancellableTask::cancel`]; `abort()` does not
//!   (lesson `a_further_request_says_that_there_is_nothing_to_do`).
//! - The message of `cancel("why")` arrives with the `CancelledError`. Here the first reason counts, and both the task and its
//!   awaiter can read it (lesson `the_reason_is_read_by_the_task_and_by_whoever_awaits_it`). Tokio's abort has no reason.

use std::any::Any;
use std::future::pending;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio::task::{JoinError, JoinHandle, yield_now};
use tokio::time::timeout;

/// Work on its own task that can be asked to stop, with a reason.
#[derive(Debug)]
pub struct CancellableTask<T, E, R> {
    supervisor: JoinHandle<CancelOutcome<T, E, R>>,
    stop: StopRequest<R>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome<T, E, R> {
    /// With a value, even if it refused the request to stop, or the request came too late.
    Finished(T),
    /// With an error, possibly from its clean-up.
    Failed(E),
    /// With a panic that has this message.
    Panicked(String),
    /// Because of a request, or its runtime has shut down.
    Cancelled {
        /// The reason. `None` if the request had none.
        reason: Option<R>,
        /// Whether it ended by itself, so its clean-up is done. If not, it was aborted after its grace period.
        cleaned_up: bool,
    },
}

/// The request to stop, as the work sees it. Clones belong to the same task, and each may make the request.
#[derive(Debug)]
pub struct StopRequest<R>(Arc<SetOnce<Verdict<R>>>);

/// The first event: a request, or the end of the work.
#[derive(Debug)]
enum Verdict<R> {
    Requested(Option<R>),
    Ended,
}

impl<T, E, R> CancellableTask<T, E, R>
where
    T: Send + 'static,
    E: Send + 'static,
    R: Clone + Send + Sync + 'static,
{
    /// Starts `work`. `grace` is the time for its clean-up after the request to stop. `None`: no limit.
    pub fn spawn<F>(grace: Option<Duration>, work: impl FnOnce(StopRequest<R>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
    {
        let stop = StopRequest(Arc::new(SetOnce::new()));
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                if stop.is_requested() {
                    return Ok(None);
                }
                // A drop, so that the end is recorded after a panic too.
                let _ended = Ending(stop.clone());
                work(stop).await
            }
        });
        Self { supervisor: tokio::spawn(supervise(task, stop.clone(), grace)), stop }
    }

    /// Asks the work to stop. `false` if there is nothing to do: it has ended, or was asked before.
    pub fn cancel(&self, reason: R) -> bool {
        self.stop.cancel(reason)
    }

    /// Returns the request, for other tasks that may ask the work to stop.
    pub fn stop(&self) -> StopRequest<R> {
        self.stop.clone()
    }

    /// Returns whether the task is gone, its clean-up included.
    pub fn is_finished(&self) -> bool {
        self.supervisor.is_finished()
    }

    /// Waits until the task is gone.
    pub async fn wait(mut self) -> CancelOutcome<T, E, R> {
        (&mut self.supervisor).await.unwrap_or_else(|error| self.stop.outcome(error))
    }

    /// Asks the work to stop, and waits until the task is gone.
    pub async fn cancel_and_wait(self, reason: R) -> CancelOutcome<T, E, R> {
        self.cancel(reason);
        self.wait().await
    }
}

impl<T, E, R> Drop for CancellableTask<T, E, R> {
    fn drop(&mut self) {
        let _too_late = self.stop.0.set(Verdict::Requested(None));
    }
}

impl<R> StopRequest<R> {
    /// Asks the work to stop. `false` if there is nothing to do: it has ended, or was asked before.
    pub fn cancel(&self, reason: R) -> bool {
        self.0.set(Verdict::Requested(Some(reason))).is_ok()
    }

    /// Waits for the request, and returns its reason: `None` if the [`CancellableTask`] was dropped. Cancel safe.
    pub async fn requested(&self) -> Option<&R> {
        match self.0.wait().await {
            Verdict::Requested(reason) => reason.as_ref(),
            // The work has ended, so no request will come.
            Verdict::Ended => pending().await,
        }
    }

    /// Returns whether the request has come. Use it in a loop that computes.
    pub fn is_requested(&self) -> bool {
        matches!(self.0.get(), Some(Verdict::Requested(_)))
    }

    /// Awaits `work` until the request, and then drops it and returns `None`. A value that is ready in the same instant counts.
    pub async fn run_until_requested<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if self.is_requested() {
            return None;
        }
        tokio::select! {
            biased;
            output = work => Some(output),
            _reason = self.requested() => None,
        }
    }

    fn outcome<T, E>(&self, error: JoinError) -> CancelOutcome<T, E, R>
    where
        R: Clone,
    {
        match error.try_into_panic() {
            Ok(panic) => CancelOutcome::Panicked(text(panic)),
            Err(_aborted) => self.cancelled(false),
        }
    }

    fn cancelled<T, E>(&self, cleaned_up: bool) -> CancelOutcome<T, E, R>
    where
        R: Clone,
    {
        let reason = match self.0.get() {
            Some(Verdict::Requested(reason)) => reason.clone(),
            Some(Verdict::Ended) | None => None,
        };
        CancelOutcome::Cancelled { reason, cleaned_up }
    }
}

impl<R> Clone for StopRequest<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Ending<R>(StopRequest<R>);

impl<R> Drop for Ending<R> {
    fn drop(&mut self) {
        let _requested_before = self.0.0.set(Verdict::Ended);
    }
}

async fn supervise<T, E, R: Clone>(
    mut task: JoinHandle<Result<Option<T>, E>>,
    stop: StopRequest<R>,
    grace: Option<Duration>,
) -> CancelOutcome<T, E, R> {
    let ended = tokio::select! {
        biased;
        ended = &mut task => ended,
        _reason = stop.requested() => match timeout(grace.unwrap_or(Duration::MAX), &mut task).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                if grace == Some(Duration::ZERO) || !in_this_instant(&task).await {
                    task.abort();
                }
                // An abort is only a request. The task is gone when this returns.
                task.await
            }
        },
    };
    match ended {
        Ok(Ok(Some(value))) => CancelOutcome::Finished(value),
        Ok(Ok(None)) => stop.cancelled(true),
        Ok(Err(error)) => CancelOutcome::Failed(error),
        Err(error) => stop.outcome(error),
    }
}

/// Lets a task end that is due in this instant. Tokio cannot say when all due tasks have run, so it gets a few turns.
async fn in_this_instant<T>(task: &JoinHandle<T>) -> bool {
    for _ in 0..4 {
        if task.is_finished() {
            break;
        }
        yield_now().await;
    }
    task.is_finished()
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
