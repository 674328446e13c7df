// SPDX-License-Identifier: 0BSD
//! A task that never checks its token goes on. asyncio: `except CancelledError: pass` in a loop.
//!
//! ```sh
//! cargo add tokio --features sync
//! cargo add tokio-util
//! ```
//!
//! # What you see
//!
//! A shutdown takes all of its grace period, and then aborts a job in the middle. A `CancellationToken` is only a request:
//! the task has to check it.
//!
//! # What catches it
//!
//! Nothing, unless the token is not used at all: rustc's `unused_variables`, on by default.
//!
//! # What to do
//!
//! Check the token wherever the task waits for work: `run_until_cancelled` drops the wait when the token is cancelled. Put
//! it around a future that may be dropped, here the `recv`. Around the whole loop, it would cut a job in two.
//!
//! # Cancel safety
//!
//! A token stops [`fixed`] between two jobs; queued jobs stay in the queue. Dropping the future drops the job under way.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Handles jobs until the queue is closed. It checks the token only then, which may be never.
pub async fn broken<J, F: Future<Output = ()>>(
    jobs: &mut mpsc::Receiver<J>,
    stop: &CancellationToken,
    handle: impl Fn(J) -> F,
) {
    while !stop.is_cancelled() {
        let Some(job) = jobs.recv().await else { break };
        handle(job).await;
    }
}

/// Handles jobs until the queue is closed or the token is cancelled. It finishes the job under way.
pub async fn fixed<J, F: Future<Output = ()>>(
    jobs: &mut mpsc::Receiver<J>,
    stop: &CancellationToken,
    handle: impl Fn(J) -> F,
) {
    // A `recv` that is dropped before it is ready takes no job out of the queue.
    while let Some(Some(job)) = stop.run_until_cancelled(jobs.recv()).await {
        handle(job).await;
    }
}
