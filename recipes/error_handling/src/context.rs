// SPDX-License-Identifier: 0BSD
//! Adds to an error what the program was doing, and keeps the cause: `raise ... from`, `add_note`, the chain of a
//! traceback.
//!
//! ```sh
//! cargo add anyhow
//! ```
//!
//! ```
//! use error_handling::context::{lines, settings};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let parse = |text: &str| text.trim().parse::<u16>();
//!     let port = settings("port.txt", async { Ok("8080\n".to_owned()) }, parse).await?;
//!     assert_eq!(port, 8080);
//!
//!     let error = settings("port.txt", async { Ok("eighty".to_owned()) }, parse).await.unwrap_err();
//!     assert_eq!(lines(&error), ["parsing port.txt", "invalid digit found in string"]);
//!     Ok(())
//! }
//! ```
//!
//! Python itself records where an exception was raised, and which one was being handled then. Here a function adds what
//! it was doing, in words for people, and keeps the error below as the cause.
//!
//! `.context("...")?` is enough for one step; [`or_backup`] is for two attempts.
//!
//! | Python | here |
//! |---|---|
//! | `raise Outer() from error` | `Err(error).context(...)`, or `#[source]` in an error type |
//! | `error.add_note(text)` | `.context(text)`: it comes before the error, not after it |
//! | `error.__cause__` | `error.source()`, `error.chain()` |
//! | `error.__context__`, set when a handler fails | nothing, unless you keep it: [`or_backup`] |
//! | `raise Other() from None` | `map_err(\|_\| Other)` |
//!
//! # Errors
//!
//! [`anyhow::Error`], for programs whose errors people read. It still knows its types: `error.downcast_ref::<E>()`.
//!
//! # Cancel safety
//!
//! Dropping the future drops the read under way.

use std::error::Error;

use anyhow::Context;

/// Reads the settings called `name` and parses them. An error says which step failed, and for which settings.
pub async fn settings<T, E>(
    name: &str,
    read: impl Future<Output = anyhow::Result<String>>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> anyhow::Result<T>
where
    E: Error + Send + Sync + 'static,
{
    // `with_context` takes a closure: the text is built only when there is an error.
    let text = read.await.with_context(|| format!("reading {name}"))?;
    parse(&text).with_context(|| format!("parsing {name}"))
}

/// Awaits `first`, and `backup` if that fails. If both fail, the result is the error of the backup with the first error
/// as its cause. Python does the same with an exception raised in an `except`.
pub async fn or_backup<T>(
    first: impl Future<Output = anyhow::Result<T>>,
    backup: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    match first.await {
        Ok(value) => Ok(value),
        // As text, because an error has only one cause, and here two chains end in one.
        Err(first) => backup.await.map_err(|second| first.context(format!("{second:#}, while handling"))),
    }
}

/// Returns the error and its causes, outermost first, a line each.
pub fn lines(error: &anyhow::Error) -> Vec<String> {
    error.chain().map(ToString::to_string).collect()
}
