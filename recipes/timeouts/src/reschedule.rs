// SPDX-License-Identifier: 0BSD
//! Moves the deadline of a timeout while it runs: later, earlier, or off. `asyncio.timeout(...)` and `reschedule`.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features macros,rt,sync,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use timeouts::reschedule::{Over, Timeout};
//! use tokio::time::{Instant, sleep};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let timeout = Timeout::after(Duration::from_millis(1));
//!     let handle = timeout.handle();
//!     let download = async {
//!         handle.reschedule(Some(Instant::now() + Duration::from_secs(30)))?; // a chunk came
//!         sleep(Duration::from_millis(2)).await;
//!         Ok::<_, Over>("the file")
//!     };
//!     assert_eq!(timeout.run(download).await, Ok(Ok("the file")));
//!     assert_eq!(handle.reschedule(None), Err(Over::Finished));
//! }
//! ```
//!
//! The deadline of `tokio::time::timeout` is fixed, which is enough for most requests. A [`Timeout`] has
//! [handles](TimeoutHandle) that move its deadline: the work may have one, and so may any other task. Each chunk of a
//! download can move it later, a user can ask for more time, and a dialogue can turn it off.
//!
//! A `reschedule` that returned `Ok` counts, even in the instant of the old deadline: the timeout checks the deadline again
//! before it expires.
//!
//! # Cancel safety
//!
//! Dropping the future of [`Timeout::run`] drops the work and ends the timeout.
//!
//! # Errors
//!
//! [`Expired`] if the deadline passes: the work is dropped. [`Over`] if the timeout has ended, so that no deadline is left to
//! move.
//!
//! # Panics
//!
//! A panic in the work resumes in the caller, and ends the timeout. [`Timeout::run`] panics outside a Tokio runtime with a
//! clock.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout_at};

/// A limit for one piece of work: pass the work to [`run`](Timeout::run).
#[derive(Debug)]
pub struct Timeout {
    state: watch::Sender<State>,
}

/// Moves and reads the deadline of a [`Timeout`]. Clones belong to the same timeout.
#[derive(Debug, Clone)]
pub struct TimeoutHandle {
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    when: Option<Instant>,
    over: Option<Over>,
}

/// The deadline passed before the work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Expired;

/// Why the deadline cannot be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Over {
    /// The deadline has passed.
    #[error("the timeout has expired")]
    Expired,
    /// The work ended first, or was dropped.
    #[error("the timeout has ended")]
    Finished,
}

impl Timeout {
    /// Makes a timeout with a deadline. `None` is no limit until a handle sets one.
    pub fn at(when: Option<Instant>) -> Self {
        Self { state: watch::Sender::new(State { when, over: None }) }
    }

    /// Makes a timeout with a deadline `limit` from now. More than the clock can hold means never.
    pub fn after(limit: Duration) -> Self {
        Self::at(Instant::now().checked_add(limit))
    }

    /// Returns a handle that moves the deadline, before the work begins and while it runs.
    pub fn handle(&self) -> TimeoutHandle {
        TimeoutHandle { state: self.state.clone() }
    }

    /// Awaits `work` until the deadline, which may move meanwhile.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> Result<T, Expired> {
        let mut moves = self.state.subscribe();
        let watch = async {
            while !self.expire() {
                let when = moves.borrow_and_update().when;
                // Never an error, because this timeout is one of the senders.
                let moved = moves.changed();
                let _moved_or_passed = match when {
                    None => moved.await.is_ok(),
                    Some(when) => timeout_at(when, moved).await.is_ok(),
                };
            }
        };
        tokio::select! {
            // Polls the work first, so that its result counts in the instant of the deadline.
            biased;
            output = work => Ok(output),
            // Unconstrained, because work that uses up the budget of this task would never be cut off.
            () = unconstrained(watch) => Err(Expired),
        }
    }

    /// Ends the timeout if the deadline has passed, and returns whether it has. The check and the end are one step: a move
    /// either comes before and counts, or comes after and is refused.
    fn expire(&self) -> bool {
        self.state.send_if_modified(|state| {
            let passed = state.when.is_some_and(|when| when <= Instant::now());
            if passed {
                state.over = Some(Over::Expired);
            }
            passed
        })
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        self.state.send_modify(|state| state.over = state.over.or(Some(Over::Finished)));
    }
}

impl TimeoutHandle {
    /// Moves the deadline. A deadline in the past cuts off the work at its next wait; `None` removes the limit.
    ///
    /// # Errors
    ///
    /// [`Over`] if the timeout has ended. Nothing changes then.
    pub fn reschedule(&self, when: Option<Instant>) -> Result<(), Over> {
        let mut result = Ok(());
        self.state.send_if_modified(|state| {
            result = state.over.map_or(Ok(()), Err);
            if result.is_ok() {
                state.when = when;
            }
            result.is_ok()
        });
        result
    }

    /// Returns the deadline, also after it has passed. `None` is no limit.
    pub fn when(&self) -> Option<Instant> {
        self.state.borrow().when
    }

    /// Returns whether the deadline passed before the work was done.
    pub fn expired(&self) -> bool {
        self.state.borrow().over == Some(Over::Expired)
    }
}
