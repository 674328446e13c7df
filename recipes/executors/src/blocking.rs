// SPDX-License-Identifier: 0BSD
//! Runs blocking calls away from the runtime's threads, a limited number at once: `asyncio.to_thread`, or
//! `run_in_executor` with a `ThreadPoolExecutor(max_workers)`.
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::fs;
//! use std::num::NonZeroUsize;
//!
//! use executors::blocking::Blocking;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let files = Blocking::at_most(const { NonZeroUsize::new(8).unwrap() });
//!     let manifest = files.run(|| fs::read_to_string("Cargo.toml")).await??;
//!     assert!(manifest.contains("[package]"));
//!
//!     let bad = files.run(|| panic!("a bug in the driver")).await;
//!     assert!(bad.is_err_and(|error: tokio::task::JoinError| error.is_panic()));
//!     Ok(())
//! }
//! ```
//!
//! Without this file: `spawn_blocking` alone is enough for a few calls. It uses up to 512 threads, and queues the rest
//! without a bound. Those threads also serve `tokio::fs`, stdin and the resolver: a thousand slow calls hold these up
//! as well. Here a call waits for its permit before it takes a thread.
//!
//! It is for calls that wait: for files, or in a database's blocking driver. For computing see the pattern `cpu`. A
//! loop that never ends belongs on a `std::thread`, because the end of the runtime waits for each call that runs.
//!
//! # Cancel safety
//!
//! If [`Blocking::run`] is dropped before its turn, the work never begins. A thread cannot be stopped, so work that has
//! begun goes on. It keeps its permit until its end, and its result is dropped.
//!
//! # Errors
//!
//! A [`JoinError`] if the work panicked, or if the runtime ended before the work began.
//!
//! # Differences from asyncio
//!
//! - `run_in_executor` starts the work at once. [`Blocking::run`] starts it when it is awaited, or spawned (lesson
//!   `nothing_begins_before_the_await_unless_it_is_spawned`).
//! - `Future.cancel` returns whether it was in time. `abort` returns nothing, and a call that runs returns its value
//!   (lesson `but_abort_does_nothing_to_a_call_that_runs_and_does_not_say_so`).
//! - `asyncio.run` waits for the default executor. The end of a runtime waits for calls that run (lesson
//!   `the_end_of_the_runtime_waits_for_what_runs`); `shutdown_timeout` leaves them behind (lesson
//!   `but_shutdown_timeout_leaves_what_runs_behind`).

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::task::AbortOnDropHandle;

/// Limits how many blocking calls run at once. A clone shares the limit.
#[derive(Debug, Clone)]
pub struct Blocking {
    permits: Arc<Semaphore>,
}

impl Blocking {
    /// Lets at most `limit` calls run at a time.
    pub fn at_most(limit: NonZeroUsize) -> Self {
        Self { permits: Arc::new(Semaphore::new(limit.get().min(Semaphore::MAX_PERMITS))) }
    }

    /// Waits for a permit and runs `work` on a blocking thread. Callers get permits in FIFO order.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        #[expect(clippy::expect_used, reason = "the semaphore is private, and nothing closes it")]
        let permit = self.permits.clone().acquire_owned().await.expect("nothing closes it");
        let call = spawn_blocking(move || {
            // The permit belongs to the work: the caller may be dropped before the work ends.
            let _permit = permit;
            work()
        });
        // A bare handle would let the work begin after its caller was dropped.
        AbortOnDropHandle::new(call).await
    }
}
