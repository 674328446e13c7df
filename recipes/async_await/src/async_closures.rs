// SPDX-License-Identifier: 0BSD
//! A function that takes an asynchronous function: in Python any `async def` passed as an argument.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! `AsyncFn`, `AsyncFnMut` and `AsyncFnOnce` take `async || { ... }`, an `async fn`, or a closure that returns a
//! future. What the closure borrows from its surroundings may be used across its awaits: `|| async { ... }` cannot
//! lend what it changes.
//!
//! Their limit: a function that spawns cannot ask that the futures of an `AsyncFn` be `Send`, for there is no way to
//! write this bound down. It takes a closure that returns a nameable future instead, as [`spawn_poll_until`] does. A
//! caller may still spawn [`poll_until`] itself with a closure of its own, for there the compiler sees the future.
//!
//! # Cancel safety
//!
//! Dropping [`poll_until`] drops the question that is under way; none follows. Dropping the handle of
//! [`spawn_poll_until`] ends nothing: the task runs on.
//!
//! # Errors
//!
//! The first error of `ask`. There is no limit of time or of questions: put one around it.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Asks until there is an answer: at once, and again `pause` after each `None`. Tokio's timer has steps of a
/// millisecond and rounds up, so also a pause of zero lets other tasks run.
pub async fn poll_until<T, E>(
    pause: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>, E>,
) -> Result<T, E> {
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        sleep(pause).await;
    }
}

/// Does the same on a task of its own.
pub fn spawn_poll_until<T, E, F>(
    pause: Duration,
    mut ask: impl FnMut() -> F + Send + 'static,
) -> JoinHandle<Result<T, E>>
where
    F: Future<Output = Result<Option<T>, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    // A type parameter with `FnMut() -> F` does not count as `AsyncFnMut`; a closure around it does.
    tokio::spawn(poll_until(pause, async move || ask().await))
}
