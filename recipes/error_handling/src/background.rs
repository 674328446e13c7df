// SPDX-License-Identifier: 0BSD
//! Reports the failure of a background task, unless an awaiter hears it: asyncio's "Task exception was never
//! retrieved".
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! ```
//! use std::sync::mpsc;
//!
//! use error_handling::background::{BackgroundError, Unheard, reported};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (log, reports) = mpsc::channel();
//!     let report = move |failure: BackgroundError<_>| drop(log.send(failure.to_string()));
//!     let save = async || Err::<(), _>("disk full");
//!
//!     let awaited = tokio::spawn(reported(save(), report.clone())).await?;
//!     assert_eq!(awaited.map_err(Unheard::hear), Err(BackgroundError::Error("disk full")));
//!
//!     drop(tokio::spawn(reported(save(), report))); // no awaiter: it is reported
//!     tokio::task::yield_now().await;
//!     assert_eq!(reports.try_iter().collect::<Vec<_>>(), ["disk full"]);
//!     Ok(())
//! }
//! ```
//!
//! Tokio drops what a task returns when no `JoinHandle` is left, and an `Err` in it is gone silently. The failure that
//! [`reported`] returns calls the report when it is dropped without having been heard. So it does not matter who drops
//! it, and when: the runtime, a `JoinSet`, a channel. It is heard or reported, and never both.
//!
//! A `match` at the end of the task that logs the error is enough for a task that is never awaited.
//!
//! # Cancel safety
//!
//! Dropping the future drops the work. That is a cancellation and not a failure: it is not reported.
//!
//! # Errors
//!
//! [`Unheard`] is what the work returned as an error, or its panic.
//!
//! # Panics
//!
//! A panic in the work is caught and is a failure, unless the profile has `panic = "abort"`. The report must not panic: it may run while another panic unwinds,
//! and a second one ends the process.

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

/// Why the work gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackgroundError<E> {
    /// It returned an error.
    Error(E),
    /// It panicked with this message.
    Panicked(String),
}

/// A failure that is reported when it is dropped.
#[must_use = "dropped, it is reported"]
pub struct Unheard<E, R: FnOnce(BackgroundError<E>)>(Option<(BackgroundError<E>, R)>);

/// Does `work`, and calls `report` if it fails and the failure is dropped unheard.
///
/// `tokio::spawn(reported(work, report));` is reported at the end of the task. With the handle kept,
/// `task.await?.map_err(Unheard::hear)` is the failure, and it is not reported.
pub async fn reported<T, E, R: FnOnce(BackgroundError<E>)>(
    work: impl Future<Output = Result<T, E>>,
    report: R,
) -> Result<T, Unheard<E, R>> {
    // Nothing of the work is looked at after a panic, so nothing half done is seen.
    let failure = match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => BackgroundError::Error(error),
        Err(panic) => BackgroundError::Panicked(text(panic)),
    };
    Err(Unheard(Some((failure, report))))
}

impl<E, R: FnOnce(BackgroundError<E>)> Unheard<E, R> {
    /// The failure, for one who deals with it: it will not be reported.
    pub fn hear(mut self) -> BackgroundError<E> {
        #[expect(
            clippy::expect_used,
            reason = "only this and the drop empty it, and each is the last to have it"
        )]
        let (failure, _report) = self.0.take().expect("it was not heard before");
        failure
    }
}

impl<E, R: FnOnce(BackgroundError<E>)> Drop for Unheard<E, R> {
    fn drop(&mut self) {
        if let Some((failure, report)) = self.0.take() {
            report(failure);
        }
    }
}

impl<E: fmt::Debug, R: FnOnce(BackgroundError<E>)> fmt::Debug for Unheard<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unheard").field(&self.0.as_ref().map(|(failure, _)| failure)).finish()
    }
}

impl<E: fmt::Display> fmt::Display for BackgroundError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panicked(text) => write!(f, "panicked: {text}"),
        }
    }
}

/// The text of a panic: `panic!` leaves a `&str` or a `String`, `panic_any` whatever it was given.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and the payload of that panic as well: it is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
