// SPDX-License-Identifier: 0BSD
//! Receives items in batches: up to N items, or the items that came within T after the first one.
//!
//! ```sh
//! cargo add tokio --features sync,time
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use queues::batch::Batches;
//!
//! const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (events, receiver) = tokio::sync::mpsc::channel(100);
//!     for event in 1..=5 {
//!         events.send(event).await?;
//!     }
//!     drop(events);
//!     let mut batches = Batches::new(receiver, THREE, Duration::from_millis(100));
//!     while let Some(batch) = batches.next().await {
//!         println!("one insert of {batch:?}"); // [1, 2, 3], then [4, 5]
//!     }
//!     Ok(())
//! }
//! ```
//!
//! `tokio::sync::mpsc::Receiver::recv_many` is enough if a batch need not wait: it takes the queued items, up to a limit.
//!
//! # Cancel safety
//!
//! [`Batches::next`] is cancel safe: a batch that is not full yet stays in the value, with its deadline. Dropping the
//! value drops that batch and closes the channel.
//!
//! # Cost
//!
//! A batch holds up to N items in memory, in addition to the queue.
//!
//! # Differences from asyncio
//!
//! The usual loop around `asyncio.timeout` and `queue.get()` loses its list when its task is cancelled. Here a dropped
//! `next` loses nothing.

use std::mem;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// Collects the items of a channel in batches.
#[derive(Debug)]
pub struct Batches<T> {
    receiver: mpsc::Receiver<T>,
    size: NonZeroUsize,
    delay: Duration,
    /// Kept here and not in `next`, so that a dropped `next` loses no item.
    batch: Vec<T>,
    /// When the batch is due. `None` before its first item, and if the delay has no end.
    due: Option<Instant>,
}

impl<T> Batches<T> {
    /// Prepares batches of at most `size` items, each due `delay` after its first item was received.
    ///
    /// With `Duration::ZERO` a batch takes the items that are queued at that moment. With `Duration::MAX` every batch but the
    /// last is full.
    pub fn new(receiver: mpsc::Receiver<T>, size: NonZeroUsize, delay: Duration) -> Self {
        Self { receiver, size, delay, batch: Vec::new(), due: None }
    }

    /// Waits for the next batch, which is never empty. Returns `None` when the channel is closed and empty.
    ///
    /// A closed channel ends the wait: the last batch comes at once.
    pub async fn next(&mut self) -> Option<Vec<T>> {
        while self.batch.len() < self.size.get() {
            let is_first = self.batch.is_empty();
            let room = self.size.get() - self.batch.len();
            let more = self.receiver.recv_many(&mut self.batch, room);
            let received = match self.due {
                Some(due) => timeout_at(due, more).await.unwrap_or(0),
                None => more.await,
            };
            if received == 0 || self.delay.is_zero() {
                break; // due, or closed
            }
            if is_first {
                self.due = Instant::now().checked_add(self.delay);
            }
        }
        self.due = None;
        let batch = mem::take(&mut self.batch);
        (!batch.is_empty()).then_some(batch)
    }
}
