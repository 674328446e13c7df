// SPDX-License-Identifier: 0BSD
//! Starts a task, works meanwhile, and collects its result: `task = asyncio.create_task(...)`, later `await task`.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! cargo add thiserror
//! ```
//!
//! ```
//! use create_task::spawn::{Failure, alongside, collect};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let load = async { Ok::<_, String>(vec![3, 4]) };
//!     let (numbers, title) = alongside(load, async { "totals" }).await;
//!     assert_eq!((numbers, title), (Ok(vec![3, 4]), "totals"));
//!
//!     let endless = tokio::spawn(std::future::pending::<Result<(), String>>());
//!     endless.abort();
//!     assert_eq!(collect(endless).await, Err(Failure::Cancelled));
//! }
//! ```
//!
//! A spawned task runs whether or not it is awaited. Its value comes back inside a second `Result`: the task itself may
//! have panicked or been aborted. Awaiting a task that was aborted returns an error; it does not cancel the awaiter, as
//! a `CancelledError` does.
//!
//! `tokio::spawn(work).await??` is enough if the caller is never dropped and treats all failures alike.
//!
//! # Cancel safety
//!
//! Dropping [`alongside`] drops `meanwhile` and aborts the task; a value that is ready is dropped too. [`collect`] over
//! a `&mut JoinHandle` is cancel safe: the result stays in the handle.
//!
//! # Errors
//!
//! [`Failure`] has a variant each for an error of the work, a panic and an abort.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Why a task returned no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure<E> {
    /// The work returned an error.
    #[error("{0}")]
    Error(E),
    /// The work panicked with this message.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The task was aborted, or its runtime has shut down.
    #[error("cancelled")]
    Cancelled,
}

/// Starts `work` as a task, awaits `meanwhile` in the current task, then waits for the new task. Returns both results.
pub async fn alongside<T, E, U>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
    meanwhile: impl Future<Output = U>,
) -> (Result<T, Failure<E>>, U)
where
    T: Send + 'static,
    E: Send + 'static,
{
    // A bare JoinHandle would let the work run on when this future is dropped.
    let task = AbortOnDropHandle::new(tokio::spawn(work));
    let done_meanwhile = meanwhile.await;
    (collect(task).await, done_meanwhile)
}

/// Waits for a task (its `JoinHandle`, a `&mut` to it, or an [`AbortOnDropHandle`]) and returns its value or its
/// [`Failure`].
pub async fn collect<T, E>(
    task: impl Future<Output = Result<Result<T, E>, JoinError>>,
) -> Result<T, Failure<E>> {
    task.await?.map_err(Failure::Error)
}

impl<E> From<JoinError> for Failure<E> {
    fn from(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(panic) => Self::Panicked(message(panic)),
            Err(_aborted) => Self::Cancelled,
        }
    }
}

/// Returns the text of a panic: the payload of `panic!` is a `&str` or a `String`, that of `panic_any` any value.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and so may the payload of that panic: the second one is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
