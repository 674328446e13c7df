// SPDX-License-Identifier: 0BSD
//! Lists the tasks that run, by name, and shows the state of each: `create_task(..., name=...)`, `Task.get_name()`,
//! `asyncio.all_tasks()`.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use create_task::named::{Names, State};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let names = Names::default();
//!     let mut sum = names.spawn("sum", async { 2 + 3 });
//!     let poller = names.spawn("poller", std::future::pending::<()>());
//!     assert_eq!(names.running(), ["sum".into(), "poller".into()]);
//!
//!     assert_eq!(sum.result().await.as_ref().ok(), Some(&5));
//!     assert_eq!(sum.state(), State::Finished);
//!     assert_eq!(names.running(), ["poller".into()]);
//!     poller.abort();
//! }
//! ```
//!
//! Tokio counts its live tasks and does not list them; its names need an unstable build. [`Names`] lists the tasks that
//! were spawned through it. Names are for people: two tasks may share one, and a finished task's name is free.
//!
//! `tokio_util::task::JoinMap` is enough if the names are keys. It keeps them unique: it aborts the older of two tasks
//! with one key.
//!
//! # Cancel safety
//!
//! [`NamedTask::result`] is cancel safe: the [`NamedTask`] keeps the result. Dropping a [`NamedTask`] lets the task run
//! on, still listed; [`NamedTask::abort`] ends it.
//!
//! # Differences from asyncio
//!
//! - A task has a name and `all_tasks` lists it. Tokio has an id and a count; [`Names`] lists those that run (lesson
//!   `only_tasks_that_run_are_listed`).
//! - A task can be awaited again and again. A handle can be awaited once; [`NamedTask`] keeps the result (lesson
//!   `the_result_can_be_asked_for_again_and_that_of_a_bare_handle_cannot`).

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::task::{JoinError, JoinHandle, coop::unconstrained, try_id};

/// Spawns tasks under names, and lists those that run. Clones share one list.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    running: BTreeMap<u64, Arc<str>>,
    next: u64,
}

/// A task with a name. It keeps the result, so you can ask for it more than once.
#[derive(Debug)]
pub struct NamedTask<T> {
    name: Arc<str>,
    handle: JoinHandle<T>,
    result: Option<Result<T, JoinError>>,
}

/// The state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not done: it runs, waits, or has not begun. Right after an abort, which is a request, it is still in this state.
    Running,
    /// It has returned, perhaps an `Err`.
    Finished,
    /// It panicked.
    Panicked,
    /// It was aborted, or its runtime has shut down.
    Cancelled,
}

impl Names {
    /// Spawns `work` and lists it as `name` until its future is dropped: after its end, a panic or an abort.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, as `tokio::spawn` does.
    pub fn spawn<F>(&self, name: impl Into<Arc<str>>, work: F) -> NamedTask<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let name = name.into();
        let listed = self.add(name.clone());
        let handle = tokio::spawn(async move {
            // Part of the task: it is dropped with it in every case, even if the task was never polled.
            let _listed = listed;
            work.await
        });
        NamedTask { name, handle, result: None }
    }

    /// Returns the names of the tasks that run, in the order in which they were spawned.
    pub fn running(&self) -> Vec<Arc<str>> {
        self.list().running.values().cloned().collect()
    }

    fn add(&self, name: Arc<str>) -> Listed {
        let mut list = self.list();
        let key = list.next;
        list.next += 1;
        list.running.insert(key, name);
        Listed { names: self.clone(), key }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        // No code panics while the lock is held; and if it did, the list would still be consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes its task off the list when it is dropped.
struct Listed {
    names: Names,
    key: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.names.list().running.remove(&self.key);
    }
}

impl<T> NamedTask<T> {
    /// Returns the name that the task was spawned with.
    pub fn name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// Returns the state of the task.
    pub fn state(&mut self) -> State {
        if self.result.is_none() {
            // No task waits meanwhile, so no waker is needed. Unconstrained: otherwise a caller without budget would
            // always see `Running`.
            let mut result = unconstrained(&mut self.handle);
            if let Poll::Ready(result) = Pin::new(&mut result).poll(&mut Context::from_waker(Waker::noop())) {
                self.result = Some(result);
            }
        }
        match &self.result {
            None => State::Running,
            Some(Ok(_)) => State::Finished,
            Some(Err(error)) if error.is_panic() => State::Panicked,
            Some(Err(_)) => State::Cancelled,
        }
    }

    /// Asks the task to end at its next await. Does nothing if the task is done.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// Waits for the task. A second call returns the same result.
    ///
    /// # Panics
    ///
    /// If the task calls it on itself, which would wait forever; asyncio raises.
    pub async fn result(&mut self) -> &Result<T, JoinError> {
        let result = match self.result.take() {
            Some(result) => result,
            None => {
                assert!(try_id() != Some(self.handle.id()), "a task awaits itself");
                (&mut self.handle).await
            }
        };
        self.result.insert(result)
    }
}
