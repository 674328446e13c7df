// SPDX-License-Identifier: 0BSD
//! Gives one result to many readers, as many can await one `asyncio.Task`, and loads once for all who ask meanwhile
//! (single flight).
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use async_await::many_readers::{SingleFlight, spawn_shared};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let page = spawn_shared(async { "page" });
//!     let (reader, other) = tokio::join!(page.clone(), page);
//!     assert_eq!((reader?, other?), ("page", "page"));
//!
//!     let loads = SingleFlight::default();
//!     let first = loads.join_or_start(async { "loaded once" });
//!     let second = loads.join_or_start(async { "never run" });
//!     assert_eq!((first.await?, second.await?), ("loaded once", "loaded once"));
//!     Ok(())
//! }
//! ```
//!
//! A `JoinHandle` returns its value once, to one reader. `FutureExt::shared` clones the value for every reader. The
//! work runs on a task of its own. It goes on while its readers are busy, and a panic in it reaches each of them as an
//! error. A `Shared` around the work itself is polled by its readers: it stops while they are busy, and its panic is
//! theirs.
//!
//! `tokio::sync::OnceCell` is enough for a value that is loaded once and kept, `tokio::sync::watch` for one that
//! changes.
//!
//! # Cancel safety
//!
//! Dropping one reader leaves the work to the others. Dropping the last one aborts it: the task ends at its next
//! `.await`, so another load that starts meanwhile may overlap with its end.
//!
//! # Errors
//!
//! [`JoinError`] for every reader when the work panicked. What the work itself returns is the value. It may be a
//! `Result` whose error can be cloned (or is behind an `Arc`).
//!
//! # Panics
//!
//! Outside a Tokio runtime, as `tokio::spawn` does.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, Shared, WeakShared};
use futures::{FutureExt, TryFutureExt};
use tokio::task::{AbortHandle, JoinError, JoinHandle};
use tokio_util::task::AbortOnDropHandle;

/// A task that many can await: clone it, await each clone once.
pub type SharedTask<T> = Shared<Work<T>>;

/// What the clones of a [`SharedTask`] share.
type Work<T> = BoxFuture<'static, Result<T, Arc<JoinError>>>;

/// Starts `work` at once, for as many readers as there are clones of what is returned.
pub fn spawn_shared<T>(work: impl Future<Output = T> + Send + 'static) -> SharedTask<T>
where
    T: Clone + Send + Sync + 'static,
{
    share(tokio::spawn(work))
}

fn share<T: Clone + Send + Sync + 'static>(task: JoinHandle<T>) -> SharedTask<T> {
    AbortOnDropHandle::new(task).map_err(Arc::new).boxed().shared()
}

/// At most one load at a time. Who asks while it runs gets its result; who asks later starts the next.
///
/// It keeps no result, and knows no keys: one of these for each thing that is loaded.
#[derive(Debug)]
pub struct SingleFlight<T: Clone> {
    latest: Mutex<Option<Load<T>>>,
}

#[derive(Debug)]
struct Load<T: Clone> {
    /// Tells whether it still runs, also when no reader has looked at its result yet.
    task: AbortHandle,
    /// Weak, so that the load belongs to its readers and ends with the last of them.
    readers: WeakShared<Work<T>>,
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Joins the load that is under way, or starts `load`.
    ///
    /// A future is lazy: when it is not needed, `load` is dropped and has never run.
    pub fn join_or_start(&self, load: impl Future<Output = T> + Send + 'static) -> SharedTask<T> {
        // What is behind the lock is whole at any time, so a panic while it was held has broken nothing.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let running = latest.as_ref().filter(|load| !load.task.is_finished());
        if let Some(readers) = running.and_then(|load| load.readers.upgrade()) {
            return readers;
        }
        let handle = tokio::spawn(load);
        let task = handle.abort_handle();
        let readers = share(handle);
        *latest = readers.downgrade().map(|readers| Load { task, readers });
        readers
    }
}

impl<T: Clone> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { latest: Mutex::new(None) }
    }
}
