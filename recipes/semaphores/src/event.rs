// SPDX-License-Identifier: 0BSD
//! Waits until something has happened, and can be cleared again: `asyncio.Event`.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use semaphores::event::Event;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let online = Event::new();
//!     let client = async {
//!         online.wait().await;
//!         "request sent"
//!     };
//!     let (sent, ()) = tokio::join!(client, async { online.set() });
//!     assert_eq!(sent, "request sent");
//!
//!     online.clear(); // the next wait is for the next set
//!     assert!(!online.is_set());
//! }
//! ```
//!
//! `tokio::sync::SetOnce` is enough for an event that happens once, and `tokio_util`'s `CancellationToken` for a request to
//! end. For a value rather than a moment, take `tokio::sync::watch`.
//!
//! # Cancel safety
//!
//! A dropped [`Event::wait`] leaves nothing behind.
//!
//! # Differences from asyncio
//!
//! - A `set` that is followed by a `clear` releases the waiters, as in asyncio (lesson
//!   `a_pulse_releases_those_who_wait_although_it_is_over_before_they_run`). A check of a `watch`'s value would miss it.
//! - In asyncio nothing runs between the check of a flag and a `wait`. Here another thread may set it, so listen first and
//!   then check (lesson `but_a_flag_that_is_looked_at_before_one_listens_loses_the_wake_up`).

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// A flag that tasks can wait for.
#[derive(Debug, Default)]
pub struct Event {
    /// The number of changes, set or clear: odd while it is set. A flag alone would not show that it was set meanwhile.
    turns: AtomicUsize,
    was_set: Notify,
}

impl Event {
    /// Makes an event that is not set. It may be a `static`.
    pub const fn new() -> Self {
        Self { turns: AtomicUsize::new(0), was_set: Notify::const_new() }
    }

    /// Sets the event, and wakes all waiters FIFO. They go on even if it is cleared before they run.
    pub fn set(&self) {
        if self.turn(true) {
            self.was_set.notify_waiters();
        }
    }

    /// Clears the event: a later wait ends at the next [`set`](Self::set).
    pub fn clear(&self) {
        self.turn(false);
    }

    /// Returns whether the event is set.
    pub fn is_set(&self) -> bool {
        is_set(self.turns.load(Ordering::Acquire))
    }

    /// Waits until the event is set, now or later. Changes made before the `set` are visible after the `wait`.
    pub async fn wait(&self) {
        let before = self.turns.load(Ordering::Acquire);
        if is_set(before) {
            return;
        }
        loop {
            // Made before the check, so that it is notified of every set from here on.
            let notified = self.was_set.notified();
            if self.turns.load(Ordering::Acquire) != before {
                return;
            }
            // Then the loop checks again: an earlier `set` on another thread may notify only now.
            notified.await;
        }
    }

    /// Sets or clears the event. Returns whether that changed it.
    fn turn(&self, set: bool) -> bool {
        let turn = |turns: usize| (is_set(turns) != set).then(|| turns.wrapping_add(1));
        self.turns.fetch_update(Ordering::AcqRel, Ordering::Acquire, turn).is_ok()
    }
}

fn is_set(turns: usize) -> bool {
    turns % 2 == 1
}
