// SPDX-License-Identifier: 0BSD
//! Calls functions when a task ends, in whatever way: `Task.add_done_callback(...)`.
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
//! Each callback is called once with the outcome: a value, a panic, or an abort, even before the first poll. Callbacks
//! run one after the other, FIFO, on a task of their own, so never inside [`Announced::add_done_callback`]. If the task
//! is done already, an added callback is called soon.
//!
//! If you need only the value, no callback is needed: `tokio::spawn(async { after(work().await) })`.
//!
//! # Cancel safety
//!
//! Dropping [`Announced`] or its [`join`](Announced::join) ends neither the task nor the callbacks. When the runtime
//! shuts down, callbacks that have not been called are dropped. A removed callback is dropped at once.
//!
//! # Panics
//!
//! A panic in a callback is caught after the panic hook has reported it, and the next callback is called. This holds
//! even if the payload of that panic panics when it is dropped. A task that joins itself panics; asyncio raises.
//!
//! # Differences from asyncio
//!
//! - The loop calls a done callback, soon. Here a task calls it, even if the awaited task is already done (lesson
//!   `for_a_task_that_is_done_it_is_called_soon_and_not_at_once`).

use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinHandle, try_id};

type Callback<T> = Box<dyn FnOnce(&Result<T, JoinError>) + Send>;

/// A task that calls callbacks when it ends.
pub struct Announced<T> {
    task: AbortHandle,
    /// The announcing task owns them: they are dropped with it when the runtime shuts down.
    callbacks: Weak<Callbacks<T>>,
    /// Gets a message when a callback is added; closed when no other can come.
    bell: mpsc::Sender<()>,
    announcer: JoinHandle<Result<T, JoinError>>,
}

/// The callbacks that have not been called, by number.
struct Callbacks<T>(Mutex<(u64, BTreeMap<u64, Callback<T>>)>);

/// Identifies one callback, to remove it.
pub struct Registration<T>(Weak<Callbacks<T>>, u64);

impl<T: Send + Sync + 'static> Announced<T> {
    /// Takes over a spawned task.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn new(task: JoinHandle<T>) -> Self {
        let all = Arc::new(Callbacks(Mutex::new((0, BTreeMap::new()))));
        // One slot: a message that has not been received covers all that follow.
        let (bell, mut rung) = mpsc::channel(1);
        let (abort, callbacks) = (task.abort_handle(), Arc::downgrade(&all));
        let announcer = tokio::spawn(async move {
            let outcome = task.await;
            loop {
                while let Some(callback) = all.first() {
                    // The panic hook has reported a panic, and the other callbacks must still run.
                    contained(|| callback(&outcome));
                }
                if rung.recv().await.is_none() {
                    return outcome;
                }
            }
        });
        Self { task: abort, callbacks, bell, announcer }
    }

    /// Has `callback` called with the outcome when the task is done.
    pub fn add_done_callback(
        &self,
        callback: impl FnOnce(&Result<T, JoinError>) + Send + 'static,
    ) -> Registration<T> {
        let mut number = 0;
        // Gone after the runtime has shut down: then no task is left to call it.
        if let Some(callbacks) = self.callbacks.upgrade() {
            let mut list = callbacks.lock();
            number = list.0;
            list.0 += 1;
            list.1.insert(number, Box::new(callback));
        }
        // Full if a message waits already.
        let _rung = self.bell.try_send(());
        Registration(self.callbacks.clone(), number)
    }

    /// Asks the task to end at its next await. Does nothing if the task is done.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Waits until the task is done and every callback has been called, and returns the outcome.
    ///
    /// # Errors
    ///
    /// The [`JoinError`] of the task.
    pub async fn join(self) -> Result<T, JoinError> {
        assert!(try_id() != Some(self.task.id()), "a task awaits itself");
        drop(self.bell);
        self.announcer.await?
    }
}

impl<T> Registration<T> {
    /// Removes the callback. Returns `false` if it has been called already, or is being called.
    pub fn remove(self) -> bool {
        // Dropped at the end of the function, outside the lock.
        let callback = self.0.upgrade().and_then(|callbacks| callbacks.lock().1.remove(&self.1));
        callback.is_some()
    }
}

impl<T> Callbacks<T> {
    /// Takes the next callback: it is called at most once, and outside the lock.
    fn first(&self) -> Option<Callback<T>> {
        Some(self.lock().1.pop_first()?.1)
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Callback<T>>)> {
        // No code panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls `f` and contains its panic, even one of the payload's destructor.
fn contained(f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        // Each payload may panic again when it is dropped.
        dropped.unwrap_or_else(mem::forget);
    }
}
