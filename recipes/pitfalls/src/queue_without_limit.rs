// SPDX-License-Identifier: 0BSD
//! A queue without a limit grows for as long as its producer is faster. asyncio: `asyncio.Queue()`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features sync
//! ```
//!
//! # What you see
//!
//! Memory that grows under load until the process is killed; and before that, answers to requests that are minutes old.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods` (on by default, and without effect before `clippy.toml` names `unbounded_channel`).
//!
//! # What to do
//!
//! A channel with a bound: a full queue makes its producer wait. Where a producer cannot wait, `try_send` tells it, and it
//! decides what to drop.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops the items in the queue and the one that is handled.

use std::num::NonZeroUsize;

use futures::join;
use tokio::sync::mpsc;

/// Handles the items one after the other, while the next are made.
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

/// Handles the items one after the other, while the next are made: never more than `limit` ahead.
///
/// # Panics
///
/// When `limit` is more than a channel can have, `usize::MAX >> 3`.
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
