// SPDX-License-Identifier: 0BSD
//! A task holds a value of a type parameter.
//!
//! ```text
//! error[E0310]: the parameter type `Item` may not live long enough
//! ```
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! `Item` may be a type that holds a reference, and a task must not hold a reference that ends.
//!
//! # What to do
//!
//! Bound it: `Item: ToString + Send + 'static`. Owned types are all `'static`.
//!
//! # Second best
//!
//! Spawn no task: write an `async fn` that takes any `Item`, even a borrowed one. Take it when the caller can await it.

use tokio::task::{JoinError, JoinHandle};

fn start<Item: ToString + Send + 'static>(item: Item) -> JoinHandle<String> {
    tokio::spawn(async move { item.to_string() })
}

/// The item holds no reference that ends.
pub async fn fixed() -> Result<String, JoinError> {
    start(42).await
}

async fn text<Item: ToString>(item: &Item) -> String {
    item.to_string()
}

/// A future on the caller's own task may borrow the item.
pub async fn second_best() -> String {
    text(&42).await
}
