// SPDX-License-Identifier: 0BSD
//! Closed, open, half-open: which call goes, and which outcome changes that. The lock and the clock are the caller's.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{BreakerLimits, BreakerState, CircuitOpen};

#[derive(Debug)]
pub(super) struct Phases {
    phase: Phase,
    /// Counts the changes of the phase: the outcome of a call from an earlier phase is out of date.
    number: u64,
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

#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Success,
    Failure,
    None,
}

impl Phases {
    pub(super) const fn new() -> Self {
        Self { phase: Phase::Closed { failures: VecDeque::new() }, number: 0 }
    }

    /// Lets a call go, and returns the number of the phase in which it does.
    pub(super) fn admit(&mut self, limits: &BreakerLimits, now: Instant) -> Result<u64, CircuitOpen> {
        if let Phase::Open { until } = self.phase {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
            if !left.is_zero() {
                return Err(CircuitOpen { retry_in: left });
            }
            self.enter(Phase::HalfOpen { gone: 0, succeeded: 0 });
        }
        if let Phase::HalfOpen { gone, .. } = &mut self.phase {
            if *gone >= limits.trials.max(1) {
                return Err(CircuitOpen { retry_in: Duration::ZERO });
            }
            *gone += 1;
        }
        Ok(self.number)
    }

    /// Counts the outcome of a call that went in the phase with this number.
    pub(super) fn count(&mut self, limits: &BreakerLimits, now: Instant, number: u64, outcome: Outcome) {
        if self.number != number {
            return;
        }
        match (&mut self.phase, outcome) {
            (Phase::Closed { failures }, Outcome::Failure) => {
                failures.push_back(now);
                let is_old = |first: &Instant| now.saturating_duration_since(*first) > limits.window;
                while failures.front().is_some_and(is_old) {
                    failures.pop_front();
                }
                if failures.len() >= limits.failures {
                    self.enter(Phase::Open { until: now.checked_add(limits.open_for) });
                }
            }
            (Phase::HalfOpen { .. }, Outcome::Failure) => {
                self.enter(Phase::Open { until: now.checked_add(limits.open_for) });
            }
            (Phase::HalfOpen { succeeded, .. }, Outcome::Success) => {
                *succeeded += 1;
                if *succeeded >= limits.trials {
                    self.enter(Phase::Closed { failures: VecDeque::new() });
                }
            }
            (Phase::HalfOpen { gone, .. }, Outcome::None) => *gone -= 1,
            _ => {}
        }
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { until } if until.is_none_or(|until| now < until) => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.number += 1;
    }
}
