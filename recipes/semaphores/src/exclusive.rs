// SPDX-License-Identifier: 0BSD
//! Lets one task at a time change a value: `async with lock`, in three forms.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use std::sync::atomic::AtomicU32;
//!
//! use semaphores::exclusive::{change, claim, update};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let token = tokio::sync::Mutex::new(1);
//!     let new = update(&token, async |old| anyhow::Ok(old + 1)).await?; // it may await
//!     assert_eq!((new, *token.lock().await), (2, 2));
//!
//!     let totals = std::sync::Mutex::new((0, 0));
//!     change(&totals, |(count, sum)| (*count, *sum) = (*count + 1, *sum + 20))?;
//!     assert_eq!(*totals.lock().unwrap(), (1, 20));
//!
//!     let seats = AtomicU32::new(1);
//!     assert_eq!((claim(&seats), claim(&seats)), (true, false));
//!     Ok(())
//! }
//! ```
//!
//! The work under the lock decides the form:
//!
//! - There is an await between reading and writing: [`tokio::sync::Mutex`], as in [`update`].
//! - There is no await, but more than one step: [`std::sync::Mutex`], as in [`change`]. It is cheaper, and enough for most
//!   values; the closure cannot await.
//! - The value is one number: an atomic, as in [`claim`].
//!
//! In asyncio the second and the third form need no lock, because nothing else runs between two awaits. On Tokio other
//! tasks run on other threads.
//!
//! # Cancel safety
//!
//! A dropped [`update`] has changed nothing, and the lock is free. The other two cannot be cancelled, because they do not
//! await.
//!
//! # Panics
//!
//! Tokio's lock is free again after a panic, and does not record it; [`update`] leaves the value as it was. A panic
//! *poisons* std's lock, and [`change`] then returns an error.
//!
//! # Differences from asyncio
//!
//! - An exception inside `async with lock` releases the lock, and a half-made change stays. A panic and a cancellation do
//!   the same to Tokio's lock. [`update`] makes the new value separately (lesson
//!   `an_error_a_panic_or_a_cancellation_half_way_leaves_the_old_value`).
//! - In asyncio a check and a change without an await between them need no lock. On many threads they do.

use std::sync::atomic::{AtomicU32, Ordering};

/// Replaces a value by the result of `next`, and holds the lock while `next` awaits. So an expired token is fetched once,
/// and not by each task that finds it expired.
///
/// The new value replaces the old one as a whole, so an error, a panic or a cancellation halfway leaves the old one.
///
/// # Errors
///
/// The error of `next`.
pub async fn update<T, E, F>(value: &tokio::sync::Mutex<T>, next: impl FnOnce(T) -> F) -> Result<T, E>
where
    T: Clone,
    F: Future<Output = Result<T, E>>,
{
    let mut current = value.lock().await;
    let new = next(current.clone()).await?;
    *current = new.clone();
    Ok(new)
}

/// An earlier change panicked, and may have left the value half changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an earlier change panicked half way")]
pub struct HalfChanged;

/// Changes a value in place, in any number of steps, and returns what `change` returns.
///
/// # Errors
///
/// [`HalfChanged`] after an earlier panic; `change` is then not called. Code that has repaired the value calls
/// [`Mutex::clear_poison`](std::sync::Mutex::clear_poison).
pub fn change<T, R>(value: &std::sync::Mutex<T>, change: impl FnOnce(&mut T) -> R) -> Result<R, HalfChanged> {
    let mut value = value.lock().map_err(|_poisoned| HalfChanged)?;
    Ok(change(&mut value))
}

/// Takes one from `left`. Returns `false` if none was left.
pub fn claim(left: &AtomicU32) -> bool {
    // One step checks and takes. `load` and then `fetch_sub` are two steps, and two tasks could take the last one.
    // Relaxed is enough, because the number publishes no other data.
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}
