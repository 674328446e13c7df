// SPDX-License-Identifier: 0BSD
//! Waits for room before it gives the item away: a cancelled `await queue.put(item)`, whose caller still has the item.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features macros,sync
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use queues::reserve::{Unsent, send_unless};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (queue, _jobs) = tokio::sync::mpsc::channel(1);
//!     queue.send("job-1").await?; // the queue is full now
//!     let time_is_up = tokio::time::sleep(Duration::from_millis(10));
//!     match send_unless(&queue, "job-2", time_is_up).await {
//!         Ok(()) => println!("sent"),
//!         Err(Unsent::Stopped(job) | Unsent::Closed(job)) => println!("{job} is still mine"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! `queue.reserve()` alone is enough in a `timeout` or a `select!`: it waits without the item. The permit that it
//! returns is a promise of room, and sending with it does not wait.
//!
//! A permit takes a slot of the queue, even while there is no item for it. If several sources share one target, give the
//! target more slots than sources that may be silent. Or receive first and then `send`.
//!
//! `queue.send(item)` owns the item from the call on. Dropping that future drops the item.
//!
//! # Cancel safety
//!
//! [`forward`] is cancel safe: it holds no item at any of its awaits. [`send_unless`] owns its item; end it with `stop`.
//!
//! # Differences from asyncio
//!
//! The caller of a cancelled `put` still has the item. Here the item of a dropped `send` is dropped.

use tokio::sync::mpsc;

/// The receiver of the target is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the target is closed")]
pub struct TargetClosed;

/// Why an item was not sent. Holds the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent<T> {
    /// `stop` was done before there was room.
    #[error("stopped before there was room")]
    Stopped(T),
    /// The receiver is gone.
    #[error("the queue is closed")]
    Closed(T),
}

/// Moves every item of `source` to `target`, until the source is closed and empty. It holds a slot of the target even
/// while the source is empty.
///
/// # Errors
///
/// [`TargetClosed`] as soon as the target is closed. The items that were not moved are still in the source.
pub async fn forward<T>(
    source: &mut mpsc::Receiver<T>,
    target: &mpsc::Sender<T>,
) -> Result<(), TargetClosed> {
    loop {
        let room = target.reserve().await.map_err(|_closed| TargetClosed)?;
        tokio::select! {
            // Checks first whether the target is closed: an item sent to a closed target is lost.
            biased;
            () = target.closed() => return Err(TargetClosed),
            item = source.recv() => match item {
                Some(item) => room.send(item),
                None => return Ok(()),
            },
        }
    }
}

/// Sends `item` when there is room, unless `stop` is done before: a timer, or a cancelled token.
///
/// # Errors
///
/// Returns the item if it was not sent. Room that comes in the same instant as `stop` is used.
pub async fn send_unless<T>(
    queue: &mpsc::Sender<T>,
    item: T,
    stop: impl Future<Output = ()>,
) -> Result<(), Unsent<T>> {
    tokio::select! {
        biased;
        room = queue.reserve() => match room {
            Ok(room) => {
                room.send(item);
                Ok(())
            }
            Err(_closed) => Err(Unsent::Closed(item)),
        },
        () = stop => Err(Unsent::Stopped(item)),
    }
}
