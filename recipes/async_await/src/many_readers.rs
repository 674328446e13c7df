// SPDX-License-Identifier: 0BSD
//! Gives one result to many readers, as many can await one `asyncio.Task`. Loads once for all who ask while the load
//! runs (single flight).
//!
//! ```sh
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
//! A `JoinHandle` returns its value once, to one reader. A [`SharedTask`] clones the value for every reader. The work runs
//! on a task of its own. The work goes on while its readers are busy, and a panic in it reaches each of them as an
//! error.
//!
//! With `FutureExt::shared` of `futures` around the work itself, the readers poll the work: it stops while they are
//! busy, and its panic is theirs. A reader that is polled without budget and then dropped can lose the wake-up of the
//! others.
//!
//! Without this file: `tokio::sync::OnceCell` is enough for a value that is loaded once and kept, `tokio::sync::watch`
//! for one that changes. For one call per key with a time to live, take the pattern `single_flight`.
//!
//! # Cancel safety
//!
//! Dropping one reader leaves the work to the others. Dropping the last one aborts it: the task ends at its next
//! `.await`, so another load that starts meanwhile may overlap with its end. A value that no reader has taken is
//! dropped with the last reader.
//!
//! # Errors
//!
//! [`JoinError`] for every reader if the work panicked. The value is whatever the work returns: it may be a `Result`
//! whose error can be cloned (or is behind an `Arc`).
//!
//! # Panics
//!
//! [`spawn_shared`] panics outside a Tokio runtime, as `tokio::spawn` does. A load that awaits itself panics, and its
//! readers get the error; asyncio raises. A load that awaits itself through another task is not recognised, and waits
//! forever.
//!
//! # Differences from asyncio
//!
//! - Cancelling a caller of a task cancels the task, and so the other callers, unless there is a `shield`. Here it
//!   costs them nothing (lesson `a_dropped_reader_takes_nothing_from_the_others`).

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::coop::unconstrained;
use tokio::task::{AbortHandle, Id, JoinError, JoinHandle, try_id};
use tokio_util::task::AbortOnDropHandle;

/// A task that many can await: clone it, await each clone.
#[derive(Debug)]
pub struct SharedTask<T> {
    work: Arc<Work<T>>,
    /// Its number among the readers that wait.
    waits: Option<u64>,
}

/// What the clones of a [`SharedTask`] share. The task is aborted when it is dropped.
#[derive(Debug)]
struct Work<T> {
    id: Id,
    state: Mutex<State<T>>,
    readers: Arc<Readers>,
}

#[derive(Debug)]
enum State<T> {
    Running(AbortOnDropHandle<T>),
    Done(Arc<Result<T, Arc<JoinError>>>),
}

/// The readers that wait. This is the task's only waker, and it wakes all of them.
#[derive(Debug, Default)]
struct Readers(Mutex<(u64, BTreeMap<u64, Waker>)>);

/// Starts `work` at once. Each clone of the returned task is one reader.
pub fn spawn_shared<T>(work: impl Future<Output = T> + Send + 'static) -> SharedTask<T>
where
    T: Clone + Send + Sync + 'static,
{
    share(tokio::spawn(work))
}

fn share<T>(task: JoinHandle<T>) -> SharedTask<T> {
    let (id, state) = (task.id(), Mutex::new(State::Running(AbortOnDropHandle::new(task))));
    SharedTask { work: Arc::new(Work { id, state, readers: Arc::default() }), waits: None }
}

impl<T: Clone> Future for SharedTask<T> {
    type Output = Result<T, Arc<JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(try_id() != Some(self.work.id), "a task awaits itself");
        // The reader registers first and looks then: an end in between wakes it.
        let waits = self.work.readers.add(self.waits, cx.waker());
        self.waits = Some(waits);
        let done = {
            let mut state = lock(&self.work.state);
            if let State::Running(task) = &mut *state {
                // Unconstrained: a reader without budget would be woken alone, and might be dropped then. The task
                // would have no other reader's waker.
                let readers = Waker::from(self.work.readers.clone());
                if let Poll::Ready(result) =
                    Pin::new(&mut unconstrained(task)).poll(&mut Context::from_waker(&readers))
                {
                    *state = State::Done(Arc::new(result.map_err(Arc::new)));
                }
            }
            match &*state {
                State::Running(_) => return Poll::Pending,
                State::Done(result) => result.clone(),
            }
        };
        // Outside the lock: `clone` is the caller's code.
        Poll::Ready((*done).clone())
    }
}

impl<T> Clone for SharedTask<T> {
    fn clone(&self) -> Self {
        Self { work: self.work.clone(), waits: None }
    }
}

impl<T> Drop for SharedTask<T> {
    fn drop(&mut self) {
        if let Some(number) = self.waits {
            // Outside the lock: dropping a waker may drop a task, and with it a reader.
            let _waker = lock(&self.work.readers.0).1.remove(&number);
        }
    }
}

impl Readers {
    /// Adds a reader that waits, or renews its waker. Returns its number.
    fn add(&self, number: Option<u64>, waker: &Waker) -> u64 {
        let waker = waker.clone();
        let mut waiting = lock(&self.0);
        let number = number.unwrap_or(waiting.0);
        waiting.0 = waiting.0.max(number + 1);
        let old = waiting.1.insert(number, waker);
        drop(waiting);
        drop(old);
        number
    }
}

impl Wake for Readers {
    fn wake(self: Arc<Self>) {
        let waiting = std::mem::take(&mut lock(&self.0).1);
        waiting.into_values().for_each(Waker::wake);
    }
}

/// The data behind these locks is consistent at any time, so a panic while a lock was held has broken nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs at most one load at a time. A caller that asks while it runs gets its result; a later caller starts the next
/// load.
///
/// It keeps no result and has no keys; the pattern `single_flight` has both. Take one of these for each thing that is
/// loaded.
#[derive(Debug)]
pub struct SingleFlight<T> {
    latest: Mutex<Option<Load<T>>>,
}

#[derive(Debug)]
struct Load<T> {
    /// Shows whether the load still runs, also if no reader has looked at its result yet.
    task: AbortHandle,
    /// Weak, so that the load belongs to its readers and ends with the last of them.
    work: Weak<Work<T>>,
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Joins the load that is under way, or starts `load`.
    ///
    /// A future is lazy: if `load` is not needed, it is dropped and never runs.
    pub fn join_or_start(&self, load: impl Future<Output = T> + Send + 'static) -> SharedTask<T> {
        let mut latest = lock(&self.latest);
        let running = latest.as_ref().filter(|load| !load.task.is_finished());
        if let Some(work) = running.and_then(|load| load.work.upgrade()) {
            return SharedTask { work, waits: None };
        }
        let handle = tokio::spawn(load);
        let task = handle.abort_handle();
        let readers = share(handle);
        *latest = Some(Load { task, work: Arc::downgrade(&readers.work) });
        readers
    }
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { latest: Mutex::new(None) }
    }
}
