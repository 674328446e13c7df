// SPDX-License-Identifier: 0BSD
//! Cleans up without waiting, whatever happens: `Drop`, where Python writes `with` or `try: ... finally:`.
//!
//! ```sh
//! cargo add scopeguard
//! ```
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use context_managers::drop_guard::{Seats, book, unless_busy};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let seats = Seats::new([12, 14]);
//!     assert_eq!(book(&seats, async { Err("card declined") }).await, Err("card declined"));
//!     assert_eq!(seats.free(), 2);
//!     assert_eq!(book(&seats, async { Ok::<_, &str>(()) }).await, Ok(Some(12)));
//!
//!     let busy = AtomicBool::new(false);
//!     let backup = unless_busy(&busy, async { unless_busy(&busy, async { "second" }).await });
//!     assert_eq!(backup.await, Some(None)); // the second was refused
//! }
//! ```
//!
//! A value is dropped when its owner goes out of scope: at the end of the block, at an early return, at a panic. A
//! cancellation drops the future, and the values in it. Locals are dropped in the reverse order of their declaration,
//! fields of a struct in the order of theirs.
//!
//! A resource that many functions use gets a type with a `drop` ([`Seat`]). For clean-up in one function,
//! `scopeguard::guard` is enough ([`unless_busy`]). A `drop` cannot await: if the clean-up has to wait, take `scope`.
//!
//! # Cancel safety
//!
//! Dropping [`book`] before the payment is done frees the seat. Dropping [`unless_busy`] drops the work and sets `busy`
//! to false.
//!
//! # Differences from asyncio
//!
//! - A generator that is left early is closed by `aclosing`, or some time later. The drop of a stream releases its
//!   resources at once (lesson `a_stream_that_is_left_early_releases_what_it_holds_at_once`).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use scopeguard::guard;

/// Seats, each of them free or taken.
#[derive(Debug, Default)]
pub struct Seats(Mutex<BTreeSet<u32>>);

/// A seat that is taken for as long as this value lives.
#[derive(Debug)]
pub struct Seat<'a> {
    seats: &'a Seats,
    number: u32,
    kept: bool,
}

impl Seats {
    /// Makes seats with these numbers, all free.
    pub fn new(numbers: impl IntoIterator<Item = u32>) -> Self {
        Self(Mutex::new(numbers.into_iter().collect()))
    }

    /// Takes the first free seat; `None` if all are taken.
    pub fn take(&self) -> Option<Seat<'_>> {
        let number = self.change(BTreeSet::pop_first)?;
        Some(Seat { seats: self, number, kept: false })
    }

    /// Returns how many seats are free.
    pub fn free(&self) -> usize {
        self.change(|free| free.len())
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeSet<u32>) -> T) -> T {
        // Each change is one call on the set, so a panic leaves no half change behind.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Seat<'_> {
    /// Keeps the seat for good, and returns its number.
    pub fn keep(mut self) -> u32 {
        self.kept = true;
        self.number
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.seats.change(|free| free.insert(self.number));
        }
    }
}

/// Holds a seat while `pay` runs, and keeps it if `pay` succeeds. Returns `None` if no seat is free.
///
/// # Errors
///
/// The error of `pay`: the seat is free again.
pub async fn book<E>(seats: &Seats, pay: impl Future<Output = Result<(), E>>) -> Result<Option<u32>, E> {
    // A name, because `_` would drop the seat, and so free it, on this line.
    let Some(seat) = seats.take() else { return Ok(None) };
    pay.await?;
    Ok(Some(seat.keep()))
}

/// Runs `work`, or returns `None` at once if another call is at work already.
pub async fn unless_busy<T>(busy: &AtomicBool, work: impl Future<Output = T>) -> Option<T> {
    if busy.swap(true, Ordering::Acquire) {
        return None;
    }
    let _until_the_end = guard(busy, |busy| busy.store(false, Ordering::Release));
    Some(work.await)
}
