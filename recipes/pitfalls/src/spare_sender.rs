// SPDX-License-Identifier: 0BSD
//! One remaining sender keeps a channel open and its reader waiting. asyncio: no sentinel is put, and `get` waits.
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! ```
//!
//! # What you see
//!
//! All items are received, and the loop does not end. The sender that was cloned for each producer still lives: in the
//! function that reads, in a field, or in a stored closure.
//! Lesson: `but_with_a_spare_sender_the_reader_waits_for_ever`.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Move the sender into the last producer, or drop it after the last clone. Do not keep a sender beside its receiver.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the producers.
//!
//! # Panics
//!
//! A panic in a producer goes on in the caller, after all the others have ended. It also panics if the runtime shuts down
//! meanwhile.

use std::panic::resume_unwind;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Collects the items of all producers, in the order in which they come. Then it waits for more, forever.
pub async fn broken<T, F>(producers: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (queue, mut items) = mpsc::channel(16);
    let mut tasks = JoinSet::new();
    for producer in producers {
        let queue = queue.clone();
        tasks.spawn(async move { queue.send(producer.await).await });
    }
    let mut all = Vec::new();
    while let Some(item) = items.recv().await {
        all.push(item);
    }
    all
}

/// Collects the items of all producers, in the order in which they come.
pub async fn fixed<T, F>(producers: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (queue, mut items) = mpsc::channel(16);
    let mut tasks = JoinSet::new();
    for producer in producers {
        let queue = queue.clone();
        tasks.spawn(async move { queue.send(producer.await).await });
    }
    // From here on only the producers keep the channel open.
    drop(queue);
    let mut all = Vec::new();
    while let Some(item) = items.recv().await {
        all.push(item);
    }
    while let Some(ended) = tasks.join_next().await {
        // The reader has outlived all senders, so every item was received.
        let _sent = ended.unwrap_or_else(|error| resume_unwind(error.into_panic()));
    }
    all
}
