// SPDX-License-Identifier: 0BSD
//! A task for every item, at once. asyncio: `gather(*map(fetch, a_million_urls))`.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What you see
//!
//! Memory, sockets and the other side's patience used up: "too many open files", refused connections, timeouts of requests
//! that were never sent.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Start the next when one of them has ended. A semaphore inside of the tasks does not do it: see `permit_in_the_task`. The
//! recipe `gather` has the limit with results in order, the recipe `semaphores` one that many places share.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the tasks; the items that were not begun are dropped with it.
//!
//! # Panics
//!
//! A panic in `handle` goes on in the caller, and the other tasks are aborted. It panics as well when the runtime shuts
//! down meanwhile.

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

/// Handles every item, never more than `limit` at the same time.
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
