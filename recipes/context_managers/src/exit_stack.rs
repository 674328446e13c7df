// SPDX-License-Identifier: 0BSD
//! Collects clean-ups while the program runs and undoes them last in, first out: `contextlib.AsyncExitStack`.
//!
//! ```sh
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::sync::mpsc;
//!
//! use context_managers::exit_stack::ExitStack;
//! use tokio_util::task::TaskTracker;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (log, closed) = mpsc::channel();
//!     let mut stack = ExitStack::new(&TaskTracker::new());
//!     for name in ["a.txt", "b.txt"] {
//!         let log = log.clone();
//!         let file = stack.enter(async { Ok(name) }, async move |file| log.send(file)).await?;
//!         assert_eq!(file, name);
//!     }
//!     assert_eq!(stack.close(Ok("copied")).await, Ok(Some("copied")));
//!     assert_eq!(closed.try_iter().collect::<Vec<_>>(), ["b.txt", "a.txt"]);
//!     Ok(())
//! }
//! ```
//!
//! It is for a number of resources that is known at run time only. For one resource, `scope` is enough; for clean-up
//! that does not wait, a `Vec` of guards. The clean-ups run one after the other in a task of their own, so a
//! cancellation of the caller does not end them. After a clean-up that fails or panics the next one runs, and every
//! failure is reported. A stack may be dropped instead of closed, by an early return, a panic or a cancellation. It
//! runs its clean-ups as well; the [`TaskTracker`] waits for them, see `drain`.
//!
//! # Cancel safety
//!
//! Dropping the future of [`ExitStack::enter`] drops the resource being opened; the clean-ups on the stack stay.
//! Dropping that of [`ExitStack::close`] ends only the waiting.
//!
//! # Errors
//!
//! All errors, in the order in which they happened, that of the body first. After a drop no caller is left: a clean-up
//! that fails then has to log its error.
//!
//! # Panics
//!
//! [`ExitStack::new`] panics outside a Tokio runtime. A panic in a clean-up is a [`Failure`].
//!
//! # Differences from asyncio
//!
//! - An `AsyncExitStack` that is dropped does nothing. This one runs its clean-ups (lesson
//!   `dropped_by_a_panic_a_cancellation_or_by_nothing_at_all_it_runs_them_in_order`).
//! - A cancellation during the exit reaches one callback after the other as an exception. Here the clean-ups are one
//!   task, which runs on (lesson `cancellations_during_the_close_do_not_cut_it_short`).
//! - Both go on after a callback that failed. asyncio raises the last exception; here all failures are reported (lesson
//!   `it_goes_on_after_a_failure_and_a_panic_and_reports_them_all`).

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::task::coop::consume_budget;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

type CleanUp<E> = Box<dyn for<'a> FnOnce(&'a mut Vec<Failure<E>>) -> BoxFuture<'a, Result<(), E>> + Send>;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure<E> {
    /// The body or a clean-up returned an error.
    #[error("{0}")]
    Error(E),
    /// A clean-up panicked with this message.
    #[error("panicked: {0}")]
    Panic(String),
    /// The stack was dropped, not closed: how the body ended is unknown.
    #[error("dropped before its end")]
    Dropped,
}

/// Clean-ups that run later, the last one first.
pub struct ExitStack<E: Send + 'static> {
    cleanups: Vec<CleanUp<E>>,
    /// With the token a drain also waits for an open stack.
    open: TaskTrackerToken,
    runtime: Handle,
}

impl<E: Send + 'static> ExitStack<E> {
    /// Makes an empty stack, whose clean-ups will run as a task of `cleanups`.
    pub fn new(cleanups: &TaskTracker) -> Self {
        Self { cleanups: Vec::new(), open: cleanups.token(), runtime: Handle::current() }
    }

    /// Waits for `open`, and returns the resource; `close` gets a clone of it later (`enter_async_context`).
    ///
    /// A resource that cannot be cloned goes into an `Arc`.
    ///
    /// # Errors
    ///
    /// Errors of `open`: no clean-up is put on the stack.
    pub async fn enter<R, F>(
        &mut self,
        open: impl Future<Output = Result<R, E>>,
        close: impl FnOnce(R) -> F + Send + 'static,
    ) -> Result<R, E>
    where
        R: Clone + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let resource = open.await?;
        let clone = resource.clone();
        self.callback(move || close(clone));
        Ok(resource)
    }

    /// Puts a clean-up on the stack that does not see the failures (`push_async_callback`).
    pub fn callback<F>(&mut self, clean_up: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.push(|_| clean_up().boxed());
    }

    /// Puts a clean-up on the stack that sees, and may change, the list of failures so far (`push_async_exit`).
    /// Clearing the list suppresses them.
    pub fn push(
        &mut self,
        clean_up: impl for<'a> FnOnce(&'a mut Vec<Failure<E>>) -> BoxFuture<'a, Result<(), E>> + Send + 'static,
    ) {
        self.cleanups.push(Box::new(clean_up));
    }

    /// Moves the clean-ups to a stack of their own, and leaves this one empty (`pop_all`).
    pub fn pop_all(&mut self) -> Self {
        let cleanups = mem::take(&mut self.cleanups);
        Self { cleanups, open: self.open.clone(), runtime: self.runtime.clone() }
    }

    /// Runs the clean-ups after a body that ended with the result `body`, and waits for them (`aclose`, or the end of
    /// the `async with`).
    ///
    /// `Ok(None)` means that the body failed and a clean-up has suppressed it.
    pub async fn close<T>(mut self, body: Result<T, E>) -> Result<Option<T>, Vec<Failure<E>>> {
        let (value, failures) = match body {
            Ok(value) => (Some(value), vec![]),
            Err(error) => (None, vec![Failure::Error(error)]),
        };
        // A task that cannot be joined was cut off by the end of the runtime.
        let failures = self.unwind(failures).await.unwrap_or_else(|_| vec![Failure::Dropped]);
        if failures.is_empty() { Ok(value) } else { Err(failures) }
    }

    /// Starts the task that runs the clean-ups, the last one first.
    fn unwind(&mut self, mut failures: Vec<Failure<E>>) -> JoinHandle<Vec<Failure<E>>> {
        let mut cleanups = mem::take(&mut self.cleanups);
        let task = async move {
            while let Some(clean_up) = cleanups.pop() {
                let cleaned = async { clean_up(&mut failures).await };
                match AssertUnwindSafe(cleaned).catch_unwind().await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => failures.push(Failure::Error(error)),
                    Err(panic) => failures.push(Failure::Panic(message(panic))),
                }
                // Many clean-ups may never wait: let other tasks have a turn.
                consume_budget().await;
            }
            failures
        };
        self.open.task_tracker().spawn_on(task, &self.runtime)
    }
}

impl<E: Send + 'static> Drop for ExitStack<E> {
    fn drop(&mut self) {
        if !self.cleanups.is_empty() {
            drop(self.unwind(vec![Failure::Dropped]));
        }
    }
}

impl<E: Send + 'static> fmt::Debug for ExitStack<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitStack").field("len", &self.cleanups.len()).finish_non_exhaustive()
    }
}

/// Returns the text of a panic: the payload of `panic!` is a `&str` or a `String`, that of `panic_any` any value.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and so may the payload of that panic: the second one is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
