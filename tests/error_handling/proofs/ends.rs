//! Numbers and durations at their ends: zero, one and the greatest.

use std::time::Duration;

use error_handling::circuit_breaker::{BreakerLimits, BreakerState, CircuitBreaker};
use error_handling::retry::{Policy, Verdict, retry, retry_outcome};
use error_handling::supervise::{Restart, WorkerEnd};
use tokio::time::{advance, timeout};

use crate::support::{TIMES, ends, ms, soon};
use crate::work::Broken;
use crate::work::retry::POLICY;
use crate::work::supervise::{ALWAYS, failing, supervisor};

/// If the judge's pause ends after the deadline, no attempt follows; with a pause of zero the back-off decides.
#[tokio::test(start_paused = true)]
async fn a_pause_of_the_judge_at_its_ends() {
    for (at_least, expected) in [(Duration::ZERO, 2), (Duration::from_nanos(1), 2), (Duration::MAX, 1)] {
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            std::future::ready(if attempts == 2 { Ok(()) } else { Err(Broken("a")) })
        };
        let policy = Policy { total: ms(60_000), ..POLICY };
        let result = soon(retry(policy, attempt, |_| Verdict::After(at_least))).await;
        assert_eq!((result.is_ok(), attempts), (expected == 2, expected));
    }
}

/// With a grace period of zero a worker is aborted at once; with the longest the shutdown waits for it.
#[tokio::test(start_paused = true)]
async fn a_grace_period_at_its_ends() {
    for (grace, finishes) in
        [(Duration::ZERO, false), (Duration::from_nanos(1), false), (Duration::MAX, true)]
    {
        let (mut workers, _) = supervisor();
        let work = |_| async {
            tokio::time::sleep(ms(100)).await;
            Ok(())
        };
        workers.start("feed", None, work).unwrap();
        tokio::task::yield_now().await;
        let ends = soon(workers.shutdown(grace)).await;
        assert_eq!(matches!(&ends[..], [(_, WorkerEnd::Finished)]), finishes);
    }
}

/// With a limit of zero or one failure there is no restart; with the greatest limit the worker is never given up.
#[tokio::test(start_paused = true)]
async fn a_restart_at_its_ends() {
    for failures in [0, 1, usize::MAX] {
        for time in [Duration::ZERO, Duration::MAX] {
            let (mut workers, reported) = supervisor();
            let restart = Restart { failures, healthy: time, window: time, ..ALWAYS };
            workers.start("feed", Some(restart), failing(0)).unwrap();
            let ended = timeout(ms(1_000), workers.next_end()).await.is_ok();
            assert_eq!((ended, reported.lock().unwrap().len() > 1), (failures < 2, failures > 1));
        }
    }
}

/// A retry with pauses and totals of zero, of a millisecond, and of the longest duration.
#[tokio::test(start_paused = true)]
async fn a_policy_takes_all_of_them() {
    for allowed in [0, 1, 2, u32::MAX] {
        for time in TIMES {
            let policy = Policy { attempts: allowed, pause: time, longest: time, total: time, ..POLICY };
            let mut attempts = 0;
            let attempt = || {
                attempts += 1;
                std::future::ready(attempts)
            };
            let work = retry_outcome(policy, attempt, |_| Verdict::After(time), |_, _| {});
            let output = match time {
                // The paused clock does not advance while a task is busy.
                Duration::ZERO if allowed == u32::MAX => continue,
                Duration::MAX if allowed > 1 => {
                    assert!(timeout(ms(86_400_000), work).await.is_err(), "it waits");
                    continue;
                }
                _ => ends(work).await,
            };
            // A total of one millisecond has time for one pause of a millisecond.
            assert_eq!(output, if allowed < 2 { 1 } else { 2 }, "{policy:?}");
        }
    }
}

/// With a limit of zero or one, the first failure opens it; with the greatest limit it never opens. A window of zero
/// counts failures in one instant.
#[tokio::test(start_paused = true)]
async fn the_limits_of_a_breaker_at_their_ends() {
    for failures in [0, 1, 2, usize::MAX] {
        for window in TIMES {
            let breaker = CircuitBreaker::new(BreakerLimits { failures, window, ..BreakerLimits::new() });
            for _ in 0..2 {
                let _answer = breaker.call(async || Err::<(), _>(()), Result::is_err).await;
            }
            let expected = if failures <= 2 { BreakerState::Open } else { BreakerState::Closed };
            assert_eq!(breaker.state(), expected, "{failures} in {window:?}");
        }
    }
    for open_for in TIMES {
        for trials in [0, 1, usize::MAX] {
            let breaker =
                CircuitBreaker::new(BreakerLimits { failures: 1, open_for, trials, ..BreakerLimits::new() });
            breaker.permit().unwrap().failed();
            advance(ms(1)).await;
            let Ok(trial) = breaker.permit() else {
                assert_eq!(open_for, Duration::MAX);
                assert_eq!(breaker.permit().unwrap_err().retry_in, Duration::MAX);
                continue;
            };
            assert_eq!(breaker.permit().is_ok(), trials == usize::MAX, "{open_for:?}");
            trial.succeeded();
            let closed = if trials <= 1 { BreakerState::Closed } else { BreakerState::HalfOpen };
            assert_eq!(breaker.state(), closed, "{trials} trials");
        }
    }
}
