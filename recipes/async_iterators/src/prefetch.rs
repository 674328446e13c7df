// SPDX-License-Identifier: 0BSD
//! Makes the next items of any stream while the consumer handles this one: an `asyncio.Queue(maxsize=ahead)` filled by
//! a task.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use async_iterators::prefetch::prefetch;
//! use futures::{StreamExt, stream};
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let rows = stream::iter(1..=3).then(async |row| {
//!         sleep(Duration::from_millis(1)).await; // a query
//!         row
//!     });
//!     let mut rows = prefetch(rows, const { NonZeroUsize::new(2).unwrap() });
//!     while let Some(row) = rows.next().await {
//!         println!("row {row}"); // the next rows are made meanwhile
//!     }
//! }
//! ```
//!
//! A stream runs only while it is polled, so it stops while the consumer is busy. Here a task polls it. The task starts
//! at the call, and not at the first `next()`.
//!
//! An `mpsc` channel and a task that sends into it are enough if the items need not be a stream. Such a task makes an
//! item and then waits for room, so it is one item further than its bound. [`prefetch`] reserves a slot first.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing. Dropping the [`Prefetch`] aborts the task, which drops the stream at its next
//! await. It also drops the items that were read ahead.
//!
//! # Panics
//!
//! A panic of the stream goes on in the consumer, after the items before it. [`prefetch`] panics outside a Tokio
//! runtime.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;

/// The items of a stream that a task reads ahead. After the end it stays at the end.
#[derive(Debug)]
pub struct Prefetch<T> {
    items: mpsc::Receiver<T>,
    /// `None` after its end has been seen.
    task: Option<AbortOnDropHandle<()>>,
}

/// Polls `source` on a task, up to `ahead` items ahead of the consumer. The item under way counts.
pub fn prefetch<S>(source: S, ahead: NonZeroUsize) -> Prefetch<S::Item>
where
    S: Stream<Item: Send> + Send + 'static,
{
    let (slots, items) = mpsc::channel(ahead.get().min(Semaphore::MAX_PERMITS));
    let task = tokio::spawn(async move {
        let mut source = pin!(source);
        // The slot comes before the item: an item made first would wait outside the channel, one more than `ahead`.
        while let Ok(slot) = slots.reserve().await {
            let Some(item) = source.next().await else { break };
            slot.send(item);
        }
    });
    Prefetch { items, task: Some(AbortOnDropHandle::new(task)) }
}

impl<T> Stream for Prefetch<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(item) = ready!(self.items.poll_recv(cx)) {
            return Poll::Ready(Some(item));
        }
        if let Some(task) = &mut self.task {
            let ended = ready!(Pin::new(task).poll(cx));
            self.task = None;
            if let Err(error) = ended {
                resume_unwind(error.try_into_panic().unwrap_or_else(|cancelled| Box::new(cancelled)));
            }
        }
        Poll::Ready(None)
    }
}
