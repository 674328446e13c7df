// SPDX-License-Identifier: 0BSD
//! Calls functions when a task ends, however it ends: `Task.add_done_callback(...)`.
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! ```
//!
//! ```
//! use std::sync::mpsc;
//!
//! use create_task::done_callback::Announced;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (log, lines) = mpsc::channel();
//!     let upload = Announced::new(tokio::spawn(async { 3 }));
//!     upload.add_done_callback(move |outcome| {
//!         let _closed = log.send(format!("uploaded: {outcome:?}"));
//!     });
//!     assert_eq!(upload.join().await?, 3);
//!     assert_eq!(lines.recv()?, "uploaded: Ok(3)");
//!     Ok(())
//! }
//! ```
//!
//! Each callback is called once with the outcome: a value, a panic, or an abort, also one that came before the first
//! poll. Callbacks run one after the other, FIFO, on a task of their own, so never inside
//! [`Announced::add_done_callback`]. A callback that is added to a task that is done is called soon.
//!
//! For a value alone no callback is needed: `tokio::spawn(async { after(work().await) })`.
//!
//! # Cancel safety
//!
//! Dropping [`Announced`] or its [`join`](Announced::join) ends neither the task nor the callbacks. When the runtime
//! shuts down, callbacks that have not been called are dropped.
//!
//! # Panics
//!
//! A panic in a callback is caught after the panic hook has reported it; the next callback is called all the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinHandle};

type Callback<T> = Box<dyn FnOnce(&Result<T, JoinError>) + Send>;

/// Empty once the callback has been called or removed.
type Slot<T> = Arc<Mutex<Option<Callback<T>>>>;

/// A task whose end is announced to callbacks.
pub struct Announced<T> {
    task: AbortHandle,
    callbacks: mpsc::UnboundedSender<Slot<T>>,
    announcer: JoinHandle<Result<T, JoinError>>,
}

/// Stands for one callback, to remove it.
pub struct Registration<T>(Slot<T>);

impl<T: Send + Sync + 'static> Announced<T> {
    /// Takes over a task that has been spawned.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn new(task: JoinHandle<T>) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "it holds the callbacks that were asked for, and no more"
        )]
        let (callbacks, mut added) = mpsc::unbounded_channel::<Slot<T>>();
        let abort = task.abort_handle();
        let announcer = tokio::spawn(async move {
            // The channel is the list: callbacks gather in it in their order until the task is done.
            let outcome = task.await;
            while let Some(slot) = added.recv().await {
                if let Some(callback) = take(&slot) {
                    // Reported by the panic hook already, and no reason to leave out the others.
                    let _panic = catch_unwind(AssertUnwindSafe(|| callback(&outcome)));
                }
            }
            outcome
        });
        Self { task: abort, callbacks, announcer }
    }

    /// Has `callback` called with the outcome when the task is done.
    pub fn add_done_callback(
        &self,
        callback: impl FnOnce(&Result<T, JoinError>) + Send + 'static,
    ) -> Registration<T> {
        let slot: Slot<T> = Arc::new(Mutex::new(Some(Box::new(callback))));
        // Fails when the runtime has shut down: then nobody is left to call it.
        let _closed = self.callbacks.send(slot.clone());
        Registration(slot)
    }

    /// Asks the task to end at its next await. Does nothing to one that is done.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Waits until the task is done and every callback has been called, and gives back the outcome.
    ///
    /// # Errors
    ///
    /// The [`JoinError`] of the task.
    pub async fn join(self) -> Result<T, JoinError> {
        drop(self.callbacks);
        self.announcer.await?
    }
}

impl<T> Registration<T> {
    /// Removes the callback. `false` if it has been called already, or is being called.
    pub fn remove(self) -> bool {
        take(&self.0).is_some()
    }
}

/// Whoever takes it calls it: at most once, and outside the lock.
fn take<T>(slot: &Slot<T>) -> Option<Callback<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}
