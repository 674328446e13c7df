// SPDX-License-Identifier: 0BSD
//! An awaited task is used as its value.
//!
//! ```text
//! error[E0308]: mismatched types
//! ```
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! A task may panic or be aborted, so its handle gives a `Result` with the value or a `JoinError`.
//!
//! # What to do
//!
//! Return a `Result`, and write `task.await?`.
//!
//! # Second best
//!
//! Let the panic go on in the caller, as an exception does: `resume_unwind`. Take it when the task is never aborted.

use std::panic::resume_unwind;

use tokio::task::JoinError;

/// The caller learns of a panic.
pub async fn fixed() -> Result<usize, JoinError> {
    let value = tokio::spawn(async { 4 }).await?;
    Ok(value)
}

/// A panic goes on here.
pub async fn second_best() -> usize {
    let task = tokio::spawn(async { 4 });
    task.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}
