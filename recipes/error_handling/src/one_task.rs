// SPDX-License-Identifier: 0BSD
//! Catches one task's error: `try: await task`, `except NotFound`, `except ... as error`, `else`.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add thiserror
//! ```
//!
//! ```
//! use error_handling::one_task::{LoadError, page_or};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let found = tokio::spawn(async { Ok("welcome".to_owned()) });
//!     assert_eq!(page_or("(no page)", found).await?, "welcome");
//!
//!     let missing = tokio::spawn(async { Err(LoadError::NotFound("faq".to_owned())) });
//!     assert_eq!(page_or("(no page)", missing).await?, "(no page)");
//!
//!     let endless = tokio::spawn(std::future::pending());
//!     endless.abort();
//!     assert!(matches!(page_or("(no page)", endless).await, Err(LoadError::Cancelled)));
//!     Ok(())
//! }
//! ```
//!
//! A task's result is two `Result`s. The outer one, a [`JoinError`], is about the task: it panicked or was aborted. The
//! inner one is what the work returns. An `except` clause is an arm of a `match`. An exception that no `except` names
//! propagates; here the last arm returns the error. `finally` is the `Drop` of a value.
//!
//! `task.await??` is enough if the caller treats every failure alike.
//!
//! # Cancel safety
//!
//! Cancel safe over a `&mut JoinHandle`: the result stays in the handle. Over an owned `JoinHandle`, dropping the
//! future lets the task run on and loses its result. Pass an `AbortOnDropHandle` to end the task.
//!
//! # Errors
//!
//! Each [`LoadError`] except `NotFound`.
//!
//! # Panics
//!
//! A panic of the task resumes in the caller: it is a bug, which the caller cannot handle.

use std::io;
use std::panic::resume_unwind;

use tokio::task::JoinError;

/// Why a page could not be loaded. A caller matches on it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such page.
    #[error("{0} not found")]
    NotFound(String),
    /// The page exists, and reading it failed.
    #[error("{page} cannot be read")]
    Unreadable {
        /// The name of the page.
        page: String,
        /// The error of the operating system. It is the `source`, so it is printed after this error, not in it.
        #[source]
        cause: io::Error,
    },
    /// The task that should have loaded it was aborted.
    #[error("loading was cancelled")]
    Cancelled,
}

/// Waits for a task that loads a page. Returns `default` for a page that does not exist.
pub async fn page_or(
    default: &str,
    task: impl Future<Output = Result<Result<String, LoadError>, JoinError>>,
) -> Result<String, LoadError> {
    match task.await {
        Ok(Err(LoadError::NotFound(_))) => Ok(default.to_owned()),
        Ok(page_or_other_error) => page_or_other_error,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The other task was aborted, and this one was not: so the abort is a value, and does not end the caller.
            Err(_aborted) => Err(LoadError::Cancelled),
        },
    }
}
