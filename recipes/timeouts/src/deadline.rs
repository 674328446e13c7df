// SPDX-License-Identifier: 0BSD
//! Puts one deadline over several steps, and earlier deadlines inside it: `asyncio.timeout_at(when)`, nested.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::future::pending;
//! use std::time::Duration;
//!
//! use timeouts::deadline::{Deadline, Expired};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Expired> {
//!     let request = Deadline::after("the request", Some(Duration::from_secs(30)));
//!     let query = request.within("the query", Some(Duration::from_millis(2)));
//!
//!     let rows = query.run(pending::<u32>()).await;
//!     assert_eq!(rows, Err(Expired("the query")));
//!     let cached = request.run(async { 7 }).await?; // there is time for another way
//!     assert_eq!(cached, 7);
//!     Ok(())
//! }
//! ```
//!
//! A timeout for each step is no limit for all of them. A [`Deadline`] is a point in time with a name: pass it down by
//! value, and give a step less time with [`within`](Deadline::within). The error names the deadline that passed.
//!
//! `tokio::time::timeout_at` is enough for one deadline. Its `Elapsed` does not name the deadline. Of two nested `timeout`s
//! with the same deadline the inner one reports, so a loop around it tries again when no time is left. Here the outer one
//! reports, as in asyncio (lesson
//! `but_of_two_nested_timeouts_with_the_same_deadline_the_inner_reports`).
//!
//! # Cancel safety
//!
//! Dropping the future of [`run`](Deadline::run) drops the work.
//!
//! # Errors
//!
//! [`Expired`], with the name of the deadline. The work has then been dropped.
//!
//! # Panics
//!
//! A panic in the work resumes in the caller. [`run`](Deadline::run) panics outside a Tokio runtime with a clock, if
//! there is a deadline.

use std::time::Duration;

use tokio::time::{Instant, timeout};

/// A point in time by which work has to be done, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    name: &'static str,
    at: Option<Instant>,
}

/// This deadline has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} timed out")]
pub struct Expired(pub &'static str);

impl Deadline {
    /// Makes a deadline `limit` from now. `None`, or more than the clock can hold, means never.
    pub fn after(name: &'static str, limit: Option<Duration>) -> Self {
        let at = limit.and_then(|limit| Instant::now().checked_add(limit));
        Self { name, at }
    }

    /// Makes a deadline inside this one: returns the earlier of the two, and this one if they are equal.
    pub fn within(self, name: &'static str, limit: Option<Duration>) -> Self {
        let inner = Self::after(name, limit);
        match (self.at, inner.at) {
            (Some(outer_at), Some(inner_at)) if inner_at < outer_at => inner,
            (None, Some(_)) => inner,
            _ => self,
        }
    }

    /// Returns the instant of the deadline. `None` is never.
    pub fn at(self) -> Option<Instant> {
        self.at
    }

    /// Returns the time left: zero if the deadline has passed, `None` if it is never.
    pub fn remaining(self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Returns an error if the deadline has passed. A loop that computes has to call it, because it has no await to cut it off.
    pub fn check(self) -> Result<(), Expired> {
        match self.remaining() {
            Some(Duration::ZERO) => Err(Expired(self.name)),
            _ => Ok(()),
        }
    }

    /// Awaits `work` until the deadline. If that has already passed, the work still runs up to its first wait.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> Result<T, Expired> {
        let remaining = self.remaining().unwrap_or(Duration::MAX);
        timeout(remaining, work).await.map_err(|_elapsed| Expired(self.name))
    }
}
