// SPDX-License-Identifier: 0BSD
//! Waits for the clean-ups that are left before the runtime ends, as `asyncio.run` does after its `main`.
//!
//! ```sh
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features rt,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use context_managers::drain::run_and_drain;
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let grace = Duration::from_secs(10);
//!     let (answer, drained) = run_and_drain(grace, async |cleanups| {
//!         cleanups.spawn(sleep(Duration::from_millis(1))); // closes a connection
//!         "served"
//!     })
//!     .await;
//!     assert_eq!((answer, drained), ("served", Ok(())));
//! }
//! ```
//!
//! `asyncio.run` cancels the tasks that are left and waits until their `finally` blocks are over, however long. A
//! runtime that ends drops its tasks at their current await, clean-ups too. So the clean-ups are spawned on a
//! [`TaskTracker`], and `main` waits for the tracker last.
//!
//! `tracker.close()` and `tracker.wait().await` are enough if you need no grace period and `main` does not panic.
//!
//! First end the tasks that still use resources: abort them, or cancel their token. [`drain`] ends no task.
//!
//! # Cancel safety
//!
//! Dropping either future ends no clean-up. [`drain`] may be called again.
//!
//! # Errors
//!
//! [`StillOpen`] if the grace period is over first. The runtime then drops the remaining tasks as it ends.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// The number of tasks and scopes that are still open when the grace period is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("clean-ups or scopes still open when the grace period was over: {0}")]
pub struct StillOpen(pub usize);

/// Waits until every scope and clean-up of `cleanups` is over, at most for `grace`.
pub async fn drain(cleanups: &TaskTracker, grace: Duration) -> Result<(), StillOpen> {
    // Without this, wait() never returns: an empty tracker might get more tasks.
    cleanups.close();
    if timeout(grace, cleanups.wait()).await.is_ok() {
        return Ok(());
    }
    // Clean-ups that are due in this instant are in time, and Tokio does not show when all of them have run. So each
    // further turn, which polls some sixty tasks, must end at least one of them; a few turns may end none.
    let (mut left, mut idle_turns) = (cleanups.len(), 0);
    while left > 0 && idle_turns < 4 + left / 30 {
        yield_now().await;
        idle_turns = if cleanups.len() < left { 0 } else { idle_turns + 1 };
        left = cleanups.len();
    }
    if left == 0 { Ok(()) } else { Err(StillOpen(left)) }
}

/// Runs `main` and drains, also after a panic of `main`, which then resumes.
pub async fn run_and_drain<T>(
    grace: Duration,
    main: impl AsyncFnOnce(&TaskTracker) -> T,
) -> (T, Result<(), StillOpen>) {
    let cleanups = TaskTracker::new();
    let main = async { main(&cleanups).await };
    let returned = AssertUnwindSafe(main).catch_unwind().await;
    let drained = drain(&cleanups, grace).await;
    (returned.unwrap_or_else(|panic| resume_unwind(panic)), drained)
}
