// SPDX-License-Identifier: 0BSD
//! Limits a sum, such as bytes of memory: each task takes as many units as it needs. `asyncio.Semaphore` counts ones.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use std::num::NonZeroU32;
//!
//! use semaphores::budget::{Budget, TooMuch};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), TooMuch> {
//!     let megabytes = Budget::new(const { NonZeroU32::new(1_000).unwrap() });
//!     let upload = megabytes.take(700).await?;
//!     assert_eq!(megabytes.free(), 300);
//!     drop(upload); // its units are free again
//!
//!     let too_much = megabytes.take(5_000).await.map(drop);
//!     assert_eq!(too_much, Err(TooMuch { wanted: 5_000, total: 1_000 }));
//!     Ok(())
//! }
//! ```
//!
//! `Semaphore::acquire_many` is enough if no request is larger than the total. A larger request waits forever on a
//! semaphore. A [`Budget`] knows its total, and returns an error.
//!
//! Waiters are served FIFO, whatever they need. A small request does not pass a large one that waits before it, because the
//! large one might then wait forever.
//!
//! # Cancel safety
//!
//! Dropping a waiter takes no units; units set aside for it go to the next in line.
//!
//! # Differences from asyncio
//!
//! - asyncio's `acquire` takes one permit. Tokio's `acquire_many` takes several, and waits forever for more than the total.
//!   A [`Budget`] returns [`TooMuch`] (lesson `more_than_there_is_in_all_is_an_error`).

use std::num::NonZeroU32;

use tokio::sync::{Semaphore, SemaphorePermit};

/// A number of units that tasks share.
#[derive(Debug)]
pub struct Budget {
    total: u32,
    free: Semaphore,
}

/// A request exceeds the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} wanted, of {total} in all")]
pub struct TooMuch {
    /// The amount that was wanted.
    pub wanted: u32,
    /// The whole budget.
    pub total: u32,
}

impl Budget {
    /// Makes a budget of `total` units.
    pub fn new(total: NonZeroU32) -> Self {
        // The minimum matters only on a 32-bit machine.
        let total = total.get().min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self { total, free: Semaphore::new(total as usize) }
    }

    /// Waits until `amount` units are free and takes them, all at once. They are free again when the permit is dropped.
    /// [`SemaphorePermit::split`] separates a part, so that you can free it sooner.
    ///
    /// # Errors
    ///
    /// [`TooMuch`] if `amount` exceeds the total.
    pub async fn take(&self, amount: u32) -> Result<SemaphorePermit<'_>, TooMuch> {
        let too_much = TooMuch { wanted: amount, total: self.total };
        if amount > self.total {
            return Err(too_much);
        }
        // Never an error, because nothing closes the semaphore.
        self.free.acquire_many(amount).await.map_err(|_closed| too_much)
    }

    /// Returns the number of units that are free and set aside for no waiter.
    pub fn free(&self) -> usize {
        self.free.available_permits()
    }
}
