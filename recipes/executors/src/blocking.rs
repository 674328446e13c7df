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
//! `spawn_blocking` alone is enough for a few calls. It uses up to 512 threads, and lets everything else wait in a
//! queue without a bound. Those threads also serve `tokio::fs`, stdin and the resolver: a thousand slow calls hold them
//! up as well. Here a call waits for its permit before it takes a thread.
//!
//! It is for calls that wait: files, a database's own driver. For computing see the pattern `cpu`; a loop that never
//! ends belongs on a thread of its own, because the end of the runtime waits for each call that runs.
//!
//! # Cancel safety
//!
//! Dropped before its turn, the work never begins. Nothing stops a thread, so work that has begun goes on; its result
//! is dropped, and its permit is taken until then.
//!
//! # Errors
//!
//! A [`JoinError`] if the work panicked, or if the runtime came to its end before the work began.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::task::AbortOnDropHandle;

/// A limit on how many blocking calls run at once. A clone shares it.
#[derive(Debug, Clone)]
pub struct Blocking {
    places: Arc<Semaphore>,
}

impl Blocking {
    /// At most `limit` at a time.
    pub fn at_most(limit: NonZeroUsize) -> Self {
        Self { places: Arc::new(Semaphore::new(limit.get().min(Semaphore::MAX_PERMITS))) }
    }

    /// Waits for a place and runs `work` on a blocking thread. Those who wait are served in the order in which they came.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        #[expect(clippy::expect_used, reason = "the semaphore is private, and nothing closes it")]
        let place = self.places.clone().acquire_owned().await.expect("nothing closes it");
        let call = spawn_blocking(move || {
            // It belongs to the work and not to the one who waits, who may be gone before the work ends.
            let _place = place;
            work()
        });
        // A bare handle would let the work begin, though nobody waits for it any more.
        AbortOnDropHandle::new(call).await
    }
}
