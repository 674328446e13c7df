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
//! inner one is what the work returns. An `except` clause is an arm of a `match`; what no arm catches is returned by
//! the last one, where asyncio lets it pass. `finally` is the `Drop` of a value.
//!
//! `task.await??` is enough where the caller treats every failure alike.
//!
//! # Cancel safety
//!
//! Cancel safe over a `&mut JoinHandle`: the result stays in the handle. Over an owned `JoinHandle`, dropping the
//! future lets the task run on, and its result is lost; pass an `AbortOnDropHandle` to end it.
//!
//! # Errors
//!
//! Every [`LoadError`] but `NotFound`.
//!
//! # Panics
//!
//! A panic of the task goes on in the caller: it is a bug, and the caller cannot fix it.

use std::io;
use std::panic::resume_unwind;

use tokio::task::JoinError;

/// Why a page could not be loaded. A caller matches on it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such page.
    #[error("{0} not found")]
    NotFound(String),
    /// The page is there, and reading it failed.
    #[error("{page} cannot be read")]
    Unreadable {
        /// The name of the page.
        page: String,
        /// What the operating system says. Being the `source`, it is printed after this error, not in it.
        #[source]
        cause: io::Error,
    },
    /// The task that should have loaded it was aborted.
    #[error("loading was cancelled")]
    Cancelled,
}

/// Waits for a task that loads a page. Gives `default` for a page that does not exist.
pub async fn page_or(
    default: &str,
    task: impl Future<Output = Result<Result<String, LoadError>, JoinError>>,
) -> Result<String, LoadError> {
    match task.await {
        Ok(Err(LoadError::NotFound(_))) => Ok(default.to_owned()),
        Ok(page_or_other_error) => page_or_other_error,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The other task was aborted, this one was not: so this is a value, and it does not end the caller.
            Err(_aborted) => Err(LoadError::Cancelled),
        },
    }
}
