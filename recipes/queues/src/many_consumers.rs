// SPDX-License-Identifier: 0BSD
//! Many consumers on one `tokio::sync::mpsc` queue, which has one receiver: several workers that `await queue.get()` on
//! the same `asyncio.Queue`.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! The lock belongs to the waiting, never to the work: it is taken and given back inside of [`SharedReceiver::recv`].
//! `while let Some(item) = receiver.lock().await.recv().await { work(item).await }` looks the same and runs one job at a
//! time, for the guard of a `while let` lives until the end of its body.
//!
//! `async_channel` has receivers that can be cloned, and needs no lock. This is for a channel that is there already, or
//! for one dependency less.
//!
//! # Cancel safety
//!
//! [`SharedReceiver::recv`] is cancel safe: a dropped one has taken nothing, and loses its place in the line.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

/// The receiving end of a channel, for many tasks: clone it. Each item goes to one of them.
#[derive(Debug)]
pub struct SharedReceiver<T>(Arc<Mutex<mpsc::Receiver<T>>>);

impl<T> SharedReceiver<T> {
    /// The next item; `None` when the channel is closed and empty. Those who wait are served in the order in which they
    /// came.
    pub async fn recv(&self) -> Option<T> {
        self.0.lock().await.recv().await
    }
}

impl<T> From<mpsc::Receiver<T>> for SharedReceiver<T> {
    fn from(receiver: mpsc::Receiver<T>) -> Self {
        Self(Arc::new(Mutex::new(receiver)))
    }
}

impl<T> Clone for SharedReceiver<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
