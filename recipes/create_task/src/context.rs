// SPDX-License-Identifier: 0BSD
//! Gives a task the context of the task that starts it, as asyncio's `create_task` does with `contextvars`.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add futures
//! ```
//!
//! ```
//! use create_task::context::inherit;
//!
//! tokio::task_local! {
//!     static REQUEST: u32;
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let handler = async {
//!         let plain = tokio::spawn(async { REQUEST.try_with(|id| *id).ok() });
//!         let child = tokio::spawn(inherit(&REQUEST, async { REQUEST.get() }));
//!         anyhow::Ok((plain.await?, child.await?))
//!     };
//!     assert_eq!(REQUEST.scope(7, handler).await?, (None, 7));
//!     Ok(())
//! }
//! ```
//!
//! Code that is awaited inside the scope of a `tokio::task_local!` sees its value; a task spawned there does not.
//! [`inherit`] takes a snapshot and puts it around the new task. If the child sets another value with a scope of its
//! own, its parent does not see it.
//!
//! An argument that is moved into the task is enough if every function on the way can take it.
//!
//! The snapshot is a clone. Shared data in it (an `Arc<Mutex<_>>`) stay shared, as a list in a `ContextVar` does. Keep
//! values that travel together in one struct under one key.
//!
//! # Cancel safety
//!
//! The future is as cancel safe as `work`. Its drop sees the context too, also before its first poll.
//!
//! # Panics
//!
//! Panics of the clone and of the work. A missing value does not panic: the child has no value either.

use futures::future::Either;
use tokio::task::LocalKey;

/// Runs `work` with a copy of the current value of `key`, taken at the call and not at the first poll.
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

/// Does the same for a closure on another thread: `tokio::task::spawn_blocking(inherit_blocking(&REQUEST, work))`.
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
