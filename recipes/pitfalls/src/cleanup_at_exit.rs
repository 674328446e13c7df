// SPDX-License-Identifier: 0BSD
//! A clean-up that a `Drop` has spawned is lost when the runtime ends. asyncio: `asyncio.run` cancels
//! what is left, and waits for it.
//!
//! ```sh
//! cargo add futures
//! cargo add scopeguard
//! cargo add tokio --features rt,time
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Goodbyes that are sent all day long, and never at the end of the program. A drop cannot await, so it spawns. At the
//! end of `main` the runtime drops every task at its await, and those that have not begun.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Spawn clean-ups on a `TaskTracker`, and wait for it as the last thing in `main`, with a limit. The recipe
//! `context_managers` has scopes that do so after an error, a panic and a cancellation.
//!
//! # Panics
//!
//! A panic in `work` goes on in the caller: from [`fixed`] after the clean-ups. One in `goodbye` is printed, and that is
//! all: it is a task without an awaiter.

use std::io;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use scopeguard::guard;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// A whole program: a connection is open while `work` runs, and `goodbye` is to be sent when it is dropped.
///
/// # Errors
///
/// When there is no runtime to be had.
///
/// # Panics
///
/// Inside of a runtime.
pub fn broken<T>(
    work: impl Future<Output = T>,
    goodbye: impl Future<Output = ()> + Send + 'static,
) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _connection = guard(goodbye, |goodbye| drop(tokio::spawn(goodbye)));
        Ok(work.await)
    })
}

/// A whole program: a connection is open while `work` runs, and `goodbye` is sent when it is dropped, within `grace`.
///
/// # Errors
///
/// When there is no runtime to be had. [`io::ErrorKind::TimedOut`] when the goodbye takes longer than `grace`.
///
/// # Panics
///
/// Inside of a runtime.
pub fn fixed<T>(
    work: impl Future<Output = T>,
    goodbye: impl Future<Output = ()> + Send + 'static,
    grace: Duration,
) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let cleanups = TaskTracker::new();
        let done = {
            let _connection = guard(goodbye, |goodbye| drop(cleanups.spawn(goodbye)));
            AssertUnwindSafe(work).catch_unwind().await
        };
        cleanups.close();
        let cleaned = timeout(grace, cleanups.wait()).await;
        let done = done.unwrap_or_else(|panic| resume_unwind(panic));
        cleaned.map(|()| done).map_err(|_elapsed| io::ErrorKind::TimedOut.into())
    })
}
