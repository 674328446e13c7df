// SPDX-License-Identifier: 0BSD
//! Polls until there is an answer: a function takes an async function as its argument, as Python takes any `async def`.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use async_await::async_closures::poll_until;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut asked = 0;
//!     // The report is ready at the third question.
//!     let report = poll_until(Duration::from_millis(1), async || {
//!         asked += 1;
//!         anyhow::Ok((asked == 3).then_some("report"))
//!     })
//!     .await?;
//!     assert_eq!((report, asked), ("report", 3));
//!     Ok(())
//! }
//! ```
//!
//! `AsyncFn`, `AsyncFnMut` and `AsyncFnOnce` take `async || { ... }`, an `async fn`, or a closure that returns a
//! future. An async closure may use what it borrows across its awaits. In `|| async { ... }` the future cannot borrow a
//! variable that the closure changes.
//!
//! If only one caller polls, a plain `loop` with a `sleep` is enough.
//!
//! A function that spawns needs futures that are `Send`. No bound on an `AsyncFn` can say so. Therefore
//! [`spawn_poll_until`] takes a closure that returns a nameable future. A caller may still spawn [`poll_until`] itself
//! with a closure of its own: there the compiler sees the future.
//!
//! # Cancel safety
//!
//! Dropping [`poll_until`] drops the call of `ask` that is under way; no other follows. Dropping the handle of
//! [`spawn_poll_until`] detaches the task: it runs on.
//!
//! # Errors
//!
//! The first error of `ask`. Neither time nor the number of calls is limited: put a timeout around it.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Calls `ask` until it returns a value: at once, and again `pause` after each `None`. Tokio's timer has steps of a
/// millisecond and rounds up, so a pause of zero lets other tasks run, too.
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

/// Does what [`poll_until`] does, on a task of its own.
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
