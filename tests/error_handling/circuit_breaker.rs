//! Lessons of the pattern `circuit_breaker`.

use std::future::{pending, ready};
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use error_handling::circuit_breaker::{BreakerLimits, BreakerState, CircuitBreaker, CircuitOpen};
use error_handling::retry::{Policy, Verdict, retry};
use futures::FutureExt;
use futures::future::join_all;
use tokio::time::{Instant, advance, sleep, timeout};

use crate::support::{Count, Gauge, alive_tasks, ms, panics};
use crate::work::aborted;
use crate::work::breaker::{LIMITS, call, fail, opened};

/// pybreaker: `fail_max=3` opens at the third failure. Here too, and the next call is refused without a try.
#[tokio::test(start_paused = true)]
async fn the_last_of_so_many_failures_opens_it() {
    let (breaker, calls) = (CircuitBreaker::new(LIMITS), Count::default());
    for _ in 0..5 {
        let work = || {
            calls.add();
            ready(Err::<(), _>("503"))
        };
        let _answer = breaker.call(work, Result::is_err).await;
    }
    assert_eq!((calls.get(), breaker.state()), (3, BreakerState::Open));
}

/// aiobreaker: the error has the remaining time. Here too, exact on the runtime's clock.
#[tokio::test(start_paused = true)]
async fn a_refusal_says_when_to_ask_again() {
    let breaker = opened().await;
    advance(ms(10_000)).await;
    let refused = breaker.call(async || (), |()| false).await;
    assert_eq!(refused, Err(CircuitOpen { retry_in: ms(20_000) }));
    assert_eq!(refused.unwrap_err().to_string(), "the circuit breaker is open");
}

/// It opens at 0 s for 30 s: it refuses a call one nanosecond before 30 s, and is half-open at 30 s.
#[tokio::test(start_paused = true)]
async fn it_is_open_for_exactly_as_long_as_stated() {
    let breaker = opened().await;
    advance(ms(30_000) - Duration::from_nanos(1)).await;
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(breaker.permit().is_err());
    advance(Duration::from_nanos(1)).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen, "without a call, and without a timer");
    assert!(breaker.permit().is_ok());
}

/// Ports that let each caller through while half-open send a thousand to a service that has just come back.
#[tokio::test(start_paused = true)]
async fn a_thousand_callers_in_one_instant_make_one_trial() {
    let breaker = opened().await;
    advance(ms(30_000)).await;
    let (gauge, calls) = (Gauge::default(), Count::default());
    let callers = (0..1_000).map(|_| {
        let work = || {
            calls.add();
            gauge.clone().stay(ms(100))
        };
        breaker.call(work, |()| false)
    });
    let answers = join_all(callers).await;
    assert_eq!((calls.get(), gauge.peak()), (1, 1));
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// gobreaker: users ask what `MaxRequests` means. Here: as many calls are made as trials, and all have to succeed.
#[tokio::test(start_paused = true)]
async fn it_closes_when_all_trials_have_succeeded() {
    let breaker = CircuitBreaker::new(BreakerLimits { trials: 3, ..LIMITS });
    fail(&breaker, 3).await;
    advance(ms(30_000)).await;
    let trials = [breaker.permit(), breaker.permit(), breaker.permit()];
    assert_eq!(breaker.permit().unwrap_err(), CircuitOpen { retry_in: Duration::ZERO });
    for trial in trials {
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        trial.unwrap().succeeded();
        advance(ms(10)).await;
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// Ports that apply their threshold to trials send more of them to a sick service. Here one failure is enough.
#[tokio::test(start_paused = true)]
async fn the_first_trial_that_fails_opens_it_again() {
    let breaker = CircuitBreaker::new(BreakerLimits { trials: 3, ..LIMITS });
    fail(&breaker, 3).await;
    advance(ms(30_000)).await;
    call(&breaker, true).await;
    call(&breaker, true).await;
    call(&breaker, false).await;
    assert_eq!(breaker.state(), BreakerState::Open);
    assert_eq!(breaker.permit().unwrap_err().retry_in, ms(30_000), "for the whole time");
}

/// A trial that closes it resets the count of failures.
#[tokio::test(start_paused = true)]
async fn closed_again_it_counts_anew() {
    let breaker = CircuitBreaker::new(BreakerLimits { window: Duration::MAX, ..LIMITS });
    fail(&breaker, 3).await;
    advance(ms(30_000)).await;
    call(&breaker, true).await;
    fail(&breaker, 2).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker, 1).await;
    assert_eq!(breaker.state(), BreakerState::Open);
}

/// Polly once counted without a window: three errors in three hours opened the breaker. Here a failure counts for ten
/// seconds.
#[tokio::test(start_paused = true)]
async fn a_failure_counts_within_the_window_alone() {
    let breaker = CircuitBreaker::new(LIMITS);
    for _ in 0..9 {
        fail(&breaker, 1).await;
        advance(ms(5_001)).await;
    }
    assert_eq!(breaker.state(), BreakerState::Closed, "two at most within 10 s");
    advance(ms(60_000)).await;
    for _ in 0..3 {
        assert_eq!(breaker.state(), BreakerState::Closed);
        fail(&breaker, 1).await;
        advance(ms(5_000)).await;
    }
    assert_eq!(breaker.state(), BreakerState::Open, "the third is 10 s after the first");
}

/// pybreaker counts failures in a row: a service that answers every third call never opens it. A window is not reset.
#[tokio::test(start_paused = true)]
async fn a_success_between_failures_does_not_hide_them() {
    let breaker = CircuitBreaker::new(LIMITS);
    for _ in 0..2 {
        fail(&breaker, 1).await;
        call(&breaker, true).await;
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker, 1).await;
    assert_eq!(breaker.state(), BreakerState::Open);
}

/// monix, resilience4j: a trial that was cancelled kept its slot, and the breaker stayed half-open until a restart.
#[tokio::test(start_paused = true)]
async fn a_cancelled_trial_gives_its_slot_back() {
    let breaker = opened().await;
    advance(ms(30_000)).await;
    let trial = breaker.call(pending::<()>, |()| false);
    assert!(timeout(ms(100), trial).await.is_err());
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    call(&breaker, true).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// A bug in the call, in making it, or in the judge: the caller gets the panic, and the next caller the trial.
#[tokio::test(start_paused = true)]
async fn a_trial_that_panics_gives_its_slot_back() {
    let breaker = opened().await;
    advance(ms(30_000)).await;
    let in_the_call = breaker.call(async || panics::<()>("in the call"), |()| false);
    assert!(AssertUnwindSafe(in_the_call).catch_unwind().await.is_err());
    let in_making_it = breaker.call(|| panics::<std::future::Ready<()>>("in making it"), |()| false);
    assert!(AssertUnwindSafe(in_making_it).catch_unwind().await.is_err());
    let in_the_judge = breaker.call(async || (), |()| panics("in the judge"));
    assert!(AssertUnwindSafe(in_the_judge).catch_unwind().await.is_err());
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    call(&breaker, true).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// resilience4j: an ignored error took a slot for good. Here a permit that is dropped counts as no call.
#[tokio::test(start_paused = true)]
async fn an_outcome_that_says_nothing_counts_as_no_call() {
    let breaker = opened().await;
    advance(ms(30_000)).await;
    for _ in 0..9 {
        drop(breaker.permit().unwrap());
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }
    breaker.permit().unwrap().succeeded();
    assert_eq!(breaker.state(), BreakerState::Closed);
    for _ in 0..9 {
        drop(breaker.permit().unwrap());
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// brpc, resilience4j: cancelled requests opened the breaker of a healthy service. Here a dropped call is no failure.
#[tokio::test(start_paused = true)]
async fn a_cancelled_call_is_no_failure() {
    let breaker = CircuitBreaker::new(LIMITS);
    for _ in 0..9 {
        assert!(timeout(ms(10), breaker.call(pending::<()>, |()| false)).await.is_err());
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// The hazard: a timeout around the breaker cancels the call, so a service that hangs never opens it. A timeout inside
/// is an error.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_around_the_breaker_counts_nothing() {
    let breaker = CircuitBreaker::new(LIMITS);
    for _ in 0..9 {
        let around = timeout(ms(10), breaker.call(pending::<()>, |()| false));
        assert!(around.await.is_err());
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    for _ in 0..3 {
        let inside = breaker.call(|| timeout(ms(10), pending::<()>()), Result::is_err);
        assert!(inside.await.unwrap().is_err());
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

/// The hazard: a trial that never ends keeps its slot, and the breaker stays half-open. A timeout inside ends it.
#[tokio::test(start_paused = true)]
async fn but_a_trial_that_hangs_keeps_its_slot() {
    let breaker = opened().await;
    advance(ms(30_000)).await;
    let hangs = breaker.call(pending::<()>, |()| false);
    let others = async {
        sleep(ms(3_600_000)).await;
        breaker.permit().map(drop)
    };
    let refused = tokio::select! {
        _ = hangs => unreachable!("it hangs"),
        refused = others => refused,
    };
    assert_eq!(refused, Err(CircuitOpen { retry_in: Duration::ZERO }), "an hour later");
    let ends = breaker.call(|| timeout(ms(10), pending::<()>()), Result::is_err);
    assert!(ends.await.unwrap().is_err());
    assert_eq!(breaker.permit().map(drop), Err(CircuitOpen { retry_in: ms(30_000) }));
}

/// Vert.x: a slow, old success closed an open breaker; Polly: a slow, old failure prolonged it. Here neither counts.
#[tokio::test(start_paused = true)]
async fn an_outcome_from_before_a_change_counts_no_more() {
    let breaker = CircuitBreaker::new(LIMITS);
    let slow = [(); 5].map(|()| breaker.permit().unwrap());
    fail(&breaker, 3).await;
    advance(ms(10_000)).await;
    let mut slow = slow.into_iter();
    slow.next().unwrap().succeeded();
    assert_eq!(breaker.state(), BreakerState::Open);
    slow.next().unwrap().failed();
    assert_eq!(breaker.permit().unwrap_err().retry_in, ms(20_000), "not prolonged");
    advance(ms(20_000)).await;
    let trial = breaker.permit().unwrap();
    slow.next().unwrap().succeeded();
    drop(slow.next());
    assert_eq!(breaker.permit().map(drop), Err(CircuitOpen { retry_in: Duration::ZERO }), "one trial");
    trial.succeeded();
    slow.next().unwrap().failed();
    fail(&breaker, 2).await;
    assert_eq!(breaker.state(), BreakerState::Closed, "the slow failure is not the third");
}

/// gobreaker: with a hundred calls under way, the breaker opens at the third failure, and the other 97 change nothing.
#[tokio::test(start_paused = true)]
async fn calls_under_way_when_it_opens_run_on() {
    let (breaker, calls) = (CircuitBreaker::new(LIMITS), Count::default());
    let work = async || {
        sleep(ms(100)).await;
        calls.add();
        Err::<(), _>("503")
    };
    let answers = join_all((0..100).map(|_| breaker.call(work, Result::is_err))).await;
    assert!(answers.iter().all(|answer| *answer == Ok(Err("503"))));
    assert_eq!((calls.get(), breaker.permit().unwrap_err().retry_in), (100, ms(30_000)));
}

/// Elsewhere a refusal was counted as a failure, which kept it open. Here a refused call has not happened.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_failure() {
    let breaker = opened().await;
    for _ in 0..29 {
        advance(ms(1_000)).await;
        assert!(breaker.permit().is_err());
    }
    advance(ms(1_000)).await;
    assert!(breaker.permit().is_ok());
}

/// lagom, Polly: a 404 opened the breaker. Here the judge decides what is a failure, also in a trial.
#[tokio::test(start_paused = true)]
async fn what_is_a_failure_is_the_callers_to_say() {
    let is_outage = |answer: &Result<&str, u16>| answer.is_err_and(|status| status >= 500);
    let breaker = CircuitBreaker::new(LIMITS);
    for _ in 0..9 {
        assert_eq!(breaker.call(async || Err(404), is_outage).await, Ok(Err(404)));
    }
    for _ in 0..3 {
        assert_eq!(breaker.call(async || Err(503), is_outage).await, Ok(Err(503)));
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    advance(ms(30_000)).await;
    assert_eq!(breaker.call(async || Err(404), is_outage).await, Ok(Err(404)));
    assert_eq!(breaker.state(), BreakerState::Closed, "it answers");
}

/// The hazard: the error of an aborted task is an `Err` like any other. The judge has to return false for it.
#[tokio::test(start_paused = true)]
async fn but_an_aborted_task_inside_counts_as_a_failure() {
    for (looks, expected) in [(false, BreakerState::Open), (true, BreakerState::Closed)] {
        let breaker = CircuitBreaker::new(LIMITS);
        for _ in 0..3 {
            let is_failure = |answer: &Result<(), tokio::task::JoinError>| {
                answer.as_ref().is_err_and(|error| !looks || error.is_panic())
            };
            let answer = breaker.call(|| aborted().map(Err::<(), _>), is_failure).await;
            assert!(answer.unwrap().is_err());
        }
        assert_eq!(breaker.state(), expected);
    }
}

/// pybreaker: as a decorator of an `async def` it counts the call, which only makes a coroutine. Here the await counts.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_call_counts_and_not_its_beginning() {
    let breaker = CircuitBreaker::new(BreakerLimits { failures: 1, ..LIMITS });
    let slow = async {
        let work = async || {
            sleep(ms(100)).await;
            Err::<(), _>("503")
        };
        breaker.call(work, Result::is_err).await
    };
    let meanwhile = async {
        sleep(ms(99)).await;
        breaker.state()
    };
    let (answer, meanwhile) = tokio::join!(slow, meanwhile);
    assert_eq!((answer, meanwhile), (Ok(Err("503")), BreakerState::Closed));
    assert_eq!(breaker.state(), BreakerState::Open);
}

/// tower-resilience: an open breaker waited for the sick service before it refused. Here a refusal is ready at once.
#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_wait() {
    let breaker = opened().await;
    let refused = breaker.call(pending::<()>, |()| false).now_or_never();
    assert_eq!(refused, Some(Err(CircuitOpen { retry_in: ms(30_000) })));
}

/// Other libraries set a timer for an open breaker, which keeps the process alive. Here there is neither a timer nor a task.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_leaves_no_task_behind() {
    let breaker = opened().await;
    assert_eq!((breaker.state(), alive_tasks()), (BreakerState::Open, 0));
}

/// resilience4j: without traffic it stays half-open. Here too, which does no harm: the next call is the trial.
#[tokio::test(start_paused = true)]
async fn without_traffic_the_next_call_is_the_trial() {
    let breaker = opened().await;
    advance(ms(86_400_000)).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    call(&breaker, true).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// Failsafe, Polly, cockatiel: retries shorter than the open time are all refused. A refusal says how long to wait.
#[tokio::test(start_paused = true)]
async fn a_retry_around_it_waits_for_the_trial() {
    #[derive(Debug, thiserror::Error)]
    enum CallError {
        #[error(transparent)]
        Open(#[from] CircuitOpen),
        #[error(transparent)]
        Io(#[from] io::Error),
    }
    let policy = Policy { random: || 1.0, longest: ms(30_000), ..Policy::default() };
    let (breaker, calls, start) = (opened().await, Count::default(), Instant::now());
    let attempt = async || {
        let work = async || {
            calls.add();
            io::Result::Ok("bill")
        };
        Ok::<_, CallError>(breaker.call(work, Result::is_err).await??)
    };
    let judge = |error: &CallError| match error {
        CallError::Open(open) => Verdict::After(open.retry_in),
        CallError::Io(_) => Verdict::Again,
    };
    assert_eq!(retry(policy, attempt, judge).await.unwrap(), "bill");
    assert_eq!((calls.get(), start.elapsed()), (1, ms(30_000)));
}

/// The hazard: if the retry is around the breaker, each attempt counts. Inside the breaker, five attempts are one
/// failure, with all their pauses.
#[tokio::test(start_paused = true)]
async fn but_a_retry_inside_it_counts_once() {
    let policy = Policy { attempts: 3, random: || 1.0, ..Policy::default() };
    let always = async || Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut));
    let breaker = CircuitBreaker::new(LIMITS);
    let inside = breaker.call(|| retry(policy, always, |_| Verdict::Again), Result::is_err);
    assert!(inside.await.unwrap().is_err());
    assert_eq!(breaker.state(), BreakerState::Closed);
    let breaker = CircuitBreaker::new(LIMITS);
    let around = async || breaker.call(always, Result::is_err).await.map_err(io::Error::other)?;
    assert!(retry(policy, around, |_| Verdict::Again).await.is_err());
    assert_eq!(breaker.state(), BreakerState::Open);
}

/// Two breakers share no state: a service that is down does not block calls of another.
#[tokio::test(start_paused = true)]
async fn each_service_has_a_breaker_of_its_own() {
    let (mail, shop) = (opened().await, CircuitBreaker::new(LIMITS));
    assert!(mail.permit().is_err());
    assert!(shop.permit().is_ok());
}
