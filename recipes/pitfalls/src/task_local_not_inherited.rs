// SPDX-License-Identifier: 0BSD
//! A task does not inherit the task-locals of its spawner. asyncio: a task copies the context variables.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What you see
//!
//! Log lines lack the number of their request, or a panic says *cannot access a task-local storage value without setting it
//! first*. The same applies to `spawn_blocking`, and to the current span of `tracing`.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Pass the value on, as [`fixed`] does; for a span, use `.in_current_span()`. A value that the work itself needs, and not
//! only its log, is better an argument. The recipe `create_task` has a context that children inherit.
//!
//! # Cancel safety
//!
//! Neither function awaits. Dropping the handle detaches the task.

use tokio::task::JoinHandle;
use tokio::task_local;

task_local! {
    /// The number of the request that this task works for.
    pub static REQUEST: u64;
}

/// Starts work for a request. The task does not know the request's number.
///
/// # Panics
///
/// If called outside a runtime.
pub fn broken<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work)
}

/// Starts work for the caller's request, if there is one.
///
/// # Panics
///
/// If called outside a runtime.
pub fn fixed<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    match REQUEST.try_get() {
        Ok(request) => tokio::spawn(REQUEST.scope(request, work)),
        Err(_not_set) => tokio::spawn(work),
    }
}
