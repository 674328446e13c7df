// SPDX-License-Identifier: 0BSD
//! A clean-up that a `Drop` has spawned is lost when the runtime ends. asyncio: `asyncio.run` cancels the remaining tasks
//! and waits for them.
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
//! A goodbye is sent all day long, but never at the end of the program. A drop cannot await, so it spawns a task. At the
//! end of `main` the runtime drops every task at its await, and also the tasks that have not begun.
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
//! A panic in `work` goes on in the caller; in [`fixed`], after the clean-ups. A panic in `goodbye` is only printed, because
//! its task has no awaiter.

use std::io;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use scopeguard::guard;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Runs a whole program. A connection is open while `work` runs; its drop spawns `goodbye`, which is never sent.
///
/// # Errors
///
/// If no runtime can be built.
///
/// # Panics
///
/// If called inside a runtime.
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

/// Runs a whole program. A connection is open while `work` runs; when it is dropped, `goodbye` is sent within `grace`.
///
/// # Errors
///
/// If no runtime can be built. [`io::ErrorKind::TimedOut`] if the goodbye takes longer than `grace`.
///
/// # Panics
///
/// If called inside a runtime.
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
