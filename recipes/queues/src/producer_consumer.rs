// SPDX-License-Identifier: 0BSD
//! Runs one producer and some consumers on a bounded queue: `Queue(maxsize)` with `put`, `get` and an end.
//!
//! ```sh
//! cargo add async-channel
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use queues::producer_consumer::produce_and_consume;
//!
//! const FIVE: NonZeroUsize = NonZeroUsize::new(5).unwrap();
//!
//! async fn produce(queue: async_channel::Sender<u32>) -> anyhow::Result<()> {
//!     for page in 1..=9 {
//!         queue.send(page).await?; // waits while the queue is full
//!     }
//!     Ok(()) // drops the sender, which closes the queue
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let load = |name| move |page| async move { println!("{name} loads page {page}") };
//!     produce_and_consume(FIVE, produce, ["A", "B"].map(load)).await?;
//!     println!("all nine are loaded");
//!     Ok(())
//! }
//! ```
//!
//! `tokio::sync::mpsc` is enough for one consumer. Its receiver cannot be cloned; the receiver of `async_channel` can.
//!
//! The bound holds the producer back, so memory stays bounded if the consumers are slow. The queue closes when its last
//! [`Sender`] is dropped. The consumers take the remaining items and end.
//!
//! # Cancel safety
//!
//! Dropping the future drops the producer, aborts the consumers and drops the queued items.
//!
//! # Panics
//!
//! A panic of a consumer goes on in the caller once the other consumers have emptied the queue. A panic of the producer
//! goes on in the caller at once, and the consumers are aborted.
//!
//! # Cost
//!
//! On two threads `tokio::sync::mpsc` takes 2.9 times as long per item as on one. A second thread is worth it if the work
//! on an item takes longer than sending and receiving it.
//!
//! # Differences from asyncio
//!
//! - Up to Python 3.12, each consumer needs a sentinel. Here one close ends any number of them.
//! - A producer that raises leaves its consumers waiting. Here its sender is dropped, however it ends.
//! - A `put` into a full queue waits forever if all consumers are dead. Here `send` fails and returns the item.
//! - A `put` with room never lets others run, and neither does `async_channel`. Tokio's own channels yield after 128
//!   operations. A loop that sends without waiting needs a `tokio::task::yield_now`.

use std::mem;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use async_channel::Sender;
use tokio::task::JoinSet;
use tokio::task::coop::consume_budget;

/// The channel allocates memory for its bound. A greater bound counts as this many items.
const MOST: usize = 1 << 20;

/// Runs `produce` with the sender of a queue of `bound` items, and one task per consumer, until every item is consumed.
/// Returns what `produce` returned.
///
/// A consumer gets one item at a time; it may own resources, such as a connection. A `send` fails when no consumer is left.
///
/// It ends after every clone of the [`Sender`] is dropped.
pub async fn produce_and_consume<T, P, C, F>(
    bound: NonZeroUsize,
    produce: impl FnOnce(Sender<T>) -> P,
    consumers: impl IntoIterator<Item = C>,
) -> P::Output
where
    T: Send + 'static,
    P: Future,
    C: FnMut(T) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = async_channel::bounded(bound.get().min(MOST));
    let mut tasks = JoinSet::new();
    for mut consume in consumers {
        let queue = receiver.clone();
        tasks.spawn(async move {
            while let Ok(item) = queue.recv().await {
                consume(item).await;
                // While items are queued, `recv` does not wait.
                consume_budget().await;
            }
        });
    }
    // If a receiver stayed here, the producer would wait for room after the last consumer is gone.
    drop(receiver);

    // `produce` owns the sender and drops it at its end, which closes the queue.
    let produced = produce(sender).await;

    let mut panic = None;
    while let Some(ended) = tasks.join_next().await {
        let Err(error) = ended else { continue };
        if panic.is_none() {
            panic = Some(error);
        } else {
            // The payload of a second panic may panic when it is dropped. The wait for the other consumers must go on.
            catch_unwind(AssertUnwindSafe(|| drop(error))).unwrap_or_else(mem::forget);
        }
    }
    match panic {
        Some(panic) => resume_unwind(panic.into_panic()),
        None => produced,
    }
}
