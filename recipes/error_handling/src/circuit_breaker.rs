// SPDX-License-Identifier: 0BSD
//! Stops calling a service that keeps failing, and tries it again after a while: `pybreaker`, `aiobreaker`, `purgatory`.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use error_handling::circuit_breaker::{BreakerLimits, CircuitBreaker};
//!
//! // Two failures within ten seconds open it, for 30 s.
//! static SHOP: CircuitBreaker =
//!     CircuitBreaker::new(BreakerLimits { failures: 2, ..BreakerLimits::new() });
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mut calls = 0;
//!     for _ in 0..5 {
//!         let order = async || { calls += 1; Err::<(), _>("503") };
//!         let _answer = SHOP.call(order, Result::is_err).await; // `Err` of `CircuitOpen`, or an answer
//!     }
//!     assert_eq!(calls, 2);
//!     let open = SHOP.call(async || Ok::<_, &str>("bill"), Result::is_err).await.unwrap_err();
//!     assert!(open.retry_in > Duration::from_secs(29));
//! }
//! ```
//!
//! Tokio has no circuit breaker. The pattern `retry` alone is enough where few callers share a service. Have one breaker
//! for each service, in a `static` or an `Arc`.
//!
//! It is closed at first: each call goes. Too many failures within the window open it: each call is refused. When it has
//! been open for a while, it is half-open: a few calls go as trials. They close it if all succeed; the first that fails
//! opens it again. The outcome of a call that began before such a change counts no more.
//!
//! It starts no task and sets no timer: the next call finds that time has passed.
//!
//! # Cancel safety
//!
//! A call that is dropped counts as neither a success nor a failure, and a trial gives its slot back. So put a timeout
//! inside the call, where it is a failure, and not around it: `but_a_timeout_around_the_breaker_counts_nothing`.
//!
//! # Errors
//!
//! [`CircuitOpen`]: the call has not begun. A failure of the call is in the `Ok`, as with `tokio::time::timeout`.
//!
//! # Panics
//!
//! A panic of the call or of the judge goes on in the caller. It counts as a call that is dropped.
//!
//! # Cost
//!
//! A lock that is held for some instructions, twice a call, and never over an await. It keeps the times of at most
//! `failures` failures.
//!
//! # Differences from asyncio
//!
//! `pybreaker` and `aiobreaker` count failures in a row, so one success makes them forget. Here a window decides.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phases::{Outcome, Phases};
use tokio::time::Instant;

mod phases;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BreakerLimits {
    /// The failure that makes this many within [`window`](Self::window) opens it. 0 counts as 1. Default: 5.
    pub failures: usize,
    /// For how long a failure counts. Default: 10 s.
    pub window: Duration,
    /// How long it refuses calls before it tries one. Default: 30 s.
    pub open_for: Duration,
    /// How many calls go when it is half-open, and have to succeed. 0 counts as 1. Default: 1.
    pub trials: usize,
}

impl BreakerLimits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        let (window, open_for) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { failures: 5, window, open_for, trials: 1 }
    }
}

impl Default for BreakerLimits {
    fn default() -> Self {
        Self::new()
    }
}

/// What a breaker does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// It lets it go.
    Closed,
    /// It refuses it.
    Open,
    /// It lets it go if fewer than [`trials`](BreakerLimits::trials) have gone.
    HalfOpen,
}

/// The breaker has refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct CircuitOpen {
    /// When to ask again. Zero while trials are under way, [`Duration::MAX`] if never.
    pub retry_in: Duration,
}

/// Refuses calls of a service that keeps failing.
#[derive(Debug)]
pub struct CircuitBreaker {
    limits: BreakerLimits,
    phases: Mutex<Phases>,
}

impl CircuitBreaker {
    /// A closed one.
    #[must_use]
    pub const fn new(limits: BreakerLimits) -> Self {
        Self { limits, phases: Mutex::new(Phases::new()) }
    }

    /// Does `work` unless the breaker is open, and counts the outcome, which is a failure if `is_failure` says so.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`]; `work` is not called then.
    pub async fn call<T, F: Future<Output = T>>(
        &self,
        work: impl FnOnce() -> F,
        is_failure: impl FnOnce(&T) -> bool,
    ) -> Result<T, CircuitOpen> {
        let permit = self.permit()?;
        let outcome = work().await;
        match is_failure(&outcome) {
            true => permit.failed(),
            false => permit.succeeded(),
        }
        Ok(outcome)
    }

    /// The right to one call, for outcomes that are not known when a future ends, such as that of a stream.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`] if it is open, or half-open and all trials have gone.
    pub fn permit(&self) -> Result<CallPermit<'_>, CircuitOpen> {
        let phase = self.phases().admit(&self.limits, Instant::now())?;
        Ok(CallPermit { breaker: self, phase, outcome: Outcome::None })
    }

    /// What it does with the next call.
    pub fn state(&self) -> BreakerState {
        self.phases().state(Instant::now())
    }

    fn phases(&self) -> MutexGuard<'_, Phases> {
        // No code of the caller runs under the lock, so that what it guards is whole.
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one call. Dropped without an outcome, it counts as no call.
#[derive(Debug)]
#[must_use = "dropped, it counts as no call"]
pub struct CallPermit<'a> {
    breaker: &'a CircuitBreaker,
    phase: u64,
    outcome: Outcome,
}

impl CallPermit<'_> {
    /// Counts a success.
    pub fn succeeded(mut self) {
        self.outcome = Outcome::Success;
    }

    /// Counts a failure.
    pub fn failed(mut self) {
        self.outcome = Outcome::Failure;
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        let Self { breaker, phase, outcome } = *self;
        breaker.phases().count(&breaker.limits, Instant::now(), phase, outcome);
    }
}
