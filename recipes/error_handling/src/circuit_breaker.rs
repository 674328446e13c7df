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
//! Tokio has no circuit breaker. The pattern `retry` alone is enough if few callers share a service. Make one breaker
//! for each service, in a `static` or an `Arc`.
//!
//! A breaker is closed at first: every call is made. Too many failures within the window open it: every call is
//! refused. After a while it is half-open: a few calls are made as trials. They close the breaker if all succeed; the
//! first that fails opens it again. The outcome of a call that began before such a change does not count.
//!
//! A breaker starts no task and sets no timer: the next call sees that time has passed.
//!
//! # Cancel safety
//!
//! A dropped call counts neither as a success nor as a failure, and a dropped trial frees its slot. So put a timeout
//! inside the call, where it is a failure, and not around it (lesson
//! `but_a_timeout_around_the_breaker_counts_nothing`).
//!
//! # Errors
//!
//! [`CircuitOpen`]: the call has not begun. A failure of the call is in the `Ok`, as with `tokio::time::timeout`.
//!
//! # Panics
//!
//! A panic of the call or of `is_failure` goes on in the caller. It counts as a dropped call.
//!
//! # Cost
//!
//! Each call takes a lock twice, for some instructions, and never over an await. The breaker keeps the times of at most
//! `failures` failures.
//!
//! # Differences from asyncio
//!
//! `pybreaker` and `aiobreaker` count failures in a row, so one success resets the count. Here failures within a window
//! count.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BreakerLimits {
    /// The breaker opens at this many failures within [`window`](Self::window). 0 counts as 1. Default: 5.
    pub failures: usize,
    /// For how long a failure counts. Default: 10 s.
    pub window: Duration,
    /// How long the breaker refuses calls before a trial. Default: 30 s.
    pub open_for: Duration,
    /// How many calls are made as trials when it is half-open. All have to succeed. 0 counts as 1. Default: 1.
    pub trials: usize,
}

impl BreakerLimits {
    /// Returns the defaults.
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
    /// The call is made.
    Closed,
    /// The call is refused.
    Open,
    /// The call is made if fewer than [`trials`](BreakerLimits::trials) have begun.
    HalfOpen,
}

/// The breaker has refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct CircuitOpen {
    /// The time until a trial is possible. Zero while trials are under way, [`Duration::MAX`] for never.
    pub retry_in: Duration,
}

/// Refuses calls of a service that keeps failing.
#[derive(Debug)]
pub struct CircuitBreaker {
    limits: BreakerLimits,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    /// Counts the changes of the phase: the outcome of a call from an earlier phase is out of date.
    phases: u64,
}

#[derive(Debug)]
enum Phase {
    Closed {
        failures: VecDeque<Instant>,
    },
    /// `None`: later than a clock can show.
    Open {
        until: Option<Instant>,
    },
    HalfOpen {
        gone: usize,
        succeeded: usize,
    },
}

impl CircuitBreaker {
    /// Makes a closed breaker.
    #[must_use]
    pub const fn new(limits: BreakerLimits) -> Self {
        let inner = Inner { phase: Phase::Closed { failures: VecDeque::new() }, phases: 0 };
        Self { limits, inner: Mutex::new(inner) }
    }

    /// Calls `work` unless the breaker is open, and counts the outcome: `is_failure` decides whether it is a failure.
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

    /// Returns a permit for one call whose outcome is not known when a future ends, such as that of a stream.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`] if the breaker is open, or half-open and all trials have begun.
    pub fn permit(&self) -> Result<CallPermit<'_>, CircuitOpen> {
        let mut inner = self.inner();
        if let Phase::Open { until } = inner.phase {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if !left.is_zero() {
                return Err(CircuitOpen { retry_in: left });
            }
            inner.enter(Phase::HalfOpen { gone: 0, succeeded: 0 });
        }
        if let Phase::HalfOpen { gone, .. } = &mut inner.phase {
            if *gone >= self.limits.trials.max(1) {
                return Err(CircuitOpen { retry_in: Duration::ZERO });
            }
            *gone += 1;
        }
        Ok(CallPermit { breaker: self, phase: inner.phases, outcome: Outcome::None })
    }

    /// Returns what the breaker does with the next call.
    pub fn state(&self) -> BreakerState {
        match self.inner().phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { until } if until.is_none_or(|until| Instant::now() < until) => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn count(&self, phase: u64, outcome: Outcome) {
        let mut inner = self.inner();
        if inner.phases != phase {
            return;
        }
        let now = Instant::now();
        let BreakerLimits { failures: most, window, open_for, trials } = self.limits;
        let next = match (&mut inner.phase, outcome) {
            (Phase::Closed { failures }, Outcome::Failure) => {
                failures.push_back(now);
                while failures.front().is_some_and(|first| now.saturating_duration_since(*first) > window) {
                    failures.pop_front();
                }
                (failures.len() >= most).then(|| Phase::Open { until: now.checked_add(open_for) })
            }
            (Phase::HalfOpen { .. }, Outcome::Failure) => {
                Some(Phase::Open { until: now.checked_add(open_for) })
            }
            (Phase::HalfOpen { succeeded, .. }, Outcome::Success) => {
                *succeeded += 1;
                (*succeeded >= trials).then(|| Phase::Closed { failures: VecDeque::new() })
            }
            (Phase::HalfOpen { gone, .. }, Outcome::None) => {
                *gone -= 1;
                None
            }
            _ => None,
        };
        if let Some(next) = next {
            inner.enter(next);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // No code of the caller runs under the lock, so its data stay consistent.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.phases += 1;
    }
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Success,
    Failure,
    None,
}

/// A permit for one call. If it is dropped without an outcome, the call does not count.
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
        self.breaker.count(self.phase, self.outcome);
    }
}
