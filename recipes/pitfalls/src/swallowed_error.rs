// SPDX-License-Identifier: 0BSD
//! If no code awaits a task, its error is lost. asyncio: "Task exception was never retrieved", when it is collected.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Nothing. A panic prints a line on stderr; an `Err` in a dropped handle prints nothing.
//!
//! # What catches it
//!
//! - Nothing, for `tokio::spawn(work);`: a `JoinHandle` may be ignored.
//! - rustc's `unused_must_use`, on by default, for `work.await;` if it returns a `Result`.
//! - Clippy's `let_underscore_must_use` and `unused_result_ok`, both off by default, for `let _ = work.await` and
//!   `work.await.ok();`.
//!
//! # What to do
//!
//! Report the error: to the awaiter of the handle, or when the task ends. The recipe `error_handling` has tasks that report
//! unless they are awaited, and a supervisor.
//!
//! # Cancel safety
//!
//! Neither function awaits. Dropping the handle that [`fixed`] returns aborts the work, without a report.

use std::fmt::Display;

use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

/// Starts work in the background.
///
/// # Panics
///
/// If called outside a runtime.
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
/// If called outside a runtime.
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
            // The caller aborted it: no report.
            Err(_ended) => {}
        }
    }))
}
