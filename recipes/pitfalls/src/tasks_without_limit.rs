// SPDX-License-Identifier: 0BSD
//! A task for every item, at once. asyncio: `gather(*map(fetch, a_million_urls))`.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What you see
//!
//! Memory and sockets are used up: "too many open files", refused connections, timeouts of requests that were never sent.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Start the next task when one has ended. A semaphore inside the tasks is not enough: see `permit_in_the_task`. The recipe
//! `gather` has a limit with results in order, the recipe `semaphores` a limit that many callers share.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the tasks and drops the items that have not begun.
//!
//! # Panics
//!
//! A panic in `handle` goes on in the caller, and the other tasks are aborted. It also panics if the runtime shuts down
//! meanwhile.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;

use tokio::task::{JoinError, JoinSet};

/// Handles every item at the same time.
pub async fn broken<T, F>(items: impl IntoIterator<Item = T>, handle: impl Fn(T) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks: JoinSet<()> = items.into_iter().map(handle).collect();
    while let Some(ended) = tasks.join_next().await {
        go_on(ended);
    }
}

/// Handles every item, at most `limit` at the same time.
pub async fn fixed<T, F>(items: impl IntoIterator<Item = T>, limit: NonZeroUsize, handle: impl Fn(T) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for item in items {
        while tasks.len() >= limit.get() {
            let Some(ended) = tasks.join_next().await else { break };
            go_on(ended);
        }
        tasks.spawn(handle(item));
    }
    while let Some(ended) = tasks.join_next().await {
        go_on(ended);
    }
}

fn go_on(ended: Result<(), JoinError>) {
    ended.unwrap_or_else(|error| resume_unwind(error.into_panic()));
}
