// SPDX-License-Identifier: 0BSD
//! A lock of `std` that is held over an await stops the thread when the next task wants it. asyncio: a `threading.Lock` in
//! coroutines.
//!
//! No crate is needed.
//!
//! # What you see
//!
//! On one thread, a dead-lock: the second task blocks the thread in `lock`, so the first never runs to let go. On many
//! threads, one thread less for each that waits, and the same dead-lock once all of them do.
//! Lesson: `but_the_second_who_wants_the_lock_stops_the_thread_for_the_first`.
//!
//! # What catches it
//!
//! - The compiler, where the future is given to `tokio::spawn`: *future cannot be sent between threads safely*, for a
//!   guard of `std` must not change its thread.
//! - Clippy's `await_holding_lock`, on by default, everywhere else: `join!`, `spawn_local`, `block_on`. For a `RefCell`
//!   it is `await_holding_refcell_ref`, on by default, and the second task panics.
//! - Nothing, when it is `tokio::sync::Mutex`: that is made to be held over an await, and costs more. See
//!   `lock_over_the_work` for what it does then.
//!
//! # What to do
//!
//! Compute first, lock for the change alone, let go before the next await. A block or a function of its own shows where the
//! guard ends.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] before the price is known adds nothing.

use std::sync::{Mutex, PoisonError};

/// Adds a price to the sum, and holds the lock until the price is known.
#[expect(clippy::await_holding_lock, reason = "the pitfall")]
pub async fn broken(sum: &Mutex<u64>, price: impl Future<Output = u64>) {
    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
    *sum = sum.saturating_add(price.await);
}

/// Waits for the price, then adds it to the sum.
pub async fn fixed(sum: &Mutex<u64>, price: impl Future<Output = u64>) {
    let price = price.await;
    // One assignment: a panic elsewhere cannot leave the sum half changed.
    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
    *sum = sum.saturating_add(price);
}
