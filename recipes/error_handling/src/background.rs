// SPDX-License-Identifier: 0BSD
//! Reports the failure of a background task, unless an awaiter takes it: asyncio's "Task exception was never
//! retrieved".
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! ```
//! use std::sync::mpsc;
//!
//! use error_handling::background::{Failure, Unheard, reported};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (log, reports) = mpsc::channel();
//!     let report = move |failure: Failure<_>| drop(log.send(failure.to_string()));
//!     let save = async || Err::<(), _>("disk full");
//!
//!     let awaited = tokio::spawn(reported(save(), report.clone())).await?;
//!     assert_eq!(awaited.map_err(Unheard::hear), Err(Failure::Error("disk full")));
//!
//!     drop(tokio::spawn(reported(save(), report))); // no awaiter: it is reported
//!     tokio::task::yield_now().await;
//!     assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["disk full"]);
//!     Ok(())
//! }
//! ```
//!
//! Tokio drops the result of a task when no `JoinHandle` is left, and an `Err` in it is lost silently. [`reported`]
//! returns a failure that calls the report when it is dropped before an awaiter takes it. So it may be dropped anywhere
//! and at any time: by the runtime, a `JoinSet`, a channel. A failure is taken or reported, and never both.
//!
//! For a task that is never awaited, a `match` at its end that logs the error is enough.
//!
//! # Cancel safety
//!
//! Dropping the future drops the work. That is a cancellation and not a failure: it is not reported.
//!
//! # Errors
//!
//! [`Unheard`] holds the error that the work returned, or its panic.
//!
//! # Panics
//!
//! A panic in the work is caught and is a failure, unless the profile has `panic = "abort"`. The report must not panic:
//! it may run while another panic unwinds, and a second panic ends the process.

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

/// Why the work returned no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// It returned an error.
    Error(E),
    /// It panicked with this message.
    Panicked(String),
}

/// A failure that is reported when it is dropped.
#[must_use = "dropped, it is reported"]
pub struct Unheard<E, R: FnOnce(Failure<E>)>(Option<(Failure<E>, R)>);

/// Awaits `work`, and calls `report` if `work` fails and no awaiter takes the failure.
///
/// After `tokio::spawn(reported(work, report));`, a failure is reported at the end of the task. If you keep the handle,
/// `task.await?.map_err(Unheard::hear)` takes the failure, and it is not reported.
pub async fn reported<T, E, R: FnOnce(Failure<E>)>(
    work: impl Future<Output = Result<T, E>>,
    report: R,
) -> Result<T, Unheard<E, R>> {
    // The work is not polled after a panic, so its half-done state is not seen.
    let failure = match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => Failure::Error(error),
        Err(panic) => Failure::Panicked(text(panic)),
    };
    Err(Unheard(Some((failure, report))))
}

impl<E, R: FnOnce(Failure<E>)> Unheard<E, R> {
    /// Takes the failure, for a caller who handles it: it will not be reported.
    pub fn hear(mut self) -> Failure<E> {
        #[expect(
            clippy::expect_used,
            reason = "only this and the drop empty it, and each is the last to have it"
        )]
        let (failure, _report) = self.0.take().expect("it was not heard before");
        failure
    }
}

impl<E, R: FnOnce(Failure<E>)> Drop for Unheard<E, R> {
    fn drop(&mut self) {
        if let Some((failure, report)) = self.0.take() {
            report(failure);
        }
    }
}

impl<E: fmt::Debug, R: FnOnce(Failure<E>)> fmt::Debug for Unheard<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unheard").field(&self.0.as_ref().map(|(failure, _)| failure)).finish()
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panicked(text) => write!(f, "panicked: {text}"),
        }
    }
}

/// Returns the text of a panic: the payload of `panic!` is a `&str` or a `String`, that of `panic_any` any value.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and so may the payload of that panic: the second one is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
