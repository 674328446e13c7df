// SPDX-License-Identifier: 0BSD
//! Return at the first error, and choose what becomes of the rest: `asyncio.gather(*aws)` when one of them raises.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! asyncio reports the first exception at once and lets the other children run on. Rust makes this a choice:
//! [`or_drop_the_rest`] ends them, which is what most callers want; [`or_let_the_rest_run`] is asyncio's way.
//!
//! # Cancel safety
//!
//! Dropping either future ends every load: at once, or for tasks at their next await.
//!
//! # Errors
//!
//! The first error in time. Later ones are gone, as with asyncio: a load that must be heard has to log for itself.
//!
//! # Panics
//!
//! A panic in a load goes on in the caller, and counts as the first error does.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures::future::try_join_all;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Loads every key on this task; at the first error the unfinished loads are dropped where they stand.
pub async fn or_drop_the_rest<K, T, E, F>(
    keys: impl IntoIterator<Item = K>,
    load: impl Fn(K) -> F,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    try_join_all(keys.into_iter().map(load)).await
}

/// Loads every key on a task of its own; at the first error the unfinished tasks run on, and nobody hears of them.
pub async fn or_let_the_rest_run<K, T, E, F>(
    keys: impl IntoIterator<Item = K>,
    load: impl Fn(K) -> F,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let start = |key| match catch_unwind(AssertUnwindSafe(|| load(key))) {
        Ok(load) => tokio::spawn(load),
        // A panic before there is a future is that of its task, too. The panic hook has reported it.
        Err(panic) => tokio::spawn(async { resume_unwind(panic) }),
    };
    let mut tasks: Vec<_> = keys.into_iter().map(|key| AbortOnDropHandle::new(start(key))).collect();
    let results =
        tasks.iter_mut().map(|task| async { task.await.map_err(Stop::Panic)?.map_err(Stop::Error) });
    let joined = try_join_all(results).await;

    // Decided now: until here a drop of this future ends the tasks, as cancelling a `gather` does.
    for task in tasks {
        task.detach();
    }
    joined.map_err(|stop| match stop {
        Stop::Error(error) => error,
        Stop::Panic(task) => resume_unwind(task.into_panic()),
    })
}

enum Stop<E> {
    Error(E),
    Panic(JoinError),
}
