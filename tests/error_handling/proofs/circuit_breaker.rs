//! Proofs of the pattern `circuit_breaker`.

use std::sync::Arc;

use error_handling::circuit_breaker::{BreakerLimits, BreakerState, CircuitBreaker};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Gauge, ms};
use crate::work::breaker::{LIMITS, call};

/// Wherever a trial is dropped, the next caller gets its slot.
#[test]
fn a_trial_cancelled_anywhere_gives_its_slot_back() {
    let swept = cancel_sweep::sweep_with(
        || {
            let breaker =
                Arc::new(CircuitBreaker::new(BreakerLimits { open_for: ms(0), failures: 1, ..LIMITS }));
            breaker.permit().unwrap().failed();
            let ours = breaker.clone();
            let trial = async || {
                sleep(ms(10)).await;
                sleep(ms(10)).await;
            };
            (breaker, async move { ours.call(trial, |()| false).await })
        },
        |breaker, outcome| {
            let expected = match outcome {
                cancel_sweep::Outcome::Finished(_) => BreakerState::Closed,
                cancel_sweep::Outcome::Cancelled(_) => BreakerState::HalfOpen,
            };
            assert_eq!(breaker.state(), expected);
            assert!(breaker.permit().is_ok());
        },
    );
    assert_eq!(swept.points, 2);
}

/// On many threads, half-open: never more trials at once than allowed, and none of their slots is lost.
#[test]
fn on_many_threads_never_more_trials_go_than_allowed() {
    on_many_threads(100, async |mut rng| {
        let trials = rng.usize(1..4);
        let limits = BreakerLimits { failures: 1, open_for: ms(0), trials, ..LIMITS };
        let (breaker, gauge) = (Arc::new(CircuitBreaker::new(limits)), Gauge::default());
        call(&breaker, false).await;
        let mut callers = JoinSet::new();
        for _ in 0..50 {
            let (breaker, gauge, mut own) = (breaker.clone(), gauge.clone(), rng.fork());
            callers.spawn(async move {
                some_turns(&mut own, 4).await;
                if let Ok(trial) = breaker.permit() {
                    let counted = gauge.enter();
                    some_turns(&mut own, 4).await;
                    // Counted out before the breaker frees the slot, so that the count is never too high.
                    drop(counted);
                    drop(trial);
                }
            });
            if rng.u8(0..10) == 0 {
                callers.abort_all();
            }
        }
        while callers.join_next().await.is_some() {}
        assert!(gauge.peak() <= trials, "{} of {trials}", gauge.peak());
        for _ in 0..trials {
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            call(&breaker, true).await;
        }
        assert_eq!(breaker.state(), BreakerState::Closed, "no slot is lost");
    });
}
