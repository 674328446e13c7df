// SPDX-License-Identifier: 0BSD
//! Submits work to a runtime from another thread, and waits there for the result, with or without a limit:
//! `asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout)`.
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use event_loop::from_a_thread::{submit, wait, wait_for};
//! use tokio::{runtime::Runtime, time::sleep};
//!
//! fn main() -> anyhow::Result<()> {
//!     let runtime = Runtime::new()?;
//!     let page = submit(runtime.handle(), async {
//!         sleep(Duration::from_millis(1)).await; // a request
//!         "page"
//!     });
//!     let endless = submit(runtime.handle(), async { sleep(Duration::MAX).await });
//!
//!     assert_eq!(wait(page)?, "page");
//!     let still_running = wait_for(endless, Duration::from_millis(1)).unwrap_err();
//!     drop(still_running); // gives up: the work is aborted
//!     Ok(())
//! }
//! ```
//!
//! The thread needs a [`Handle`]: `Handle::current()` returns it inside the runtime, and clones go anywhere.
//!
//! [`Handle::block_on`] is enough without a limit. Then the thread polls the work itself, and the runtime drives only
//! its timers and sockets.
//!
//! The limit of [`wait_for`] is real time, measured by the thread: the wait ends even if the runtime is blocked.
//!
//! # Cancel safety
//!
//! No function here is async. Dropping the [`AbortOnDropHandle`] gives up, and the work ends at its next await.
//! [`AbortOnDropHandle::detach`] lets it run on.
//!
//! # Errors
//!
//! [`JoinError`] if the work panicked, or if its runtime has ended, even before the call. An error that the work
//! returns is a part of its value. If no thread runs a `current_thread` runtime, that is no error: the work waits.
//!
//! # Panics
//!
//! [`wait`] and [`wait_for`] panic where Tokio's own blocking calls do: in async code, where they would stop the
//! runtime that they wait for. They may be called in `spawn_blocking`.
//!
//! # Cost
//!
//! The way to another thread and back costs 80 to 100 times a task on the same thread. It is 0.9 of `Handle::spawn` with
//! `Handle::block_on`; `run_coroutine_threadsafe` costs 2.1 of that.
//!
//! # Differences from asyncio
//!
//! - In asyncio `result()` in the thread of the loop waits forever. Here it panics (lesson
//!   `to_wait_in_asynchronous_code_panics`).
//! - If the loop stops meanwhile, the thread waits forever. Here it is an error.
//! - After the thread gives up, the coroutine runs on until `future.cancel()`. Here the work is aborted.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Starts `work` on the runtime, from any thread, and does not wait.
///
/// Many of Tokio's own futures look for their runtime when they are made, and panic on a thread without one. So pass
/// `async { sleep(limit).await }` and not `sleep(limit)`.
pub fn submit<F>(runtime: &Handle, work: F) -> AbortOnDropHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    AbortOnDropHandle::new(runtime.spawn(work))
}

/// Blocks this thread until the work is done (`result()`).
pub fn wait<T>(mut task: AbortOnDropHandle<T>) -> Result<T, JoinError> {
    loop {
        // Without a deadline the poll returns only with a result.
        if let Poll::Ready(result) = poll_until(&mut task, None) {
            return result;
        }
    }
}

/// Blocks this thread until the work is done, at most for `limit` (`result(timeout)`).
///
/// The error returns the task itself, which runs on: wait again, detach it, or drop it to give up.
pub fn wait_for<T>(
    mut task: AbortOnDropHandle<T>,
    limit: Duration,
) -> Result<Result<T, JoinError>, AbortOnDropHandle<T>> {
    #[expect(clippy::disallowed_methods, reason = "the clock of the runtime may be paused")]
    let deadline = Instant::now().checked_add(limit);
    match poll_until(&mut task, deadline) {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => Err(task),
    }
}

/// Polls the task whenever it wakes this thread, until `deadline` if there is one.
fn poll_until<T>(task: &mut AbortOnDropHandle<T>, deadline: Option<Instant>) -> Poll<Result<T, JoinError>> {
    assert_may_block();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = Pin::new(&mut *task).poll(&mut context) {
            return Poll::Ready(result);
        }
        // Both waits may end early, by a wake-up for another reason: then the task is polled once more.
        match deadline {
            None => thread::park(),
            #[expect(clippy::disallowed_methods, reason = "as above")]
            Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                Some(left) => thread::park_timeout(left),
                None => return Poll::Pending,
            },
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Lets Tokio check whether this thread may be blocked: its own blocking calls panic if not.
fn assert_may_block() {
    let (sender, receiver) = oneshot::channel();
    let _received = sender.send(());
    let _ready = receiver.blocking_recv();
}
