// SPDX-License-Identifier: 0BSD
//! Computes on all cores while the runtime's threads stay free: `run_in_executor` with a `ProcessPoolExecutor`. Here
//! threads are enough, because they compute at the same time.
//!
//! ```sh
//! cargo add rayon
//! cargo add thiserror
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use executors::cpu::{Stopped, compute};
//! use rayon::ThreadPoolBuilder;
//! use rayon::iter::{IntoParallelIterator, ParallelIterator};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let pool = ThreadPoolBuilder::new().num_threads(2).build()?;
//!     let sum = compute(&pool, |stop| {
//!         let mut sum = 0;
//!         for chunk in [0..500_u64, 500..1_000] {
//!             stop.check()?; // the caller may be gone
//!             sum += chunk.into_par_iter().sum::<u64>();
//!         }
//!         Ok::<_, Stopped>(sum)
//!     });
//!     assert_eq!(sum.await??, 499_500);
//!     Ok(())
//! }
//! ```
//!
//! The pool is a rayon pool of your own, with as many threads as you give it. Inside the work, rayon's parallel
//! iterators, `join` and `scope` use that same pool.
//!
//! Without this file: `tokio::task::spawn_blocking` is enough for one computation now and then. Do not call
//! `pool.install`, which blocks the caller. Do not call `pool.spawn` alone: there a panic ends the whole program.
//!
//! Hold no `std::sync::Mutex` over `join`, `scope` or a parallel iterator. While they wait, this thread does other work
//! of the pool; if that locks the same mutex, the thread waits for itself, forever. Lock, copy the data you need,
//! unlock, and then compute.
//!
//! # Cancel safety
//!
//! If [`compute`] is dropped before the work begins, the work never begins. If it is dropped while the work runs,
//! [`Stop`] is set. Work that checks it between two chunks ends there; other work computes to its end.
//!
//! # Errors
//!
//! [`Panicked`] if the work panicked, on any of its threads.
//!
//! # Differences from asyncio
//!
//! - An exception in a worker is raised by the await. A panic in rayon's own `spawn` ends the program (lesson
//!   `but_a_panic_in_a_bare_spawn_ends_the_program`); [`compute`] returns it (lesson
//!   `a_panic_is_an_error_and_the_pool_goes_on`).
//! - A job that waits for a job of its own pool can wait forever. rayon's `join` does the other job itself (lesson
//!   `a_join_within_does_not_deadlock_on_one_thread`).

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::ThreadPool;
use tokio::sync::oneshot;

/// The work panicked. Holds the text of the panic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the work panicked: {0}")]
pub struct Panicked(pub String);

/// The caller is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the caller is gone")]
pub struct Stopped;

/// A flag that is set when the caller is dropped: the work may then stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Returns whether the caller is gone.
    pub fn is_set(&self) -> bool {
        // The flag guards no data, so seeing it a little later does no harm.
        self.0.load(Ordering::Relaxed)
    }

    /// Returns the same as an error, for `?` between two chunks.
    ///
    /// # Errors
    ///
    /// If the caller is gone.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_set() { Err(Stopped) } else { Ok(()) }
    }
}

/// Runs `work` on a thread of `pool` and waits for its result.
pub async fn compute<T: Send + 'static>(
    pool: &ThreadPool,
    work: impl FnOnce(&Stop) -> T + Send + 'static,
) -> Result<T, Panicked> {
    let stop = Stop::default();
    let (sender, result) = oneshot::channel();
    let job = {
        let stop = stop.clone();
        move || {
            if !stop.is_set() {
                let outcome = contained(|| work(&stop)).map_err(Panicked);
                // The send fails if the caller is gone.
                drop(sender.send(outcome));
            }
        }
    };
    // If the caller is gone the result is dropped here, and rayon ends the program if a destructor panics.
    pool.spawn(|| drop(contained(job)));
    let _waiting = StopOnDrop(stop);
    result.await.unwrap_or_else(|_no_result| Err(Panicked("it has left no result".to_owned())))
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Calls `f`; the error is the text of its panic.
fn contained<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text =
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a value that is not text");
        let text = text.to_owned();
        // The payload may be a value whose destructor panics.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            mem::forget(another);
        }
        text
    })
}
