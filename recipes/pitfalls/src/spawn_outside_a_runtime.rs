// SPDX-License-Identifier: 0BSD
//! A function that spawns needs a runtime, even if it is not `async`. asyncio: "no running event loop".
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! The panic *there is no reactor running, must be called from the context of a Tokio 1.x runtime*. It comes from a `new`
//! that is called before the runtime exists, in a `static`, on your own thread or in a callback. Timers and sockets panic
//! likewise.
//!
//! # What catches it
//!
//! Nothing: the signature does not show it.
//!
//! # What to do
//!
//! Show it in the signature: take a `Handle`. Or be an `async fn`, which runs on a runtime. Or return the future and let
//! the caller spawn it. Give a thread of your own the handle when you start it.
//!
//! # Cancel safety
//!
//! Neither function awaits. Dropping the counter ends its task.

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Counts messages in a task.
#[derive(Debug)]
pub struct Counter {
    /// Each message counts as one.
    pub count_one: mpsc::Sender<()>,
    counted: AbortOnDropHandle<usize>,
}

impl Counter {
    /// Returns the number of messages, once all senders are gone.
    ///
    /// # Errors
    ///
    /// If the runtime shuts down before that.
    pub async fn total(self) -> Result<usize, tokio::task::JoinError> {
        drop(self.count_one);
        self.counted.await
    }
}

/// Starts a counter on the current runtime, if there is one.
///
/// # Panics
///
/// If called outside a runtime.
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
