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
//! Heart-beats of sessions that are closed, a port that stays taken, memory that grows with each session. The runtime owns
//! its tasks; a `JoinHandle` is a way to wait.
//!
//! # What catches it
//!
//! Nothing for a handle in a field, nor for the bare `tokio::spawn(work);`: a `JoinHandle` may be ignored. Clippy's
//! `let_underscore_future`, on by default, for `let _ = tokio::spawn(work)`. Off by default: rustc's `unused_results`,
//! for the bare call and every other unused result.
//!
//! # What to do
//!
//! Keep what ends the task beside what it works for: an `AbortOnDropHandle`, or a `JoinSet` for many. The recipe
//! `create_task` has a table of who ends what.
//!
//! # Cancel safety
//!
//! Neither function awaits. An abort takes effect where the task next waits.

use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

/// A session, for as long as this value lives, and the handle of the task that keeps it alive.
#[derive(Debug)]
pub struct Session<H> {
    _heartbeat: H,
}

/// Opens a session. Its heart-beat goes on when the session is dropped.
///
/// # Panics
///
/// Outside of a runtime.
pub fn broken(heartbeat: impl Future<Output = ()> + Send + 'static) -> Session<JoinHandle<()>> {
    Session { _heartbeat: tokio::spawn(heartbeat) }
}

/// Opens a session. Its heart-beat ends with it.
///
/// # Panics
///
/// Outside of a runtime.
pub fn fixed(heartbeat: impl Future<Output = ()> + Send + 'static) -> Session<AbortOnDropHandle<()>> {
    Session { _heartbeat: AbortOnDropHandle::new(tokio::spawn(heartbeat)) }
}
