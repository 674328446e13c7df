// SPDX-License-Identifier: 0BSD
//! Wait for room first and give the item away after that, so that a cancelled put loses nothing: `await queue.put(item)`
//! of asyncio, whose caller still has the item when it is cancelled.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features macros,sync
//! ```
//!
//! In Rust, `queue.send(item)` owns the item from the call on: drop that future, by a timeout or in a `select!`, and the
//! item is dropped with it. `queue.reserve()` waits with empty hands. The permit it gives is a promise of room, and
//! sending with it takes no await.
//!
//! # Cancel safety
//!
//! [`forward`] is cancel safe: at none of its awaits does it hold an item. [`send_unless`] owns its item: what may stop
//! it is `stop`.

use tokio::sync::mpsc;

/// The receiver of the target is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the target is closed")]
pub struct TargetClosed;

/// Why an item was not sent. Holds the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent<T> {
    /// `stop` came before there was room.
    #[error("stopped before there was room")]
    Stopped(T),
    /// Nobody will receive it.
    #[error("the queue is closed")]
    Closed(T),
}

/// Moves every item of `source` to `target`, until the source is closed and empty. Its permit takes a place of the
/// target also while the source is empty.
///
/// # Errors
///
/// [`TargetClosed`] as soon as it is: what is not moved is still in the source.
pub async fn forward<T>(
    source: &mut mpsc::Receiver<T>,
    target: &mpsc::Sender<T>,
) -> Result<(), TargetClosed> {
    loop {
        let room = target.reserve().await.map_err(|_closed| TargetClosed)?;
        tokio::select! {
            // Looked at first: an item that is sent to a closed target is lost.
            biased;
            () = target.closed() => return Err(TargetClosed),
            item = source.recv() => match item {
                Some(item) => room.send(item),
                None => return Ok(()),
            },
        }
    }
}

/// Sends `item` as soon as there is room, unless `stop` is done before: a timeout, a token, a changed mind.
///
/// # Errors
///
/// The item comes back if it was not sent. Room that comes in the same instant as `stop` is used.
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
