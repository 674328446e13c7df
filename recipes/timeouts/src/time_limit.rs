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
//! `tokio::time::timeout` is enough if the work cannot fail: it puts its own `Result` around the work's. Here they are one
//! `Result`, and the variant says which it is.
//!
//! Work that is cut off is dropped at its await. When the error is returned, its destructors have run. Clean-up that awaits
//! does not begin: for that, see `timeout_and_wait`. A dropped `JoinHandle` lets its task run on: pass
//! `AbortOnDropHandle::new(task)`.
//!
//! # Cancel safety
//!
//! Dropping the future drops the work.
//!
//! # Errors
//!
//! [`LimitError`]: too late, or the error of the work itself.
//!
//! # Panics
//!
//! A panic in the work, also in its drop at the limit, resumes in the caller. With a limit, it panics outside a Tokio runtime
//! with a clock.
//!
//! # Differences from asyncio
//!
//! - `wait_for(coroutine, 0)` does not begin the work; `timeout(0)` runs it up to its first suspension, as this does (lesson
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
    /// The limit passed first.
    #[error("timed out after {0:?}")]
    TimedOut(Duration),
    /// The work itself failed, in time.
    #[error("{0}")]
    Failed(E),
}

/// Awaits `work` for `limit` at most, counted from the first poll. `None` is no limit.
///
/// The work is polled before the clock is checked. So a value that is ready in the instant of the limit is in time. With a
/// limit of zero the work still runs up to its first wait.
pub async fn time_limit<T, E>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, LimitError<E>> {
    // A limit beyond the clock's range never fires: no timer is set.
    let limit = limit.unwrap_or(Duration::MAX);
    match timeout(limit, work).await {
        Ok(result) => result.map_err(LimitError::Failed),
        Err(_elapsed) => Err(LimitError::TimedOut(limit)),
    }
}
