// SPDX-License-Identifier: 0BSD
//! Holds a runtime as a value. It runs one main after the other, and at the end cancels and awaits the tasks that are
//! left: `asyncio.Runner`, `asyncio.run`.
//!
//! ```sh
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features rt,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use event_loop::runner::Runner;
//! use tokio::runtime::Builder;
//!
//! fn main() -> anyhow::Result<()> {
//!     let report = |name: &str, failure| eprintln!("{name}: {failure}");
//!     let mut runner = Runner::new(&mut Builder::new_current_thread(), report)?;
//!     runner.tasks().spawn("heartbeat", |stop| async move {
//!         stop.cancelled().await; // beats until then
//!         Ok(())
//!     })?;
//!     assert_eq!(runner.run(async || 6 * 7)?, 42);
//!     assert_eq!(runner.run(async || "the next main")?, "the next main");
//!     runner.close(Duration::from_secs(5))?; // cancels the heartbeat, and waits for it
//!     Ok(())
//! }
//! ```
//!
//! [`Tasks::spawn`] starts background tasks and gives each a token. [`Runner::close`] cancels the tokens, and waits for
//! the tasks. It does not know the tasks of `tokio::spawn`: a Tokio runtime drops those at their await.
//!
//! `#[tokio::main]` is enough for one main that waits for its own tasks.
//!
//! # Cancel safety
//!
//! No function here is async. A [`Runner`] that is dropped, and not closed, cancels the tokens and does not wait.
//!
//! # Errors
//!
//! [`RunError`], [`CloseError`] and [`Closing`]. The result of `main` is returned unchanged.
//!
//! # Panics
//!
//! A panic in `main` resumes in the caller of [`run`](Runner::run); the runner can be used again. A panic in a background
//! task is reported as a [`TaskFailure`].
//!
//! # Differences from asyncio
//!
//! - `asyncio.run` finds every task that is left. [`Runner::close`] finds those of [`Tasks::spawn`].
//! - An exception that a task raises while it is cancelled goes to the exception handler. Tokio drops it; here it is
//!   reported (lesson `a_task_that_fails_while_it_is_cancelled_is_reported`).
//! - asyncio waits for clean-ups forever. Here the grace period ends, and the tasks that are cut off are counted
//!   (lesson `what_takes_longer_than_the_grace_is_cut_off_and_counted`).
//! - Between two mains a runtime of one thread pauses, as a loop of asyncio does (lesson
//!   `a_task_that_is_left_stands_still_between_two_mains_and_goes_on_in_the_next`). One of many threads runs on.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs mains on its own runtime.
pub struct Runner {
    /// `None` after the close.
    runtime: Option<Runtime>,
    tasks: Tasks,
}

/// Starts background tasks on a runner's runtime, from any thread.
#[derive(Clone)]
pub struct Tasks(Arc<Shared>);

struct Shared {
    runtime: Handle,
    running: TaskTracker,
    cancel: CancellationToken,
    /// Held while a task is started: each is either waited for or refused.
    open: Mutex<bool>,
    report: Report,
}

type Report = Box<dyn Fn(&str, TaskFailure) + Send + Sync>;

/// How a background task failed.
#[derive(Debug, thiserror::Error)]
pub enum TaskFailure {
    /// It returned this error.
    #[error(transparent)]
    Error(Box<dyn Error + Send + Sync>),
    /// It panicked with this message.
    #[error("panicked: {0}")]
    Panicked(String),
}

/// Why [`Runner::run`] did not run its main.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// This thread belongs to a runtime, which blocking would stop. So does a thread of `spawn_blocking`: start a
    /// thread of your own with `std::thread`.
    #[error("a runtime cannot be run inside another one")]
    Nested,
    /// [`Runner::close`] was called.
    #[error("the runner is closed")]
    Closed,
}

/// Why [`Runner::close`] did not end in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// As [`RunError::Nested`]. The runner stays open.
    #[error("a runtime cannot be closed inside another one")]
    Nested,
    /// This many tasks had not ended when the grace period was over. They were dropped at their await.
    #[error("background tasks cut off: {0}")]
    CutOff(usize),
}

/// The runner is being closed, or was dropped: it starts no further task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the runner is closing")]
pub struct Closing;

impl Runner {
    /// Builds the runtime. `report` is called with the name and the failure of each background task that fails, when it
    /// fails.
    ///
    /// # Errors
    ///
    /// Errors of [`Builder::build`].
    pub fn new(
        builder: &mut Builder,
        report: impl Fn(&str, TaskFailure) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        // The wait in `close` has a time limit.
        let runtime = builder.enable_time().build()?;
        let tasks = Tasks(Arc::new(Shared {
            runtime: runtime.handle().clone(),
            running: TaskTracker::new(),
            cancel: CancellationToken::new(),
            open: Mutex::new(true),
            report: Box::new(report),
        }));
        Ok(Self { runtime: Some(runtime), tasks })
    }

    /// Returns a handle that starts background tasks; `main` may own it.
    pub fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// Returns the runtime's handle, for code that needs it by name (`get_loop`). A task that is spawned on it after
    /// the close is cancelled at once.
    pub fn handle(&self) -> &Handle {
        &self.tasks.0.runtime
    }

    /// Runs `main` to its end on this thread, and returns its result.
    ///
    /// It takes a function, and calls it inside the runtime. A future would be made outside, where Tokio's futures,
    /// such as `sleep`, panic.
    pub fn run<T>(&mut self, main: impl AsyncFnOnce() -> T) -> Result<T, RunError> {
        let runtime = self.runtime.as_ref().ok_or(RunError::Closed)?;
        if Handle::try_current().is_ok() {
            return Err(RunError::Nested);
        }
        Ok(runtime.block_on(async { main().await }))
    }

    /// Cancels the background tasks that are left, and waits for them for `grace`. Then it ends the runtime, and waits
    /// for calls of `spawn_blocking`, for `grace` again. A second call does nothing.
    ///
    /// A task that ends in the instant in which `grace` is over is in time. Tokio does not show when all tasks that are
    /// due in an instant have run. A task that takes many more turns in that instant may be cut off.
    ///
    /// A task that never awaits cannot be cut off: a runtime of one thread waits for it. `Duration::MAX` is no limit.
    pub fn close(&mut self, grace: Duration) -> Result<(), CloseError> {
        if Handle::try_current().is_ok() {
            return Err(CloseError::Nested);
        }
        let Some(runtime) = self.runtime.take() else { return Ok(()) };
        self.tasks.0.cancel();
        let running = &self.tasks.0.running;
        let left = runtime.block_on(async {
            let _in_time = timeout(grace, running.wait()).await;
            // Tokio does not show when all tasks that are due in this instant have run. So each further turn, which
            // polls some sixty tasks, must end at least one; a few turns may end none.
            let (mut left, mut idle_turns) = (running.len(), 0);
            while left > 0 && idle_turns < 4 + left / 30 {
                yield_now().await;
                idle_turns = if running.len() < left { 0 } else { idle_turns + 1 };
                left = running.len();
            }
            left
        });
        runtime.shutdown_timeout(grace);
        if left == 0 { Ok(()) } else { Err(CloseError::CutOff(left)) }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.tasks.0.cancel();
            // Not a plain drop, which would wait for blocking calls, and panic inside a runtime.
            runtime.shutdown_background();
        }
    }
}

impl Tasks {
    /// Starts a background task. Its token is cancelled when the runner closes: it should clean up then, and return.
    ///
    /// # Errors
    ///
    /// [`Closing`]; no task is started then.
    pub fn spawn<F>(
        &self,
        name: impl Into<String>,
        work: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Result<(), Closing>
    where
        F: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let (name, shared) = (name.into(), self.0.clone());
        let task = async move {
            let work = async { work(shared.cancel.clone()).await };
            match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => (shared.report)(&name, TaskFailure::Error(error)),
                Err(panic) => (shared.report)(&name, TaskFailure::Panicked(text(panic))),
            }
        };
        let open = self.0.open();
        if !*open {
            return Err(Closing);
        }
        // The handle is dropped: the tracker waits for the task, and `report` gets its failure.
        drop(self.0.running.spawn_on(task, &self.0.runtime));
        Ok(())
    }
}

impl Shared {
    /// Refuses new tasks, and cancels the token of the others.
    fn cancel(&self) {
        *self.open() = false;
        self.running.close();
        self.cancel.cancel();
    }

    fn open(&self) -> MutexGuard<'_, bool> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("runtime", &self.runtime).field("tasks", &self.tasks).finish()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("running", &self.0.running.len()).finish_non_exhaustive()
    }
}

/// Returns the text of a panic: the payload of `panic!` is a `&str` or a `String`, that of `panic_any` any value.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a value that is not text");
    let text = text.to_owned();
    // The payload may be a value whose destructor panics.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(another);
    }
    text
}
