// SPDX-License-Identifier: 0BSD
//! Each round of a loop moves one value into its task.
//!
//! ```text
//! error[E0382]: use of moved value: `results`
//! ```
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt,sync
//! ```
//!
//! # What it means
//!
//! The first round moved the value away, and the second has none left.
//!
//! # What to do
//!
//! Clone in the loop, before `async move`: `let results = results.clone();`. Drop the original, or `recv` never ends.
//!
//! # Second best
//!
//! Spawn no tasks: use futures that borrow, in a `join_all`. Take it when the rounds need no cores of their own.

use futures::future::join_all;
use tokio::sync::mpsc;

/// Each task has a sender of its own.
pub async fn fixed() -> Vec<usize> {
    let (results, mut inbox) = mpsc::channel(8);
    for name in ["home", "about"] {
        let results = results.clone();
        tokio::spawn(async move { results.send(name.len()).await });
    }
    drop(results);
    let mut lengths = Vec::new();
    while let Some(length) = inbox.recv().await {
        lengths.push(length);
    }
    lengths.sort_unstable();
    lengths
}

async fn load(name: &str) -> usize {
    name.len()
}

/// Futures of the caller's own task need no channel.
pub async fn second_best() -> Vec<usize> {
    join_all(["home", "about"].iter().map(|name| load(name))).await
}
