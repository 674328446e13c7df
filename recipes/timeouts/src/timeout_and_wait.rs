// SPDX-License-Identifier: 0BSD
//! Stops work at a time limit and waits for its clean-up before it reports: `asyncio.wait_for(aw, limit)`.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features macros,rt,time
//! cargo add tokio-util
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use timeouts::timeout_and_wait::{LateValue, TimeLimits, TimeoutFailure, timeout_and_wait};
//! use tokio::time::sleep;
//! use tokio_util::sync::CancellationToken;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let (time, grace) = (Some(Duration::from_millis(2)), Some(Duration::from_secs(5)));
//!     let limits = TimeLimits { time, grace, late_value: LateValue::Return };
//!     let parent = CancellationToken::new();
//!     let answer = timeout_and_wait(&parent, limits, async |stop: CancellationToken| {
//!         let query = sleep(Duration::from_secs(60));
//!         let rows = stop.run_until_cancelled(query).await; // None: the time is over
//!         sleep(Duration::from_millis(1)).await; // closes the connection, in any case
//!         Ok::<_, String>(rows)
//!     });
//!     assert_eq!(answer.await, Err(TimeoutFailure::TimedOut { cleaned_up: true }));
//! }
//! ```
//!
//! A plain `timeout` drops the work, which is enough unless the work has to await its clean-up. Here the work is a task with
//! a token. The token is cancelled when the time is over, when the parent token is cancelled, and when the caller is dropped.
//! The work returns `Ok(None)` once it has cleaned up. Work that has not ended after the grace period is aborted, and the
//! function waits until it is gone. Work that ends in the instant of a limit is in time, unless it takes many more turns in
//! that instant.
//!
//! # Cancel safety
//!
//! Dropping the future asks the work to stop. The caller does not wait for the clean-up then; the work has its grace
//! period all the same. To wait for it at the end of the program, have a `TaskTracker` track the work:
//! `tasks.track_future(...)`.
//!
//! # Errors
//!
//! [`TimeoutFailure`]. The work's result still counts after the request. An error of its clean-up replaces the timeout, and
//! so does a value if [`LateValue`] says so.
//!
//! # Panics
//!
//! If called outside a Tokio runtime with a clock. A panic in the work is [`TimeoutFailure::Panicked`].
//!
//! # Cost
//!
//! Two tasks: one for the work, and one that outlives the caller. 4.5 times a `tokio::time::timeout`; asyncio's `wait_for`
//! costs 43.
//!
//! # Differences from asyncio
//!
//! - `wait_for` returns a value that comes after the cancellation. Here [`LateValue`] chooses (lesson
//!   `a_value_that_comes_after_the_limit_is_returned_or_discarded_as_asked`).
//! - An exception of the clean-up replaces `TimeoutError`. Here it is [`TimeoutFailure::Failed`] (lesson
//!   `an_error_or_a_panic_of_the_clean_up_is_reported_in_place_of_the_timeout`).
//! - A second `cancel()` interrupts the clean-up. A token is cancelled once, so the clean-up runs on (lesson
//!   `a_caller_dropped_during_the_clean_up_does_not_cut_it_short`).
//! - `cancelling()` and `uncancel()` count requests, so that a block knows its own. Here each block has a child token (lesson
//!   `a_timeout_does_not_touch_the_parent_or_its_other_children`).

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle, yield_now};
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Time limits for work and its clean-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// The limit for the work. `None` is no limit. With zero the work does not begin.
    pub time: Option<Duration>,
    /// The grace period for its clean-up, after its token is cancelled. `None` is no limit, as in asyncio.
    pub grace: Option<Duration>,
    /// What to do with a value that the work returns after that.
    pub late_value: LateValue,
}

/// What to do with a value that came too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateValue {
    /// Return it, as `wait_for` does: the work was done after all.
    Return,
    /// Drop it, and report the timeout.
    Discard,
}

/// Why the work gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeoutFailure<E> {
    /// The time limit passed.
    #[error("timed out")]
    TimedOut {
        /// Whether it ended by itself, so its clean-up is done. If not, it was aborted after its grace period.
        cleaned_up: bool,
    },
    /// The parent token was cancelled, the work stopped by itself, or the runtime has shut down.
    #[error("cancelled")]
    Cancelled {
        /// Whether it ended by itself, so its clean-up is done.
        cleaned_up: bool,
    },
    /// The work panicked with this message, before the request to stop or after.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The work returned an error, before the request to stop or after.
    #[error("{0}")]
    Failed(E),
}

/// Runs `work` as a task, asks it to stop when the time is over, waits until it has ended, and only then reports.
pub async fn timeout_and_wait<T, E, F>(
    parent: &CancellationToken,
    limits: TimeLimits,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<T, TimeoutFailure<E>>
where
    F: Future<Output = Result<Option<T>, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    if parent.is_cancelled() {
        return Err(TimeoutFailure::Cancelled { cleaned_up: true });
    }
    if limits.time == Some(Duration::ZERO) {
        return Err(TimeoutFailure::TimedOut { cleaned_up: true });
    }
    // Set here, because work that computes before its first wait may delay the supervisor's first poll.
    let limit = sleep(limits.time.unwrap_or(Duration::MAX));
    // A child token: cancelling it leaves the parent alone, so the parent's state shows only its own cancellation.
    let stop = parent.child_token();
    // A panic before there is a future counts as a panic of the work.
    let work = catch_unwind(AssertUnwindSafe(|| work(stop.clone())));
    let task = tokio::spawn(async {
        match work {
            Ok(work) => work.await,
            Err(panic) => resume_unwind(panic),
        }
    });
    // Also a task: if the caller is dropped, this task still aborts the work after its grace period.
    let supervisor = tokio::spawn(supervise(task, stop.clone(), limit, limits));
    let _asked_at_the_latest_now = stop.drop_guard();
    supervisor.await.unwrap_or_else(|error| outcome(Err(error), LateValue::Return, false))
}

async fn supervise<T, E>(
    mut task: JoinHandle<Result<Option<T>, E>>,
    stop: CancellationToken,
    limit: Sleep,
    limits: TimeLimits,
) -> Result<T, TimeoutFailure<E>> {
    let mut limit = pin!(limit);
    let timed_out = tokio::select! {
        // A result that is there in the instant of the limit is in time.
        biased;
        ended = &mut task => return outcome(ended, LateValue::Return, false),
        () = stop.cancelled() => false,
        () = &mut limit => true,
    };
    // A timer fires up to a millisecond late. A longer delay means that the work has computed past its limit.
    let is_due_now = timed_out && limit.deadline().elapsed() < Duration::from_millis(2);
    if is_due_now && in_this_instant(&task).await {
        return outcome(task.await, LateValue::Return, false);
    }
    stop.cancel();
    let ended = match timeout(limits.grace.unwrap_or(Duration::MAX), &mut task).await {
        Ok(ended) => ended,
        Err(_elapsed) => {
            if limits.grace == Some(Duration::ZERO) || !in_this_instant(&task).await {
                task.abort();
            }
            // An abort is only a request. The task is gone when this returns.
            task.await
        }
    };
    outcome(ended, limits.late_value, timed_out)
}

/// Turns the end of the work into the caller's result.
fn outcome<T, E>(
    ended: Result<Result<Option<T>, E>, JoinError>,
    late_value: LateValue,
    timed_out: bool,
) -> Result<T, TimeoutFailure<E>> {
    let stopped = |cleaned_up| match timed_out {
        true => TimeoutFailure::TimedOut { cleaned_up },
        false => TimeoutFailure::Cancelled { cleaned_up },
    };
    match ended {
        Ok(Ok(Some(value))) if late_value == LateValue::Return => Ok(value),
        Ok(Ok(_)) => Err(stopped(true)),
        Ok(Err(error)) => Err(TimeoutFailure::Failed(error)),
        Err(error) => Err(match error.try_into_panic() {
            Ok(panic) => TimeoutFailure::Panicked(text(panic)),
            Err(_aborted) => stopped(false),
        }),
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
