// SPDX-License-Identifier: 0BSD
//! Chooses who ends a task and who waits for it: in asyncio the holder of a reference, on Tokio the holder of the right
//! handle.
//!
//! ```sh
//! cargo add tokio --features rt,sync,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use create_task::owner::{Outbox, Refreshed};
//! use tokio::time::timeout;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     // The task that refreshes is aborted when `rate` is dropped.
//!     let rate = Refreshed::new(1.08, Duration::from_secs(60), async || 1.09);
//!     assert_eq!((rate.get(), rate.is_kept_fresh()), (1.08, true));
//!
//!     let outbox = Outbox::default();
//!     outbox.send(async { println!("mail sent") }); // runs on without its caller
//!     timeout(Duration::from_secs(5), outbox.close()).await?; // a shutdown with a limit
//!     Ok(())
//! }
//! ```
//!
//! | held by | when that is dropped, its task |
//! |---|---|
//! | `JoinHandle` | runs on: *detached* |
//! | `AbortOnDropHandle` | is aborted |
//! | `JoinSet`, `JoinMap`, `JoinQueue` | is aborted, with every other task of the set |
//! | `TaskTracker` | runs on, and other clones of the tracker can wait for it |
//!
//! The runtime owns them all: they end where they are when it shuts down.
//!
//! A `JoinSet` in a local variable is enough where one function starts the tasks and waits for them.
//!
//! # Cancel safety
//!
//! Dropping [`Outbox::close`] leaves the deliveries running, without a waiter. That makes `timeout(grace,
//! outbox.close())` a shutdown with a limit.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A value that a task keeps fresh. The task ends with the value: it is a field of it.
#[derive(Debug)]
pub struct Refreshed<T> {
    latest: watch::Receiver<T>,
    refresh: AbortOnDropHandle<()>,
}

impl<T: Clone + Send + Sync + 'static> Refreshed<T> {
    /// Starts with `first`, and replaces it with what `load` gives, each time `pause` after the one before.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime. A panic in `load` ends the refreshing, see [`Refreshed::is_kept_fresh`].
    pub fn new<F>(first: T, pause: Duration, mut load: impl FnMut() -> F + Send + 'static) -> Self
    where
        F: Future<Output = T> + Send,
    {
        let (fresh, latest) = watch::channel(first);
        let refresh = AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                sleep(pause).await;
                fresh.send_replace(load().await);
            }
        }));
        Self { latest, refresh }
    }

    /// The latest value.
    pub fn get(&self) -> T {
        self.latest.borrow().clone()
    }

    /// Whether the task is still there; not after `load` has panicked.
    pub fn is_kept_fresh(&self) -> bool {
        !self.refresh.is_finished()
    }
}

/// Deliveries that go on when the caller has left, and that a shutdown waits for.
#[derive(Debug, Default)]
pub struct Outbox(TaskTracker);

impl Outbox {
    /// Starts a delivery and leaves it to itself. It has to deal with its own errors: its result is dropped.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn send(&self, delivery: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(delivery);
    }

    /// Waits until every delivery has ended, panicked ones too.
    ///
    /// Takes the outbox away, for a tracker does not refuse tasks that come after it was closed.
    pub async fn close(self) {
        // Without this, wait() never returns: an empty tracker might get more tasks.
        self.0.close();
        self.0.wait().await;
    }
}
