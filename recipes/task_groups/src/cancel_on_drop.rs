// SPDX-License-Identifier: 0BSD
//! Lets work finish by itself although its awaiter is dropped, and waits for it elsewhere: an `asyncio.TaskGroup` inside
//! `asyncio.timeout`, or in a cancelled task.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use task_groups::cancel_on_drop::cancel_on_drop;
//! use tokio::time::timeout;
//! use tokio_util::{sync::CancellationToken, task::TaskTracker};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let tracker = TaskTracker::new();
//!     let import = cancel_on_drop(&tracker, async |stop: CancellationToken| {
//!         stop.cancelled().await; // imports until then
//!         println!("the last row is written");
//!     });
//!     assert!(timeout(Duration::from_millis(1), import).await.is_err());
//!     tracker.close();
//!     tracker.wait().await; // until the last row is written
//! }
//! ```
//!
//! Python raises `CancelledError` in the block, and the block waits for its children. A dropped future cannot wait. So the
//! work, with its children, is a separate task, and its owner holds the token. When the owner is dropped, the token is
//! cancelled, the work finishes what it has begun, and `tracker` waits for it.
//!
//! `AbortOnDropHandle` is enough for work that may be cut off at any await.
//!
//! The work has to check its token. Work that ignores it runs to its end.
//!
//! # Cancel safety
//!
//! Dropping the future cancels the token of the work, and detaches it. Before the first poll, the work has not begun.
//!
//! # Errors
//!
//! The [`JoinError`] of work that has panicked, or that was cut off by the end of its runtime.
//!
//! # Panics
//!
//! If called outside a Tokio runtime.

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs `work` as a task of `tracker`, and waits for it. Dropping the returned future cancels the token.
pub async fn cancel_on_drop<T, F>(
    tracker: &TaskTracker,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<T, JoinError>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let token = CancellationToken::new();
    let cancel = token.clone().drop_guard();
    let result = tracker.spawn(work(token)).await;
    cancel.disarm();
    result
}
