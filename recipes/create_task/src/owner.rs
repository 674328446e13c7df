// SPDX-License-Identifier: 0BSD
//! Chooses who ends a task and who waits for it: in asyncio the owner of a reference, on Tokio the owner of the right
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
//! | owner | when the owner is dropped, its task |
//! |---|---|
//! | `JoinHandle` | runs on: *detached* |
//! | `AbortOnDropHandle` | is aborted |
//! | `JoinSet`, `JoinMap`, `JoinQueue` | is aborted, with every other task of the set |
//! | `TaskTracker` | runs on, and other clones of the tracker can wait for it |
//!
//! The runtime owns all tasks: when it shuts down, it drops them at their current await.
//!
//! A `JoinSet` in a local variable is enough if one function starts the tasks and waits for them.
//!
//! # Cancel safety
//!
//! Dropping [`Outbox::close`] ends only the waiting; the deliveries run on. So `timeout(grace, outbox.close())` is a
//! shutdown with a limit.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A value that a task keeps fresh. The task is a field of the value and ends with it.
#[derive(Debug)]
pub struct Refreshed<T> {
    latest: watch::Receiver<T>,
    refresh: AbortOnDropHandle<()>,
}

impl<T: Clone + Send + Sync + 'static> Refreshed<T> {
    /// Starts with `first`, and replaces it with the result of each `load`, `pause` after the one before.
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

    /// Returns the latest value.
    pub fn get(&self) -> T {
        self.latest.borrow().clone()
    }

    /// Returns whether the task still runs: `false` after `load` has panicked.
    pub fn is_kept_fresh(&self) -> bool {
        !self.refresh.is_finished()
    }
}

/// Deliveries that go on after the caller has left. A shutdown waits for them.
#[derive(Debug, Default)]
pub struct Outbox(TaskTracker);

impl Outbox {
    /// Starts a delivery without waiting for it. The delivery has to handle its own errors: its result is dropped.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn send(&self, delivery: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(delivery);
    }

    /// Waits until every delivery has ended, even by a panic.
    ///
    /// Consumes the outbox, because a closed tracker does not refuse further tasks.
    pub async fn close(self) {
        // Without this, wait() never returns: an empty tracker might get more tasks.
        self.0.close();
        self.0.wait().await;
    }
}
