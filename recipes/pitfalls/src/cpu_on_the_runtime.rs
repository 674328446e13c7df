// SPDX-License-Identifier: 0BSD
//! A long computation keeps its thread from every other task. asyncio: a coroutine that computes stops the loop.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What you see
//!
//! Everything else is late: timeouts fire late, a heartbeat misses its time, a server accepts no connection. On one thread
//! all tasks pause. On many threads each computation takes one thread away, until all of them are busy.
//! Lesson: `but_between_two_awaits_nobody_else_runs`.
//!
//! # What catches it
//!
//! Nothing. asyncio's debug mode logs a step of more than 100 ms; on Tokio you need a tool, such as `tokio-console`. As a
//! rule of thumb, compute for at most 100 microseconds between two awaits.
//!
//! # What to do
//!
//! Take `spawn_blocking`, as here. If there are many computations, add a limit, because the pool has up to 512 threads. The
//! recipe `executors` has a pool with one thread per core.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] leaves the work running, and its result is lost: a thread cannot be stopped from outside.
//!
//! # Panics
//!
//! A panic in `compute` goes on in the caller.

use std::panic::resume_unwind;

use tokio::task::{JoinError, spawn_blocking};

/// Computes between two awaits. Meanwhile no other task of this thread runs.
pub async fn broken<T>(compute: impl FnOnce() -> T) -> T {
    compute()
}

/// Computes on a blocking thread, while this thread runs other tasks.
///
/// # Errors
///
/// If the runtime shuts down before the work has begun.
pub async fn fixed<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    match spawn_blocking(compute).await {
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        computed => computed,
    }
}
