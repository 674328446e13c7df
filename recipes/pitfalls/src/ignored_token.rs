// SPDX-License-Identifier: 0BSD
//! A task that never looks at its token goes on. asyncio: `except CancelledError: pass` in a loop.
//!
//! ```sh
//! cargo add tokio --features sync
//! cargo add tokio-util
//! ```
//!
//! # What you see
//!
//! A shutdown that takes all of its grace period, and then an abort in the middle of a job. A `CancellationToken` asks;
//! the task has to look.
//!
//! # What catches it
//!
//! Nothing, unless the token is not used at all: rustc's `unused_variables`, on by default.
//!
//! # What to do
//!
//! Look wherever the task waits for something to do: `run_until_cancelled` drops the wait when the token is cancelled. So
//! put it around what may be dropped, here the `recv`, and not around the whole loop, where it would cut a job in two.
//!
//! # Cancel safety
//!
//! A token stops [`fixed`] between two jobs; those that are queued stay in the queue. Dropping it drops the job under way.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Handles jobs until the queue is closed. The token is looked at when that is so, which may be never.
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

/// Handles jobs until the queue is closed or the token is cancelled. The job under way is done.
pub async fn fixed<J, F: Future<Output = ()>>(
    jobs: &mut mpsc::Receiver<J>,
    stop: &CancellationToken,
    handle: impl Fn(J) -> F,
) {
    // Dropped before it is ready, `recv` has taken nothing out of the queue.
    while let Some(Some(job)) = stop.run_until_cancelled(jobs.recv()).await {
        handle(job).await;
    }
}
