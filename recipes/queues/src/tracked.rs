// SPDX-License-Identifier: 0BSD
//! Waits until every queued item is done: `Queue.task_done` and `Queue.join`, on any channel.
//!
//! ```sh
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use queues::tracked::{Tracked, Unfinished};
//!
//! async fn consumer(name: &str, pages: async_channel::Receiver<Tracked<u32>>) {
//!     while let Ok(page) = pages.recv().await {
//!         println!("{name} loads page {}", *page);
//!     } // the page is dropped here: it is done
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (queue, pages) = async_channel::bounded(5);
//!     tokio::spawn(consumer("A", pages.clone()));
//!     tokio::spawn(consumer("B", pages));
//!     let unfinished = Unfinished::new();
//!     for page in 1..=9 {
//!         queue.send(unfinished.track(page)).await?;
//!     }
//!     unfinished.join().await; // all nine are done
//!     Ok(()) // drops the queue: the end for A and B
//! }
//! ```
//!
//! If all your workers end with the queue, you need no pattern: drop the senders and await the workers. [`Unfinished`] is
//! for workers that live on.
//!
//! [`Unfinished`] only counts items:
//!
//! - It never stops a worker. After `join`, workers wait for the next item until the last sender is dropped.
//! - It does not say whether the work succeeded. A panic or an abort drops the item too, so the item is done.
//! - It does not empty a queue that has lost its workers. `tokio::sync::mpsc` drops the queued items together with its
//!   receiver. `async_channel` keeps them while a sender lives, and `join` waits forever: drop the senders before you
//!   join.
//! - It makes no room. A worker that sends an item back into its own full queue can wait for itself.
//!
//! The pattern `joinable` adds `shutdown`, priorities, LIFO, and a requeue that never waits.
//!
//! # Cancel safety
//!
//! [`Unfinished::join`] may be dropped and called again. A dropped `send` drops its item, which is then done.
//!
//! # Differences from asyncio
//!
//! - An item counts from [`track`](Unfinished::track) on, so a `send` that waits for room counts already. In asyncio it
//!   counts once it is in the queue.
//! - A tracked item that is sent again stays unfinished. In asyncio an item that is put back counts as a new one.
//! - No item is done twice, so there is no `ValueError`.

use std::ops::{Deref, DerefMut};

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Counts the items that are not done. Clone it to share it.
#[derive(Debug, Clone)]
pub struct Unfinished(TaskTracker);

impl Unfinished {
    /// Counts from zero.
    pub fn new() -> Self {
        let tracker = TaskTracker::new();
        // An open tracker never ends its `wait`. A closed one still hands out tokens.
        tracker.close();
        Self(tracker)
    }

    /// Counts `item` as unfinished until the returned value is dropped.
    pub fn track<T>(&self, item: T) -> Tracked<T> {
        Tracked { item, _token: self.0.token() }
    }

    /// Waits until no item is unfinished, now or at a later moment. Items that are tracked after that moment do not
    /// delay it.
    pub async fn join(&self) {
        self.0.wait().await;
    }

    /// Returns how many items are unfinished.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Default for Unfinished {
    fn default() -> Self {
        Self::new()
    }
}

/// An item that is done when this value is dropped.
///
/// It lends its item and never hands it out: in a pair of item and token, `let (item, _) = pair` would drop the token
/// at once. Take an owned part out by `std::mem::take(&mut *item)`.
#[derive(Debug)]
#[must_use = "the item is done when this is dropped"]
pub struct Tracked<T> {
    item: T,
    // Dropped after the item, whose destructor is part of the work.
    _token: TaskTrackerToken,
}

impl<T> Deref for Tracked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T> DerefMut for Tracked<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}
