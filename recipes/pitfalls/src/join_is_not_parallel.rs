// SPDX-License-Identifier: 0BSD
//! `join!` and `join_all` use one core. asyncio: so does `gather`, and more cores need processes.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Four sums take four times as long as one, and one core of eight is busy. The futures of a `join_all` are parts of one
//! task, and a task is on one thread at a time.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Join futures that wait. Move computations to threads: `spawn_blocking` for a few, a pool with one thread per core for
//! many (rayon, in the recipe `executors`). A task per computation (`tokio::spawn`) uses all cores too, but a long one keeps
//! its worker from everything else: see `cpu_on_the_runtime`.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] cancels the computations that no thread has begun. Computations under way run to their end and their
//! results are lost: a thread cannot be stopped from outside.
//!
//! # Panics
//!
//! A panic in `compute` goes on in the caller.

use std::panic::resume_unwind;

use futures::future::join_all;
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::task::AbortOnDropHandle;

/// Computes one after the other, on the thread of the caller.
pub async fn broken<K, T>(inputs: impl IntoIterator<Item = K>, compute: impl Fn(K) -> T) -> Vec<T> {
    let compute = &compute;
    join_all(inputs.into_iter().map(|input| async move { compute(input) })).await
}

/// Computes on many threads. The results are in the order of the inputs.
///
/// # Errors
///
/// If the runtime shuts down before every computation has begun.
pub async fn fixed<K, T>(
    inputs: impl IntoIterator<Item = K>,
    compute: impl Fn(K) -> T + Clone + Send + 'static,
) -> Result<Vec<T>, JoinError>
where
    K: Send + 'static,
    T: Send + 'static,
{
    let start = |input| {
        let compute = compute.clone();
        AbortOnDropHandle::new(spawn_blocking(move || compute(input)))
    };
    let started: Vec<_> = inputs.into_iter().map(start).collect();
    let mut computed = Vec::with_capacity(started.len());
    for result in started {
        match result.await {
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            result => computed.push(result?),
        }
    }
    Ok(computed)
}
