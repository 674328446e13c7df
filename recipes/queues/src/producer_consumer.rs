// SPDX-License-Identifier: 0BSD
//! One producer, some consumers and a bounded queue between them, ended by closing: `asyncio.Queue(maxsize)` with its
//! `put`, `get` and sentinels.
//!
//! ```sh
//! cargo add async-channel
//! cargo add tokio --features rt
//! ```
//!
//! The bound holds the producer back, so memory stays bounded however slow the consumers are. The queue is closed when
//! its last [`Sender`] is dropped; the consumers take what is left in it and end. No sentinel is needed, whatever their
//! number, and none is missing when the producer fails half way.
//!
//! `async_channel` and not `tokio::sync::mpsc`, whose receiver cannot be cloned.
//!
//! # Cancel safety
//!
//! Dropping the future drops the producer, aborts the consumers and drops what is queued.
//!
//! # Panics
//!
//! A panic in a consumer goes on in the caller once the others have emptied the queue. A panic in the producer goes on
//! in the caller at once, and the consumers are aborted.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;

use async_channel::Sender;
use tokio::task::JoinSet;

/// Runs `produce` with the sending end of a queue of `bound` items, and a task for each of `consumers`, until all that
/// was sent is consumed. Returns what `produce` returned.
///
/// A consumer is called with one item at a time; it may own what it works with, say a connection. A `send` fails when
/// no consumer is left.
///
/// All clones of the [`Sender`] have to be dropped for it to end.
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
    let (sender, receiver) = async_channel::bounded(bound.get());
    let mut tasks = JoinSet::new();
    for mut consume in consumers {
        let queue = receiver.clone();
        tasks.spawn(async move {
            while let Ok(item) = queue.recv().await {
                consume(item).await;
            }
        });
    }
    // Only the consumers may have one, or the producer would wait for room when they are gone.
    drop(receiver);

    // The sender is moved into it and goes with it: that closes the queue.
    let produced = produce(sender).await;

    let mut panic = None;
    while let Some(ended) = tasks.join_next().await {
        panic = panic.or(ended.err());
    }
    match panic {
        Some(panic) => resume_unwind(panic.into_panic()),
        None => produced,
    }
}
