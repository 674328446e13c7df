// SPDX-License-Identifier: 0BSD
//! `let _ = limit.acquire().await` takes a permit and returns it on the same line. asyncio: `semaphore.acquire()` keeps it
//! until `release()`.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! # What you see
//!
//! The limit has no effect. `_` is not a variable: a value assigned to it is dropped at the end of the statement. `_permit`
//! is a variable, and lives to the end of its block.
//! Lesson: `but_a_permit_that_is_given_to_an_underscore_limits_nothing`.
//!
//! # What catches it
//!
//! - rustc's `unused_must_use`, on by default, for the bare `limit.acquire().await;`.
//! - Nothing by default for `let _ = limit.acquire().await`. Clippy's `let_underscore_must_use` and rustc's
//!   `let_underscore_drop` catch it, and the same with a guard of a Tokio lock. Both are off by default.
//! - rustc's `let_underscore_lock`, an error by default, for `let _ = mutex.lock()` with a lock of `std`.
//!
//! # What to do
//!
//! Give the permit a name, and switch one of the two lints on.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops the work and returns the permit, or leaves the queue for one.
//!
//! # Errors
//!
//! `AcquireError` if the semaphore is closed: the work does not begin.

use tokio::sync::{AcquireError, Semaphore};

/// Runs the work without a permit: the permit is dropped before the work begins.
#[allow(let_underscore_drop, clippy::let_underscore_must_use, reason = "the pitfall")]
pub async fn broken<T>(limit: &Semaphore, work: impl Future<Output = T>) -> Result<T, AcquireError> {
    let _ = limit.acquire().await?;
    Ok(work.await)
}

/// Runs the work while it holds a permit.
pub async fn fixed<T>(limit: &Semaphore, work: impl Future<Output = T>) -> Result<T, AcquireError> {
    let _permit = limit.acquire().await?;
    Ok(work.await)
}
