// SPDX-License-Identifier: 0BSD
//! A permit taken inside the task limits the work, but not the tasks. asyncio: `async with semaphore` in each of a million
//! tasks.
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! ```
//!
//! # What you see
//!
//! The number of requests at a time is right, but a million waiting tasks take memory. The list of items is read to its
//! end at once, however long it is.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Take the permit before the task is spawned, and give it to the task.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the tasks, and each task returns its permit.
//!
//! # Errors
//!
//! `AcquireError` if the semaphore is closed; the tasks are aborted.
//!
//! # Panics
//!
//! A panic in `handle` goes on in the caller, and the other tasks are aborted. It also panics if the runtime shuts down
//! meanwhile.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::{AcquireError, Semaphore};
use tokio::task::{JoinError, JoinSet};

/// Handles every item, at most as many at once as the semaphore has permits. Each waiting item is a task.
pub async fn broken<T, F>(
    items: impl IntoIterator<Item = T>,
    limit: &Arc<Semaphore>,
    handle: impl Fn(T) -> F,
) -> Result<(), AcquireError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for item in items {
        let (limit, work) = (Arc::clone(limit), handle(item));
        tasks.spawn(async move {
            let _permit = limit.acquire().await?;
            work.await;
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        go_on(ended)?;
    }
    Ok(())
}

/// Handles every item, at most as many at once as the semaphore has permits. Only items under way are tasks.
pub async fn fixed<T, F>(
    items: impl IntoIterator<Item = T>,
    limit: &Arc<Semaphore>,
    handle: impl Fn(T) -> F,
) -> Result<(), AcquireError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for item in items {
        let permit = Arc::clone(limit).acquire_owned().await?;
        // A `JoinSet` keeps finished tasks until they are taken out.
        while let Some(ended) = tasks.try_join_next() {
            go_on(ended);
        }
        let work = handle(item);
        tasks.spawn(async move {
            let _permit = permit;
            work.await;
        });
    }
    while let Some(ended) = tasks.join_next().await {
        go_on(ended);
    }
    Ok(())
}

fn go_on<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}
