// SPDX-License-Identifier: 0BSD
//! Lets work go on when its caller is cancelled, and still reports its failure: `asyncio.shield(aw)`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use timeouts::shield::shield;
//! use tokio::{sync::oneshot, time::timeout};
//! use tokio_util::task::TaskTracker;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let tasks = TaskTracker::new();
//!     let (disk, written) = oneshot::channel();
//!     let mut save = shield(&tasks, written, |failure| eprintln!("not saved: {failure}"));
//!     let in_time = timeout(Duration::from_millis(1), &mut save).await;
//!     assert!(in_time.is_err()); // the caller gives up, for now
//!
//!     assert_eq!(disk.send("saved"), Ok(())); // the work goes on
//!     assert_eq!(save.await?, "saved");
//!     Ok(())
//! }
//! ```
//!
//! A task whose `JoinHandle` is dropped runs on: that is already a shield, and enough for work that cannot fail. Its error is
//! dropped silently. Here a failure goes to the awaiter, or to `unheard` if there is no awaiter, but never to both.
//!
//! Await a `&mut` to it, in a `timeout` or a `select!`, to give up for now and wait again later. The [`TaskTracker`] is
//! for the end of the program: wait for it, or the runtime cuts the work off.
//!
//! # Cancel safety
//!
//! Dropping [`Shielded`] ends neither the work nor its report.
//!
//! # Errors
//!
//! [`ShieldFailure`]. Work that was cut off, by [`Shielded::abort`] or the end of the runtime, is not reported to `unheard`.
//!
//! # Panics
//!
//! If called outside a Tokio runtime, or if it is awaited again after its end. A panic in the work is a [`ShieldFailure`].
//! `unheard` is called in a drop, so its panic goes no further; the panic hook reports it.
//!
//! # Cost
//!
//! 1.8 times a `tokio::time::timeout`, as a spawned task; `asyncio.shield` costs 39.
//!
//! # Differences from asyncio
//!
//! - asyncio logs the late error of a shielded task when the task is collected. A dropped `JoinHandle` loses it; `shield`
//!   reports it (lesson `but_the_error_in_a_dropped_join_handle_is_lost`).
//! - `asyncio.run` cancels shielded work, and waits for it. A Tokio runtime drops it at its end.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::TaskTracker;

/// Shielded work. As a future, its result.
#[derive(Debug)]
pub struct Shielded<T, E>(JoinHandle<Ended<T, E>>);

/// Why the work gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShieldFailure<E> {
    /// It returned an error.
    Error(E),
    /// It panicked with this message.
    Panicked(String),
    /// It was aborted, or its runtime has shut down.
    Cancelled,
}

/// The result, until it is taken. Its drop, also by the runtime, reports a failure that no awaiter has taken.
struct Ended<T, E> {
    result: Option<Result<T, ShieldFailure<E>>>,
    unheard: Option<Box<dyn FnOnce(ShieldFailure<E>) + Send>>,
}

/// Starts `work` at once. If it fails and its caller is gone, `unheard` is called with the failure.
pub fn shield<T, E>(
    tasks: &TaskTracker,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
    unheard: impl FnOnce(ShieldFailure<E>) + Send + 'static,
) -> Shielded<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    Shielded(tasks.spawn(async move {
        #[expect(
            clippy::redundant_async_block,
            reason = "it drops the work, so a panic in that drop is caught too"
        )]
        let work = async move { work.await };
        let result = AssertUnwindSafe(work).catch_unwind().await;
        let result = match result {
            Ok(result) => result.map_err(ShieldFailure::Error),
            Err(panic) => Err(ShieldFailure::Panicked(text(panic))),
        };
        Ended { result: Some(result), unheard: Some(Box::new(unheard)) }
    }))
}

impl<T, E> Shielded<T, E> {
    /// Aborts the work itself: the shield only protects it from callers that stop waiting.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Returns whether the work is done.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T, E> Future for Shielded<T, E> {
    type Output = Result<T, ShieldFailure<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(match ended {
            Ok(mut ended) => ended.result.take().unwrap_or(Err(ShieldFailure::Cancelled)),
            Err(error) => Err(failure(error)),
        })
    }
}

impl<T, E> Drop for Ended<T, E> {
    fn drop(&mut self) {
        if let (Some(Err(failure)), Some(unheard)) = (self.result.take(), self.unheard.take()) {
            // It may be dropped while a panic unwinds, or by the runtime. The panic hook reports its panic.
            catch_unwind(AssertUnwindSafe(|| unheard(failure))).unwrap_or_else(mem::forget);
        }
    }
}

impl<T, E> fmt::Debug for Ended<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended").finish_non_exhaustive()
    }
}

fn failure<E>(error: JoinError) -> ShieldFailure<E> {
    match error.try_into_panic() {
        Ok(panic) => ShieldFailure::Panicked(text(panic)),
        Err(_aborted) => ShieldFailure::Cancelled,
    }
}

impl<E: fmt::Display> fmt::Display for ShieldFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "{error}"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl<E: Error> Error for ShieldFailure<E> {}

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
