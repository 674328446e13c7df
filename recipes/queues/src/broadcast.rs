// SPDX-License-Identifier: 0BSD
//! Every receiver gets every item, and one that is too slow loses the oldest and is told how many: a queue for each
//! subscriber in asyncio, which has no name for it.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! The sender never waits. The channel keeps the last items, as many as its capacity says, rounded up to a power of two;
//! a receiver that has not read an older one by then has missed it. Where nothing may be missed, give each receiver a
//! bounded queue of its own: then the slowest holds everybody back.
//!
//! # Cancel safety
//!
//! [`follow`] may be dropped and called again with the same receiver. It goes on after the item that it last handed to
//! `on_heard`; if that was at work, its work is cut off there.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// What a receiver hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<T> {
    /// The next item.
    Item(T),
    /// So many items that it was too slow for. The next one it hears is the oldest that is left.
    Missed(u64),
}

/// Calls `on_heard` with all that comes, in its order, until every sender is gone and all that is left is heard.
pub async fn follow<T, F>(feed: &mut broadcast::Receiver<T>, mut on_heard: impl FnMut(Heard<T>) -> F)
where
    T: Clone,
    F: Future<Output = ()>,
{
    loop {
        match feed.recv().await {
            Ok(item) => on_heard(Heard::Item(item)).await,
            // Not the end, although it is an `Err`: `while let Ok(item)` would stop here without a word.
            Err(RecvError::Lagged(missed)) => on_heard(Heard::Missed(missed)).await,
            Err(RecvError::Closed) => return,
        }
    }
}
