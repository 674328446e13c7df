// SPDX-License-Identifier: 0BSD
//! The error of a task without an awaiter is lost. asyncio: "Task exception was never retrieved", when it is collected.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Nothing. A panic prints a line on stderr; an `Err` in a handle that is dropped prints nothing at all.
//!
//! # What catches it
//!
//! - Nothing, for `tokio::spawn(work);`: a `JoinHandle` may be ignored.
//! - rustc's `unused_must_use`, on by default, for `work.await;` where that gives a `Result`.
//! - Clippy's `let_underscore_must_use` and `unused_result_ok`, both off by default, for `let _ = work.await` and
//!   `work.await.ok();`.
//!
//! # What to do
//!
//! Report it: to the awaiter of the handle, or when the task ends. The recipe
//! `error_handling` has tasks that report unless they are awaited, and a supervisor.
//!
//! # Cancel safety
//!
//! Neither function awaits. Dropping what [`fixed`] gives back aborts the work; that is not reported.

use std::fmt::Display;

use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

/// Starts work in the background.
///
/// # Panics
///
/// Outside of a runtime.
#[allow(clippy::unused_result_ok, reason = "the pitfall")]
pub fn broken<E: Display + Send + 'static>(
    work: impl Future<Output = Result<(), E>> + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async {
        // Written to silence a warning.
        work.await.ok();
    })
}

/// Starts work in the background, and reports its error or its panic.
///
/// # Panics
///
/// Outside of a runtime.
pub fn fixed<E: Display + Send + 'static>(
    work: impl Future<Output = Result<(), E>> + Send + 'static,
    report: impl FnOnce(String) + Send + 'static,
) -> AbortOnDropHandle<()> {
    // A task inside the task, so that a panic of the work is a value here.
    let work = AbortOnDropHandle::new(tokio::spawn(work));
    AbortOnDropHandle::new(tokio::spawn(async {
        match work.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => report(error.to_string()),
            Err(ended) if ended.is_panic() => report(ended.to_string()),
            // Aborted: its end was asked for.
            Err(_ended) => {}
        }
    }))
}
