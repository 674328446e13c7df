// SPDX-License-Identifier: 0BSD
//! A lock of `std` held over an await blocks the thread when the next task wants it. asyncio: a `threading.Lock` in
//! coroutines.
//!
//! No crate is needed.
//!
//! # What you see
//!
//! On one thread, a deadlock: the second task blocks the thread in `lock`, so the first never runs and never unlocks. On
//! many threads, each waiting task blocks one thread; once all threads are blocked, it is the same deadlock.
//! Lesson: `but_the_second_who_wants_the_lock_stops_the_thread_for_the_first`.
//!
//! # What catches it
//!
//! - The compiler, if the future is given to `tokio::spawn`: *future cannot be sent between threads safely*, because a
//!   guard of `std` must not move to another thread.
//! - Clippy's `await_holding_lock`, on by default, everywhere else: `join!`, `spawn_local`, `block_on`. For a `RefCell`
//!   it is `await_holding_refcell_ref`, on by default, and the second task panics.
//! - Nothing, if the lock is a `tokio::sync::Mutex`: it may be held over an await, and costs more. `lock_over_the_work`
//!   shows the effect.
//!
//! # What to do
//!
//! Compute first, lock only for the change, and unlock before the next await. A block or a function of its own shows where
//! the guard ends.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] before the price is known adds nothing.

use std::sync::{Mutex, PoisonError};

/// Adds a price to the sum. It holds the lock until the price is known.
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
