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
//! Work goes on after its timeout. The first request runs beside its repetition, or a file is written after its folder was
//! cleaned. The timeout drops the handle, and a dropped handle detaches. Lesson:
//! `but_after_the_timeout_the_task_writes_on`.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Put the timeout around the work, if you need no task. Otherwise abort the task and wait until it is gone, because an
//! abort is only a request. `AbortOnDropHandle` aborts, also when the caller itself is dropped.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the task.

use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// Waits for the task until the limit. Then it returns `None`, and the task runs on.
pub async fn broken<T>(task: JoinHandle<T>, limit: Duration) -> Result<Option<T>, JoinError> {
    timeout(limit, task).await.ok().transpose()
}

/// Waits for the task until the limit, then aborts it. Returns `None` if the task has ended without a value.
///
/// # Errors
///
/// If the task panics, or is aborted elsewhere.
pub fn fixed<T>(task: JoinHandle<T>, limit: Duration) -> impl Future<Output = Result<Option<T>, JoinError>> {
    // Made at the call, so that a future dropped before its first poll also ends the task.
    let mut task = AbortOnDropHandle::new(task);
    async move {
        if let Ok(ended) = timeout(limit, &mut task).await {
            return ended.map(Some);
        }
        task.abort();
        match task.await {
            Err(error) if error.is_cancelled() => Ok(None),
            // The task ended before the abort reached it, or it is a blocking job, which an abort cannot stop.
            ended => ended.map(Some),
        }
    }
}
