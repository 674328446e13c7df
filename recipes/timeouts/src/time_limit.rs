// SPDX-License-Identifier: 0BSD
//! Cuts off work that takes too long: `async with asyncio.timeout(limit)`.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::future::pending;
//! use std::time::Duration;
//!
//! use timeouts::time_limit::{LimitError, time_limit};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let limit = Duration::from_millis(2);
//!     let page = time_limit(Some(limit), pending::<Result<String, &str>>()).await;
//!     assert_eq!(page, Err(LimitError::TimedOut(limit)));
//!
//!     let page = time_limit(Some(limit), async { Err::<String, _>("404 Not Found") }).await;
//!     assert_eq!(page, Err(LimitError::Failed("404 Not Found")));
//! }
//! ```
//!
//! `tokio::time::timeout` is enough where the work cannot fail: it puts its own `Result` around that of the work. Here they
//! are one, and a caller tells them apart by the variant.
//!
//! Work that is cut off is dropped at its await. What its values do in their `drop` is done when the error is returned.
//! Clean-up that awaits does not begin: for that, see `timeout_and_wait`. A dropped `JoinHandle` lets its task run on: pass
//! `AbortOnDropHandle::new(task)`.
//!
//! # Cancel safety
//!
//! Dropping the future drops the work.
//!
//! # Errors
//!
//! [`LimitError`]: too late, or what the work itself returned.
//!
//! # Panics
//!
//! A panic in the work, also in its drop at the limit, resumes in the caller. Outside a Tokio runtime with a clock, if there
//! is a limit.
//!
//! # Differences from asyncio
//!
//! - `wait_for(coroutine, 0)` does not begin it; `timeout(0)` runs it up to its first suspension, as this does (lesson
//!   `a_limit_of_zero_lets_the_work_get_as_far_as_its_first_wait`).
//! - In asyncio work that is due in the instant of its timeout is too late, because that timer was set first. Here it is in
//!   time.
//! - `TimeoutError` is an `OSError`. `?` turns Tokio's `Elapsed` into an `io::Error` (lesson
//!   `an_elapsed_becomes_an_io_error_that_says_timed_out`).

use std::time::Duration;

use tokio::time::timeout;

/// Why work with a time limit gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError<E> {
    /// The limit was over first.
    #[error("timed out after {0:?}")]
    TimedOut(Duration),
    /// The work itself failed, in time.
    #[error("{0}")]
    Failed(E),
}

/// Awaits `work` for `limit` at most, counted from the first poll. `None` is no limit.
///
/// The work is polled before the clock is looked at. So what is ready in the instant of the limit is in time. With a
/// limit of zero the work still gets as far as its first wait.
pub async fn time_limit<T, E>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, LimitError<E>> {
    // A limit beyond what the clock can hold never fires: no timer is set.
    let limit = limit.unwrap_or(Duration::MAX);
    match timeout(limit, work).await {
        Ok(result) => result.map_err(LimitError::Failed),
        Err(_elapsed) => Err(LimitError::TimedOut(limit)),
    }
}
