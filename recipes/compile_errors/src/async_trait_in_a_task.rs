// SPDX-License-Identifier: 0BSD
//! A generic function spawns an `async fn` of a trait.
//!
//! ```text
//! error: future cannot be sent between threads safely
//! ```
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! The trait promises a future, but not that the future is `Send`. So a function over any `S: Source` cannot spawn it.
//!
//! # What to do
//!
//! Promise `Send` in the trait: `fn load(&self) -> impl Future<Output = usize> + Send`. Implementations may still write
//! `async fn`.
//!
//! # Second best
//!
//! Let the caller spawn: there the type is known, and rustc checks its future. Take it when the trait is not yours.

use tokio::task::{JoinError, JoinHandle};

trait Source {
    fn load(&self) -> impl Future<Output = usize> + Send;
}

struct Memory;

impl Source for Memory {
    async fn load(&self) -> usize {
        4
    }
}

fn start<S: Source + Send + Sync + 'static>(source: S) -> JoinHandle<usize> {
    tokio::spawn(async move { source.load().await })
}

/// The trait promises `Send`.
pub async fn fixed() -> Result<usize, JoinError> {
    start(Memory).await
}

trait PlainSource {
    async fn load(&self) -> usize;
}

impl PlainSource for Memory {
    async fn load(&self) -> usize {
        4
    }
}

async fn load_from(source: impl PlainSource) -> usize {
    source.load().await
}

/// Here the type of the source is known, and so is its future.
pub async fn second_best() -> Result<usize, JoinError> {
    tokio::spawn(load_from(Memory)).await
}
