// SPDX-License-Identifier: 0BSD
//! Sends every item to every receiver; a slow receiver misses the oldest items. In asyncio: a queue for each subscriber.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use queues::broadcast::{Heard, follow};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (prices, mut feed) = tokio::sync::broadcast::channel(2);
//!     for price in [10, 11, 12] {
//!         prices.send(price)?;
//!     }
//!     drop(prices);
//!     let print = async |heard| match heard {
//!         Heard::Missed(count) => println!("missed {count}"), // 1
//!         Heard::Item(price) => println!("price {price}"), // 11, then 12
//!     };
//!     follow(&mut feed, print).await;
//!     Ok(())
//! }
//! ```
//!
//! The sender never waits. The channel keeps the newest items, up to its capacity, rounded up to a power of two. A
//! receiver misses an item that is pushed out before it was read. If no item may be missed, give each receiver a bounded
//! queue: then the slowest receiver holds back the sender.
//!
//! # Cancel safety
//!
//! [`follow`] may be dropped and called again with the same receiver. It goes on after the item that it last passed to
//! `on_heard`; an `on_heard` that is running is cut off.
//!
//! # Differences from asyncio
//!
//! asyncio has no fan-out. A queue for each subscriber either holds back the sender or drops items by hand.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// An event of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<T> {
    /// The next item.
    Item(T),
    /// The number of items that the receiver missed. The next item is the oldest that is left.
    Missed(u64),
}

/// Calls `on_heard` with each item, in order, until every sender is dropped and the channel is empty.
pub async fn follow<T, F>(feed: &mut broadcast::Receiver<T>, mut on_heard: impl FnMut(Heard<T>) -> F)
where
    T: Clone,
    F: Future<Output = ()>,
{
    loop {
        match feed.recv().await {
            Ok(item) => on_heard(Heard::Item(item)).await,
            // `Lagged` is an `Err` but not the end: `while let Ok(item)` would stop here.
            Err(RecvError::Lagged(missed)) => on_heard(Heard::Missed(missed)).await,
            Err(RecvError::Closed) => return,
        }
    }
}
