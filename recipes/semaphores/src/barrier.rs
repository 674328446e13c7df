// SPDX-License-Identifier: 0BSD
//! Waits until a number of tasks have arrived, then lets all go on: `asyncio.Barrier`, with its index, `reset` and
//! `abort`.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use semaphores::barrier::{Barrier, BrokenBarrier};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), BrokenBarrier> {
//!     let loaded = Barrier::new(const { NonZeroUsize::new(3).unwrap() });
//!     let load = async |shard: &str| {
//!         println!("{shard} is loaded");
//!         loaded.wait().await
//!     };
//!     let indexes = tokio::try_join!(load("a"), load("b"), load("c"))?;
//!     assert_eq!(indexes, (0, 1, 2)); // the last one may do what is to be done once
//!
//!     loaded.abort();
//!     assert_eq!(loaded.wait().await, Err(BrokenBarrier::Aborted));
//!     Ok(())
//! }
//! ```
//!
//! The barrier can be used again at once: the task after the last of one round is the first of the next round.
//!
//! `tokio::sync::Barrier` is enough if you need no index, reset, abort or cancellation. It still counts a waiter that was
//! dropped.
//!
//! A task that fails leaves the others waiting. Let it call [`abort`](Barrier::abort). A destructor can do so, because
//! `abort` does not await.
//!
//! # Cancel safety
//!
//! A wait that is dropped before the last task has arrived no longer counts. A wait that is dropped later still counts,
//! and the others go on.
//!
//! # Errors
//!
//! [`BrokenBarrier`] for the tasks that wait when the barrier is reset or aborted. A task that has been released is not
//! affected, even if it has not run since.
//!
//! # Differences from asyncio
//!
//! - After a cancellation asyncio may give an index twice. Here each index is given once (lesson
//!   `after_a_cancellation_each_index_is_still_given_once`).
//! - In asyncio `reset` and `abort` also reach tasks that are released and have not run since. Here such a task goes on: a
//!   round is all or none (lesson `a_reset_or_an_abort_does_not_reach_those_who_are_through`).
//! - asyncio's `abort` is awaited. Here it is a plain call, so a destructor can call it, also after a panic (lesson
//!   `a_party_that_fails_can_abort_from_a_destructor`).

use std::collections::BTreeMap;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The round ended before all parties had arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrokenBarrier {
    /// [`Barrier::reset`] ended the wait. A new wait is possible.
    #[error("the barrier was reset")]
    Reset,
    /// [`Barrier::abort`] was called: no task can wait until it is reset.
    #[error("the barrier is aborted")]
    Aborted,
}

type Met = Result<usize, BrokenBarrier>;

/// Lets a number of tasks wait for each other.
#[derive(Debug)]
pub struct Barrier {
    parties: NonZeroUsize,
    round: Mutex<Round>,
}

#[derive(Debug)]
struct Round {
    /// The number of the next party to arrive, over all rounds.
    next: u64,
    /// The waiters, FIFO. Always fewer than the parties.
    waiting: BTreeMap<u64, oneshot::Sender<Met>>,
    aborted: bool,
}

impl Barrier {
    /// Makes a barrier for `parties` tasks.
    pub const fn new(parties: NonZeroUsize) -> Self {
        let round = Round { next: 0, waiting: BTreeMap::new(), aborted: false };
        Self { parties, round: Mutex::new(round) }
    }

    /// Waits until all parties have arrived. Returns an index for each, in order of arrival: 0 for the first, the number of
    /// parties less one for the last. Work to be done once belongs to one of the indexes.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`] if the barrier is aborted, or is reset or aborted meanwhile.
    pub async fn wait(&self) -> Met {
        let (_place, met) = match self.come() {
            Come::Waits(place, met) => (place, met),
            Come::IsLast(others) => {
                others.into_values().enumerate().for_each(|(index, other)| tell(other, Ok(index)));
                return Ok(self.parties.get() - 1);
            }
            Come::IsTurnedAway => return Err(BrokenBarrier::Aborted),
        };
        // Never an error, because a sender stays in the round until it has sent.
        met.await.unwrap_or(Err(BrokenBarrier::Aborted))
    }

    /// Ends all waits with an error, and starts anew, also after an [`abort`](Self::abort).
    pub fn reset(&self) {
        self.break_up(BrokenBarrier::Reset);
    }

    /// Ends all waits with an error, and refuses new ones until [`reset`](Self::reset).
    pub fn abort(&self) {
        self.break_up(BrokenBarrier::Aborted);
    }

    /// Returns the number of parties.
    pub fn parties(&self) -> NonZeroUsize {
        self.parties
    }

    /// Returns the number of waiters: `n_waiting`.
    pub fn waiting(&self) -> usize {
        self.round().waiting.len()
    }

    /// Returns whether the barrier is aborted: `broken`.
    pub fn is_broken(&self) -> bool {
        self.round().aborted
    }

    fn come(&self) -> Come<'_> {
        let mut round = self.round();
        if round.aborted {
            return Come::IsTurnedAway;
        }
        if round.waiting.len() + 1 == self.parties.get() {
            return Come::IsLast(mem::take(&mut round.waiting));
        }
        let (tell, met) = oneshot::channel();
        let number = round.next;
        round.next += 1;
        round.waiting.insert(number, tell);
        Come::Waits(Place { barrier: self, number }, met)
    }

    fn break_up(&self, why: BrokenBarrier) {
        let waiting = {
            let mut round = self.round();
            round.aborted = why == BrokenBarrier::Aborted;
            mem::take(&mut round.waiting)
        };
        waiting.into_values().for_each(|waiting| tell(waiting, Err(why)));
    }

    /// Never held over an await, nor while a waiter is woken. No code under it panics halfway.
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(waiting: oneshot::Sender<Met>, met: Met) {
    // Fails if the waiter is dropped by now, and then no task needs the result.
    let _gone = waiting.send(met);
}

/// The outcome of an arrival.
enum Come<'a> {
    Waits(Place<'a>, oneshot::Receiver<Met>),
    /// The last party has arrived: the others are released.
    IsLast(BTreeMap<u64, oneshot::Sender<Met>>),
    IsTurnedAway,
}

/// The entry of a waiter, which its drop removes.
struct Place<'a> {
    barrier: &'a Barrier,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // `None` if the round is over.
        let _stops_counting = self.barrier.round().waiting.remove(&self.number);
    }
}
