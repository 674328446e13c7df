// SPDX-License-Identifier: 0BSD
//! Waits until a number of tasks have come, then lets all go on: `asyncio.Barrier`, with its index, `reset` and
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
//! It can be used again at once: the next task after the last of one round is the first of the next round.
//!
//! `tokio::sync::Barrier` is enough without the index, a reset, an abort or a cancellation. It goes on counting a
//! waiter that was dropped.
//!
//! A task that fails leaves the others waiting. Let it [`abort`](Barrier::abort) then, from a destructor if need be: it
//! does not await.
//!
//! # Cancel safety
//!
//! A wait that is dropped before the last task has come stops counting. One that is dropped later has been there, and
//! the others go on.
//!
//! # Errors
//!
//! [`BrokenBarrier`] for the tasks that wait when it is reset or aborted. A task that has been let through is through,
//! also if it has not run since.
//!
//! # Differences from asyncio
//!
//! - After a cancellation asyncio may give an index twice. Here each index is given once (lesson
//!   `after_a_cancellation_each_index_is_still_given_once`).
//! - `reset` and `abort` of asyncio also break tasks that are released and have not run since. Here they are through: a round
//!   is all or none (lesson `a_reset_or_an_abort_does_not_reach_those_who_are_through`).
//! - asyncio's `abort` is awaited. Here it is a plain call, so a destructor can make it, after a panic too (lesson
//!   `a_party_that_fails_can_abort_from_a_destructor`).

use std::collections::BTreeMap;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The parties did not meet.
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
    /// The number of the next who comes, over all rounds.
    next: u64,
    /// Those who wait, in the order in which they came. Always fewer than the parties.
    waiting: BTreeMap<u64, oneshot::Sender<Met>>,
    aborted: bool,
}

impl Barrier {
    /// A barrier for `parties` tasks.
    pub const fn new(parties: NonZeroUsize) -> Self {
        let round = Round { next: 0, waiting: BTreeMap::new(), aborted: false };
        Self { parties, round: Mutex::new(round) }
    }

    /// Waits until all parties have come. Returns an index for each, in order of arrival: 0 for the first, the number
    /// of parties less one for the last. Let one index do what is to be done once.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`] if it is aborted, or is reset or aborted meanwhile.
    pub async fn wait(&self) -> Met {
        let (_place, met) = match self.come() {
            Come::Waits(place, met) => (place, met),
            Come::IsLast(others) => {
                others.into_values().enumerate().for_each(|(index, other)| tell(other, Ok(index)));
                return Ok(self.parties.get() - 1);
            }
            Come::IsTurnedAway => return Err(BrokenBarrier::Aborted),
        };
        // Never an error, for a sender stays in the round until it has sent.
        met.await.unwrap_or(Err(BrokenBarrier::Aborted))
    }

    /// Ends all waits, and starts anew: also after an [`abort`](Self::abort).
    pub fn reset(&self) {
        self.break_up(BrokenBarrier::Reset);
    }

    /// Ends all waits, and refuses new ones until it is [`reset`](Self::reset).
    pub fn abort(&self) {
        self.break_up(BrokenBarrier::Aborted);
    }

    /// How many tasks it takes.
    pub fn parties(&self) -> NonZeroUsize {
        self.parties
    }

    /// How many wait now: `n_waiting`.
    pub fn waiting(&self) -> usize {
        self.round().waiting.len()
    }

    /// Whether it is aborted: `broken`.
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

    /// Never held over an await, nor while a waiter is woken. Nothing under it panics half way.
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(waiting: oneshot::Sender<Met>, met: Met) {
    // Fails if it is dropped by now. Then it is no matter to anybody.
    let _gone = waiting.send(met);
}

/// What becomes of one who comes.
enum Come<'a> {
    Waits(Place<'a>, oneshot::Receiver<Met>),
    /// The others have waited for it.
    IsLast(BTreeMap<u64, oneshot::Sender<Met>>),
    IsTurnedAway,
}

/// The place of one who waits.
struct Place<'a> {
    barrier: &'a Barrier,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Nothing, if the round is over.
        let _stops_counting = self.barrier.round().waiting.remove(&self.number);
    }
}
