// SPDX-License-Identifier: 0BSD
//! A task does not inherit the task-locals of the one that spawned it. asyncio: a task copies the context variables.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What you see
//!
//! Log lines without the number of their request, or the panic *cannot access a task-local storage value without setting it
//! first*. The same goes for `spawn_blocking`, and for the current span of `tracing`.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Hand it on, as [`fixed`] does; `.in_current_span()` for a span. What the work needs to be right, and not only to be
//! logged, is better an argument. The recipe `create_task` has a context that children inherit.
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

/// Starts work of a request. It does not know of which one.
///
/// # Panics
///
/// Outside of a runtime.
pub fn broken<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work)
}

/// Starts work of the request that the caller works for, if there is one.
///
/// # Panics
///
/// Outside of a runtime.
pub fn fixed<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    match REQUEST.try_get() {
        Ok(request) => tokio::spawn(REQUEST.scope(request, work)),
        Err(_not_set) => tokio::spawn(work),
    }
}
