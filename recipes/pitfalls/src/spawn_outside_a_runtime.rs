// SPDX-License-Identifier: 0BSD
//! A function that is not `async` and spawns needs a runtime all the same. asyncio: "no running event loop".
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! The panic *there is no reactor running, must be called from the context of a Tokio 1.x runtime*. It comes in a `new`
//! that is called before the runtime is there, in a `static`, on your own thread, in a callback. Timers and sockets
//! panic likewise.
//!
//! # What catches it
//!
//! Nothing: the signature does not show it.
//!
//! # What to do
//!
//! Show it: take a `Handle`. Or be an `async fn`, for then there is a runtime; or give back the future and let the caller
//! spawn it. From a thread of your own, take the handle along when you start it.
//!
//! # Cancel safety
//!
//! Neither function awaits. Dropping the counter ends its task.

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Counts in a task what it is sent.
#[derive(Debug)]
pub struct Counter {
    /// Each message counts as one.
    pub count_one: mpsc::Sender<()>,
    counted: AbortOnDropHandle<usize>,
}

impl Counter {
    /// How many have been counted, after the last.
    ///
    /// # Errors
    ///
    /// When the runtime shuts down before that.
    pub async fn total(self) -> Result<usize, tokio::task::JoinError> {
        drop(self.count_one);
        self.counted.await
    }
}

/// Starts a counter, on the runtime that there may be.
///
/// # Panics
///
/// Outside of a runtime.
pub fn broken() -> Counter {
    let (count_one, ones) = mpsc::channel(16);
    Counter { count_one, counted: AbortOnDropHandle::new(tokio::spawn(count(ones))) }
}

/// Starts a counter on this runtime. It may be called from any thread.
pub fn fixed(runtime: &Handle) -> Counter {
    let (count_one, ones) = mpsc::channel(16);
    Counter { count_one, counted: AbortOnDropHandle::new(runtime.spawn(count(ones))) }
}

async fn count(mut ones: mpsc::Receiver<()>) -> usize {
    let mut counted: usize = 0;
    while ones.recv().await.is_some() {
        counted = counted.saturating_add(1);
    }
    counted
}
