// SPDX-License-Identifier: 0BSD
//! A queue without a limit grows as long as its producer is faster. asyncio: `asyncio.Queue()`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features sync
//! ```
//!
//! # What you see
//!
//! Under load, memory grows until the process is killed. Before that, requests are answered minutes late.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods` (on by default, but it has no effect until `clippy.toml` names `unbounded_channel`).
//!
//! # What to do
//!
//! Take a channel with a bound: a full queue makes its producer wait. A producer that cannot wait calls `try_send`, which
//! fails on a full queue, and decides what to drop.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops the items in the queue and the item under way.

use std::num::NonZeroUsize;

use futures::join;
use tokio::sync::mpsc;

/// Handles the items one after the other, while the next items are made.
#[allow(clippy::disallowed_methods, reason = "the pitfall: where clippy.toml bans it, Clippy says so here")]
pub async fn broken<T, F: Future<Output = ()>>(items: impl IntoIterator<Item = T>, handle: impl Fn(T) -> F) {
    let (queue, mut items_out) = mpsc::unbounded_channel();
    let produce = async move {
        for item in items {
            if queue.send(item).is_err() {
                break;
            }
        }
    };
    let consume = async {
        while let Some(item) = items_out.recv().await {
            handle(item).await;
        }
    };
    join!(produce, consume);
}

/// Handles the items one after the other, while the next items are made. At most `limit` items wait in the queue.
///
/// # Panics
///
/// If `limit` is greater than a channel's largest capacity, `usize::MAX >> 3`.
pub async fn fixed<T, F: Future<Output = ()>>(
    items: impl IntoIterator<Item = T>,
    limit: NonZeroUsize,
    handle: impl Fn(T) -> F,
) {
    let (queue, mut items_out) = mpsc::channel(limit.get());
    let produce = async move {
        for item in items {
            if queue.send(item).await.is_err() {
                break;
            }
        }
    };
    let consume = async {
        while let Some(item) = items_out.recv().await {
            handle(item).await;
        }
    };
    join!(produce, consume);
}
