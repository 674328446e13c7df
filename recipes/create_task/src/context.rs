// SPDX-License-Identifier: 0BSD
//! Give a task the context of the one that starts it: what asyncio's `create_task` does with `contextvars`.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add futures
//! ```
//!
//! A `tokio::task_local!` is seen by what is awaited inside its scope, and not by what is spawned there. [`inherit`]
//! takes a snapshot and puts it around the new task: `tokio::spawn(inherit(&REQUEST, work()))`. What the child sets
//! with a scope of its own, its parent does not see.
//!
//! The snapshot is a clone. Shared things in it (an `Arc<Mutex<_>>`) stay shared, as a list in a `ContextVar` does.
//! Keep all that travels together in one struct under one key.
//!
//! # Cancel safety
//!
//! The future is as cancel safe as the one inside. Its drop sees the context too, also before its first poll.
//!
//! # Panics
//!
//! Those of the clone and of the work. A missing value is none: the child has none either.

use futures::future::Either;
use tokio::task::LocalKey;

/// `work` in a copy of the current value of `key`, taken now and not at the first poll.
pub fn inherit<T, F>(key: &'static LocalKey<T>, work: F) -> impl Future<Output = F::Output> + use<T, F>
where
    T: Clone + 'static,
    F: Future,
{
    match key.try_with(T::clone) {
        Ok(snapshot) => Either::Left(key.scope(snapshot, work)),
        Err(_not_set) => Either::Right(work),
    }
}

/// The same for a closure on another thread: `tokio::task::spawn_blocking(inherit_blocking(&REQUEST, work))`.
pub fn inherit_blocking<T, R>(key: &'static LocalKey<T>, work: impl FnOnce() -> R) -> impl FnOnce() -> R
where
    T: Clone + 'static,
{
    let snapshot = key.try_with(T::clone);
    move || match snapshot {
        Ok(snapshot) => key.sync_scope(snapshot, work),
        Err(_not_set) => work(),
    }
}
