// SPDX-License-Identifier: 0BSD
//! A boxed future does not say that it is `Send`.
//!
//! ```text
//! error[E0277]: `dyn Future<Output = usize>` cannot be sent between threads safely
//! ```
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! A `dyn` type has only the traits that it names: without `+ Send` in the type, no future in the box counts as `Send`.
//!
//! # What to do
//!
//! Name it: `Pin<Box<dyn Future<Output = usize> + Send>>`, which futures calls `BoxFuture<'static, usize>`.
//!
//! # Second best
//!
//! Run it on its own thread: `spawn_local` in a `LocalSet`. Take it when the future really is not `Send`; futures calls
//! the type `LocalBoxFuture`.

use futures::future::{BoxFuture, FutureExt, LocalBoxFuture};
use tokio::task::{JoinError, LocalSet, spawn_local};

fn job(name: &'static str) -> BoxFuture<'static, usize> {
    async move { name.len() }.boxed()
}

/// The type says `Send`.
pub async fn fixed() -> Result<usize, JoinError> {
    tokio::spawn(job("home")).await
}

fn local_job(name: &'static str) -> LocalBoxFuture<'static, usize> {
    async move { name.len() }.boxed_local()
}

/// The task stays on this thread.
pub async fn second_best() -> Result<usize, JoinError> {
    LocalSet::new().run_until(async { spawn_local(local_job("home")).await }).await
}
