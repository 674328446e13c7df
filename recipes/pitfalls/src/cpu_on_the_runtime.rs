// SPDX-License-Identifier: 0BSD
//! Work that computes keeps its thread from every other task. asyncio: a coroutine that computes stops the loop.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What you see
//!
//! Everything else is late: timeouts fire late, a heart-beat misses its time, a server accepts no connection. On one thread all
//! tasks pause; of many threads one is missing, and with as many such tasks as threads all pause.
//! Lesson: `but_between_two_awaits_nobody_else_runs`.
//!
//! # What catches it
//!
//! Nothing. asyncio's debug mode logs a step of more than 100 ms; on Tokio a tool has to look, such as `tokio-console`.
//! As a rule of thumb, 100 microseconds between two awaits are enough.
//!
//! # What to do
//!
//! `spawn_blocking`, as here, and a limit if there is much of it: the pool has up to 512 threads. The recipe `executors`
//! has a pool with one thread a core.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] leaves the work running, unheard: a thread cannot be stopped from outside.
//!
//! # Panics
//!
//! A panic in `compute` goes on in the caller.

use std::panic::resume_unwind;

use tokio::task::{JoinError, spawn_blocking};

/// Computes between two awaits: meanwhile no other task of this thread runs.
pub async fn broken<T>(compute: impl FnOnce() -> T) -> T {
    compute()
}

/// Computes on a thread for such work, while this one runs other tasks.
///
/// # Errors
///
/// When the runtime shuts down before the work has begun.
pub async fn fixed<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    match spawn_blocking(compute).await {
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        computed => computed,
    }
}
