//! Lessons of the pattern `retry`.

use std::cell::Cell;
use std::future::{pending, ready};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use error_handling::retry::{Policy, Verdict, is_cancellation, retry, retry_outcome};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::support::{ms, soon};
use crate::work::retry::{CallError, POLICY, SECONDS, attempts, judge};
use crate::work::{aborted, load};

const DAY: Duration = ms(86_400_000);

/// Makes attempts that take no time and end with these errors, then with a value. Returns their number, the result, and
/// the milliseconds that have passed.
async fn call(errors: Vec<CallError>, limit: Duration) -> (usize, Result<&'static str, CallError>, u128) {
    let (start, mut attempts) = (Instant::now(), 0);
    let mut errors = errors.into_iter();
    let attempt = || {
        attempts += 1;
        ready(errors.next().map_or(Ok("value"), Err))
    };
    let result = retry(Policy { total: limit, ..POLICY }, attempt, judge).await;
    (attempts, result, start.elapsed().as_millis())
}

/// asyncio: a loop with a `sleep` that doubles. Here: `judge` asks for another attempt; 125 and 250 ms pass.
#[tokio::test(start_paused = true)]
async fn what_may_do_better_is_tried_again_after_growing_pauses() {
    let (attempts, result, at) = call(vec![CallError::Busy, CallError::Busy], ms(9_000)).await;
    assert_eq!((attempts, result.unwrap(), at), (3, "value", 125 + 250));
}

/// A wrong request stays wrong: repeating it only loads the server.
#[tokio::test(start_paused = true)]
async fn what_is_final_is_not_tried_again() {
    let (attempts, result, at) = call(vec![CallError::Busy, CallError::Wrong], ms(9_000)).await;
    assert_eq!((attempts, at), (2, 125));
    assert!(matches!(result, Err(CallError::Wrong)));
}

/// asyncio: `except Exception` in a retry loop lets `CancelledError` pass. Here it is an `Err` like any other, so
/// `retry` keeps it from the judge, which may say `Again` to everything.
#[tokio::test(start_paused = true)]
async fn a_cancellation_is_never_tried_again() {
    let (attempts, result, at) = call(vec![aborted().await.into()], ms(9_000)).await;
    assert_eq!((attempts, at), (1, 0));
    assert!(is_cancellation(&result.unwrap_err()));
}

/// ... and a panic of a task that the attempt awaits is an error for the judge.
#[tokio::test(start_paused = true)]
async fn a_panic_of_an_awaited_task_is_left_to_the_judge() {
    let panicked = tokio::spawn(load("panics", 0)).await.unwrap_err();
    let (attempts, result, _) = call(vec![panicked.into()], ms(9_000)).await;
    assert_eq!((attempts, result.unwrap()), (2, "value"));
}

/// asyncio: a retry loop over `except Exception` repeats bugs as well. Here a panic is no error, and is not repeated.
#[tokio::test(start_paused = true)]
async fn a_panic_in_an_attempt_goes_on_in_the_caller() {
    let mut attempts = 0;
    let attempt = || {
        attempts += 1;
        async { panic!("a bug") as Result<(), _> }
    };
    let bug = retry(POLICY, attempt, judge);
    assert!(std::panic::AssertUnwindSafe(bug).catch_unwind().await.is_err());
    assert_eq!(attempts, 1);
}

/// The pause that the server asks for is a minimum, and the deadline applies to it too.
#[tokio::test(start_paused = true)]
async fn the_pause_is_as_long_as_the_other_side_asks_at_least() {
    let errors = || vec![CallError::BusyFor(ms(700)), CallError::BusyFor(ms(1))];
    let (attempts, _, at) = call(errors(), ms(9_000)).await;
    assert_eq!((attempts, at), (3, 700 + 250));
    let (attempts, result, at) = call(errors(), ms(699)).await;
    assert_eq!((attempts, at), (1, 0));
    assert!(matches!(result, Err(CallError::BusyFor(_))));
}

/// asyncio: `async with asyncio.timeout(...)` around the loop raises `TimeoutError`, and the last error is lost.
#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline_and_the_last_error_is_kept() {
    let errors = || (0..9).map(|_| CallError::Busy).collect();
    for (limit, attempts, at) in [(374, 2, 125), (375, 3, 375), (0, 1, 0)] {
        let (tried, result, elapsed) = call(errors(), ms(limit)).await;
        assert_eq!((tried, elapsed), (attempts, at), "limit {limit}");
        assert!(matches!(result, Err(CallError::Busy)));
    }
}

/// asyncio: `timeout(60)` around the loop cuts it. Here: a `timeout` in each attempt, and the longest of the default pauses.
#[tokio::test(start_paused = true)]
async fn five_attempts_of_ten_seconds_end_within_fifty_two() {
    let (start, tried) = (Instant::now(), Cell::new(0));
    let policy = Policy { attempts: 5, total: ms(60_000), random: || 1.0, ..Policy::default() };
    let attempt = || {
        tried.set(tried.get() + 1);
        timeout(ms(10_000), pending::<()>())
    };
    assert!(soon(retry(policy, attempt, |_elapsed| Verdict::Again)).await.is_err());
    assert_eq!((tried.get(), start.elapsed()), (5, ms(51_500)));
}

/// The deadline stops further attempts. To be cut off itself, an attempt needs a `timeout_at` of its own.
#[tokio::test(start_paused = true)]
async fn an_attempt_under_way_is_cut_only_if_it_looks_at_the_deadline_itself() {
    let start = Instant::now();
    let policy = Policy { total: ms(300), ..POLICY };
    let attempt = async || {
        sleep(ms(1_000)).await;
        Err::<(), _>(CallError::Busy)
    };
    assert!(soon(retry(policy, attempt, judge)).await.is_err());
    assert_eq!(start.elapsed(), ms(1_000));

    let start = Instant::now();
    let deadline = start + ms(300);
    let attempt = async || timeout_at(deadline, attempt()).await.unwrap_or(Err(CallError::Wrong));
    assert!(soon(retry(policy, attempt, judge)).await.is_err());
    assert_eq!(start.elapsed(), ms(300));
}

/// `on_retry` gets each error that is followed by another attempt; the last error is in the result.
#[tokio::test(start_paused = true)]
async fn on_retry_is_told_each_error_but_the_last() {
    let mut retried = Vec::new();
    let on_retry = |error: &CallError, pause| retried.push((error.to_string(), pause));
    let always = async || CallError::Busy;
    let policy = Policy { attempts: 3, ..POLICY };
    assert!(matches!(retry_outcome(policy, always, judge, on_retry).await, CallError::Busy));
    assert_eq!(retried, [("busy".to_owned(), ms(125)), ("busy".to_owned(), ms(250))]);
}

/// Libraries put the error of a task into an `io::Error`, whose `source` skips it. `retry` finds it there.
#[tokio::test(start_paused = true)]
async fn a_cancellation_inside_an_io_error_is_final() {
    let cancelled = Cell::new(Some(io::Error::other(io::Error::other(aborted().await))));
    let attempts = Cell::new(0);
    let attempt = || {
        attempts.set(attempts.get() + 1);
        ready(cancelled.take().map_or(Ok("value"), Err))
    };
    let result = retry(POLICY, attempt, |_| Verdict::Again).await;
    assert!(is_cancellation(&result.unwrap_err()));
    assert_eq!(attempts.get(), 1);
}

/// The hazard: `#[error(transparent)]` shows the causes of the error it holds, and not that error. Only the judge,
/// which knows the type, can look into it.
#[tokio::test(start_paused = true)]
async fn but_a_transparent_error_hides_a_cancellation_from_it() {
    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Hidden(JoinError);
    for (looks_inside, expected) in [(false, 2), (true, 1)] {
        let judge = |error: &Hidden| {
            if looks_inside && is_cancellation(&error.0) { Verdict::Final } else { Verdict::Again }
        };
        let (attempts, cancelled) = (Cell::new(0), Cell::new(Some(Hidden(aborted().await))));
        let attempt = || {
            attempts.set(attempts.get() + 1);
            ready(cancelled.take().map_or(Ok("value"), Err))
        };
        let _outcome = retry(POLICY, attempt, judge).await;
        assert_eq!(attempts.get(), expected);
    }
}

/// tenacity: `stop_after_attempt(5)` counts the first attempt, too. So does this policy; 0 and 1 are one attempt.
#[tokio::test(start_paused = true)]
async fn attempts_are_counted_with_the_first() {
    for (allowed, expected) in [(0, 1), (1, 1), (2, 2), (5, 5)] {
        let (began, _) = attempts(Policy { attempts: allowed, ..POLICY }, &[Verdict::Again; 5]).await;
        assert_eq!(began.len(), expected);
    }
}

/// stamina: ten attempts and 45 s by default. Here: five attempts, with at most a minute from the first to the last.
#[tokio::test(start_paused = true)]
async fn the_default_is_five_attempts_within_a_minute() {
    let policy = Policy { random: || 1.0, ..Policy::default() };
    assert_eq!((policy.total, policy.longest), (ms(60_000), ms(10_000)));
    let (began, _) = attempts(policy, &[Verdict::Again; 5]).await;
    assert_eq!(began, [0, 100, 300, 700, 1_500]);
}

/// tenacity: `stop_after_delay(60)` does not cut off an attempt that hangs. With a timeout in each, five attempts end
/// within a minute.
#[tokio::test(start_paused = true)]
async fn attempts_that_hang_end_within_a_minute() {
    let policy = Policy { random: || 1.0, ..Policy::default() };
    let start = Instant::now();
    let hangs = async || timeout(ms(10_000), pending::<io::Result<()>>()).await?;
    let result = retry(policy, hangs, |_| Verdict::Again).await;
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed(), ms(5 * 10_000 + 1_500));
}

/// `anyhow::Error` is no `Error`: `retry_outcome` takes such results, and the judge checks for a cancellation.
#[tokio::test(start_paused = true)]
async fn results_of_anyhow_are_judged_as_outcomes() {
    let judge = |outcome: &anyhow::Result<()>| match outcome {
        Err(error) if !is_cancellation(error.as_ref()) => Verdict::Again,
        _ => Verdict::Final,
    };
    for (error, expected) in [(anyhow::anyhow!("busy"), 2), (aborted().await.into(), 1)] {
        let (attempts, error) = (Cell::new(0), Cell::new(Some(error)));
        let attempt = || {
            attempts.set(attempts.get() + 1);
            ready(error.take().map_or(Ok(()), Err))
        };
        let outcome = retry_outcome(POLICY, attempt, judge, |_, _| {}).await;
        assert_eq!((outcome.is_ok(), attempts.get()), (expected == 2, expected));
    }
}

/// `Option<Duration>` is a verdict as well: `None` is final, and with a pause of zero the back-off decides.
#[tokio::test(start_paused = true)]
async fn an_optional_pause_is_a_verdict() {
    let verdicts = [Some(Duration::ZERO), Some(ms(2_000)), None].map(Verdict::from);
    assert_eq!(verdicts, [Verdict::After(Duration::ZERO), Verdict::After(ms(2_000)), Verdict::Final]);
    assert_eq!(attempts(SECONDS, &verdicts).await.0, [0, 1_000, 3_000]);
}

/// The pause doubles, up to the longest one.
#[tokio::test(start_paused = true)]
async fn the_pause_doubles_and_has_a_longest() {
    let policy = Policy { attempts: 6, longest: ms(4_000), ..SECONDS };
    let (began, last) = attempts(policy, &[Verdict::Again; 6]).await;
    assert_eq!(began, [0, 1_000, 3_000, 7_000, 11_000, 15_000]);
    assert_eq!(last, Verdict::Again, "the last outcome is handed back as it is");
}

/// Clients that failed together come back at different times: between half of the pause and all of it.
#[tokio::test(start_paused = true)]
async fn chance_shortens_a_pause_by_half_at_most() {
    let (began, _) = attempts(Policy { random: || 0.0, ..SECONDS }, &[Verdict::Again; 4]).await;
    assert_eq!(began, [0, 500, 1_500, 3_500]);
}

/// tenacity: no jitter by default. Here two clients that fail together draw two pauses.
#[tokio::test(start_paused = true)]
async fn the_default_draws_its_pauses_and_a_seed_repeats_them() {
    let pauses = async |seed| {
        fastrand::seed(seed);
        let mut pauses = Vec::new();
        let policy = Policy { random: Policy::default().random, ..SECONDS };
        retry_outcome(policy, async || (), |()| Verdict::Again, |(), pause| pauses.push(pause)).await;
        pauses
    };
    let first = pauses(1).await;
    assert_eq!(first, pauses(1).await);
    assert_ne!(first, pauses(2).await);
    for (pause, most) in first.into_iter().zip([1_000, 2_000, 4_000].map(ms)) {
        assert!(most / 2 <= pause && pause <= most);
    }
}

/// A success is final, and so is a failure that would be the same again.
#[tokio::test(start_paused = true)]
async fn what_is_done_is_not_tried_again() {
    let (began, _) = attempts(SECONDS, &[Verdict::Again, Verdict::Final]).await;
    assert_eq!(began, [0, 1_000]);
    let (began, _) = attempts(Policy { attempts: 1, ..SECONDS }, &[Verdict::Again]).await;
    assert_eq!(began, [0]);
}

/// `Retry-After` replaces the back-off, without jitter: the server knows better.
#[tokio::test(start_paused = true)]
async fn the_servers_pause_is_kept_exactly() {
    let policy = Policy { random: || 0.0, ..SECONDS };
    let (began, _) = attempts(policy, &[Verdict::After(ms(7_000)), Verdict::Final]).await;
    assert_eq!(began, [0, 7_000]);
}

/// An hour is longer than a caller waits. Coming back sooner than asked would be worse than giving up.
#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_longest_ends_the_attempts() {
    let policy = Policy { total: DAY, random: || 0.0, ..SECONDS };
    let hour = Verdict::After(ms(3_600_000));
    assert_eq!(attempts(policy, &[hour, Verdict::Final]).await, (vec![0], hour));
    let (began, _) = attempts(policy, &[Verdict::After(policy.longest), Verdict::Final]).await;
    assert_eq!(began, [0, 60_000]);
}

/// A pause that would end after `total` does not begin: the result is already known.
#[tokio::test(start_paused = true)]
async fn no_pause_goes_beyond_the_total() {
    let policy = Policy { attempts: 10, total: ms(6_000), ..SECONDS };
    let (began, _) = attempts(policy, &[Verdict::Again; 9]).await;
    assert_eq!(began, [0, 1_000, 3_000]);
    let exactly = Policy { total: ms(7_000), ..policy };
    let (began, _) = attempts(exactly, &[Verdict::Again; 9]).await;
    assert_eq!(began, [0, 1_000, 3_000, 7_000]);
}

/// Even the longest limits do not overflow.
#[tokio::test(start_paused = true)]
async fn limits_may_be_as_long_as_a_duration_can_be() {
    let policy = Policy { attempts: 2, pause: Duration::MAX, longest: Duration::MAX, total: DAY, ..SECONDS };
    let (began, _) = attempts(policy, &[Verdict::Again]).await;
    assert_eq!(began.len(), 1);
}

/// A 503 response that is kept during the pause would hold its connection and its permit.
#[tokio::test(start_paused = true)]
async fn an_outcome_is_dropped_before_the_pause() {
    let permits = Arc::new(Semaphore::new(1));
    let held = || async { Arc::clone(&permits).acquire_owned().await.unwrap() };
    let policy = Policy { attempts: 2, ..SECONDS };
    let mut work = pin!(retry_outcome(policy, held, |_| Verdict::Again, |_, _| {}));
    assert!((&mut work).now_or_never().is_none());
    assert_eq!(permits.available_permits(), 1);
    drop(work.await);
}

/// After `Retry-After: 0`, from a server in trouble, the back-off decides.
#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_no_pause_gets_ours() {
    let policy = Policy { attempts: 6, ..SECONDS };
    let impatient = [0, 0, 1, 1, 20, 0].map(|pause| Verdict::After(ms(pause * 1_000)));
    let (began, _) = attempts(policy, &impatient).await;
    assert_eq!(began, [0, 1_000, 3_000, 7_000, 15_000, 35_000]);
}

/// A very long pause exceeds `longest`, and ends the attempts. If `longest` has no end, the retry waits.
#[tokio::test(start_paused = true)]
async fn a_very_long_pause_is_no_short_one() {
    let long = Verdict::After(Duration::MAX);
    let (began, last) = attempts(SECONDS, &[long]).await;
    assert_eq!((began.len(), last), (1, long));
    let patient = Policy { longest: Duration::MAX, total: Duration::MAX, ..SECONDS };
    assert!(timeout(DAY, attempts(patient, &[long])).await.is_err());
}

/// Attempts that fail at once, without a pause between them, let a timeout around them fire.
#[tokio::test]
async fn attempts_without_a_pause_can_be_timed_out() {
    let policy = Policy { attempts: u32::MAX, pause: Duration::ZERO, longest: DAY, total: DAY, ..SECONDS };
    let work = retry_outcome(policy, || ready(()), |()| Verdict::Again, |_, _| {});
    assert!(timeout(ms(5), work).await.is_err());
}
