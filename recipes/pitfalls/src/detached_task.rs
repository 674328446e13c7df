// SPDX-License-Identifier: 0BSD
//! A task whose handle is dropped runs on. asyncio: a task without a reference may be collected in the middle.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Closed sessions still send heartbeats, a port stays in use, memory grows with each session. The runtime owns its tasks; a
//! `JoinHandle` is only a way to wait.
//!
//! # What catches it
//!
//! - Nothing, for a handle in a field and for the bare `tokio::spawn(work);`: a `JoinHandle` may be ignored.
//! - Clippy's `let_underscore_future`, on by default, for `let _ = tokio::spawn(work)`.
//! - rustc's `unused_results`, off by default, for the bare call and every other unused result.
//!
//! # What to do
//!
//! Let the owner of the work own its task too: by an `AbortOnDropHandle`, or by a `JoinSet` for many tasks. The recipe
//! `create_task` has a table of what ends a task.
//!
//! # Cancel safety
//!
//! Neither function awaits. An abort takes effect at the task's next await.

use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

/// A session: open as long as this value lives. It holds the handle of the task that sends its heartbeats.
#[derive(Debug)]
pub struct Session<H> {
    _heartbeat: H,
}

/// Opens a session. Its heartbeat goes on when the session is dropped.
///
/// # Panics
///
/// If called outside a runtime.
pub fn broken(heartbeat: impl Future<Output = ()> + Send + 'static) -> Session<JoinHandle<()>> {
    Session { _heartbeat: tokio::spawn(heartbeat) }
}

/// Opens a session. Its heartbeat ends with the session.
///
/// # Panics
///
/// If called outside a runtime.
pub fn fixed(heartbeat: impl Future<Output = ()> + Send + 'static) -> Session<AbortOnDropHandle<()>> {
    Session { _heartbeat: AbortOnDropHandle::new(tokio::spawn(heartbeat)) }
}
