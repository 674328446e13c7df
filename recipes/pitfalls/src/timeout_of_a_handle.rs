// SPDX-License-Identifier: 0BSD
//! A `timeout` around a `JoinHandle` ends the wait, and not the task. asyncio: `wait_for(task, limit)` cancels it.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Work that goes on after it was given up. A second request beside the one that was repeated; a file that is written
//! after its folder was cleaned. The timeout drops the handle, and a dropped handle detaches. Lesson:
//! `but_after_the_timeout_the_task_writes_on`.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Put the timeout around the work, if no task is needed. Around a task, abort it, and wait until it is gone: an abort is
//! a request. `AbortOnDropHandle` does the first, also when the caller itself is dropped.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the task.

use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// Waits for the task as long as the limit; `None` when that is over, and then the task runs on.
pub async fn broken<T>(task: JoinHandle<T>, limit: Duration) -> Result<Option<T>, JoinError> {
    timeout(limit, task).await.ok().transpose()
}

/// Waits for the task as long as the limit, then ends it; `None` when it has ended without a value.
///
/// # Errors
///
/// When the task panics, or is aborted elsewhere.
pub fn fixed<T>(task: JoinHandle<T>, limit: Duration) -> impl Future<Output = Result<Option<T>, JoinError>> {
    // Made at the call, so that a future that is dropped before its first poll ends the task as well.
    let mut task = AbortOnDropHandle::new(task);
    async move {
        if let Ok(ended) = timeout(limit, &mut task).await {
            return ended.map(Some);
        }
        task.abort();
        match task.await {
            Err(error) if error.is_cancelled() => Ok(None),
            // It was done before the abort reached it, or it is a blocking job, which no abort reaches.
            ended => ended.map(Some),
        }
    }
}
