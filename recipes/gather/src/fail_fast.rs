// SPDX-License-Identifier: 0BSD
//! Returns at the first error, and drops the rest or lets it run: `asyncio.gather(*aws)` when one of them raises.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use gather::fail_fast::or_drop_the_rest;
//!
//! async fn fetch(page: &str) -> Result<String, String> {
//!     if page == "missing" { Err(format!("{page} not found")) } else { Ok(format!("<{page}>")) }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     match or_drop_the_rest(["home", "missing", "help"], fetch).await {
//!         Ok(pages) => println!("{}", pages.join(" ")),
//!         Err(error) => println!("error: {error}"),
//!     }
//! }
//! ```
//!
//! `futures::future::try_join_all` is enough if the rest may be dropped, as most callers want: [`or_drop_the_rest`] is
//! that call. [`or_let_the_rest_run`] does what asyncio does.
//!
//! # Cancel safety
//!
//! Dropping either future ends every load: a future at once, a task at its next await. Results that are ready and not
//! returned yet are dropped too.
//!
//! # Errors
//!
//! Returns the first error in time. Later ones are lost, as in asyncio: log an error inside the load if it must be
//! seen.
//!
//! # Panics
//!
//! A panic in a load goes on in the caller, and counts as the first error. The closure may panic before its future
//! exists. In [`or_let_the_rest_run`] this has the same effect; in [`or_drop_the_rest`] it goes on at once.
//!
//! # Differences from asyncio
//!
//! `gather` raises the first exception and lets the other children run on. Here you choose.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures::future::try_join_all;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Loads every key on this task. Drops the unfinished loads at the first error.
pub async fn or_drop_the_rest<K, T, E, F>(
    keys: impl IntoIterator<Item = K>,
    load: impl Fn(K) -> F,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    try_join_all(keys.into_iter().map(load)).await
}

/// Loads every key on a task of its own. At the first error the unfinished tasks run on, and their results are lost.
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
        // A panic before the future exists counts as a panic of its task. The panic hook has reported it.
        Err(panic) => tokio::spawn(async { resume_unwind(panic) }),
    };
    let mut tasks: Vec<_> = keys.into_iter().map(|key| AbortOnDropHandle::new(start(key))).collect();
    let results =
        tasks.iter_mut().map(|task| async { task.await.map_err(Stop::Panic)?.map_err(Stop::Error) });
    let joined = try_join_all(results).await;

    // From here on the tasks run on. Before this, dropping the future aborts them, as cancelling a `gather` does.
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
