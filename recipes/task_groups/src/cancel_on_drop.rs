// SPDX-License-Identifier: 0BSD
//! Work that comes to its own end, and is waited for, although whoever awaits it is cancelled: an `asyncio.TaskGroup`
//! inside of `asyncio.timeout`, or in a task that is cancelled.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! Python raises `CancelledError` in the block, and the block waits for its children before it lets go. A future that
//! is dropped cannot wait. So the work, with the children that it owns, is a task of its own. Its owner holds the
//! token: when the owner is dropped the work is told, ends what it has begun, and `tracker` waits for it.
//!
//! The work has to look at its token. Work that does not runs on to its end.
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
//! Outside a Tokio runtime.

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs `work` as a task that `tracker` knows of, and waits for it. The token tells it that nobody waits any more.
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
