// SPDX-License-Identifier: 0BSD
//! A runtime in a `static` has no owner: no test has its clock, and no shutdown waits for its tasks. asyncio:
//! `loop = asyncio.new_event_loop()` at import.
//!
//! ```sh
//! cargo add tokio --features rt,rt-multi-thread
//! ```
//!
//! # What you see
//!
//! The program has a second pool of threads. Tests wait in real time beside a paused clock, or end before the work. When
//! `main` returns, tasks are cut off and their values are never dropped, because a `static` is never dropped. Lesson:
//! `but_the_task_runs_on_a_runtime_that_the_caller_has_not`.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods`, if `clippy.toml` bans `Runtime::new` outside `main` (on by default, but it has no effect
//! until then).
//!
//! # What to do
//!
//! Make one runtime, in `main`. A library offers `async fn`s. If it has to start tasks, it takes a `Handle`, or returns a
//! future that the caller spawns.
//!
//! # Cancel safety
//!
//! Neither function awaits. Dropping the handle detaches the task.

use std::sync::LazyLock;

use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

#[allow(clippy::disallowed_methods, reason = "the pitfall: where clippy.toml bans it, Clippy says so here")]
#[allow(clippy::expect_used, reason = "one more: a `static` has no caller that could get the error")]
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("there is a runtime to be had"));

/// Starts work on a runtime of its own.
pub fn broken<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    RUNTIME.spawn(work)
}

/// Starts work on the runtime that the caller chooses, which is `Handle::current()` in most cases.
pub fn fixed<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    runtime.spawn(work)
}
