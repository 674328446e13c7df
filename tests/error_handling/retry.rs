//! Lessons of the pattern `retry`.

use std::cell::Cell;
use std::future::ready;
use std::io;
use std::time::Duration;

use error_handling::retry::{Verdict, is_cancellation, retry};
use futures::FutureExt;
use tokio::task::JoinError;
use tokio::time::timeout_at;
use tokio::time::{Instant, sleep};

use crate::support::{ms, soon};
use crate::work::retry::{CallError, PAUSES, judge};
use crate::work::{aborted, load};

/// Attempts that take no time and end with these errors, then with a value: how many there were, the result, and
/// the milliseconds that have passed.
async fn call(errors: Vec<CallError>, limit: Duration) -> (usize, Result<&'static str, CallError>, u128) {
    let (start, mut attempts) = (Instant::now(), 0);
    let mut errors = errors.into_iter();
    let result = retry(
        PAUSES,
        start + limit,
        judge,
        |_, _| {},
        || {
            attempts += 1;
            std::future::ready(errors.next().map_or(Ok("value"), Err))
        },
    )
    .await;
    (attempts, result, start.elapsed().as_millis())
}

/// asyncio: a loop with a `sleep` that doubles. Here: `judge` asks for another attempt; 125 and 250 ms pass.
#[tokio::test(start_paused = true)]
async fn what_may_do_better_is_tried_again_after_growing_pauses() {
    let (attempts, result, at) = call(vec![CallError::Busy, CallError::Busy], ms(9_000)).await;
    assert_eq!((attempts, result.unwrap(), at), (3, "value", 125 + 250));
}

/// A wrong request stays wrong: to repeat it only loads the server.
#[tokio::test(start_paused = true)]
async fn what_is_final_is_not_tried_again() {
    let (attempts, result, at) = call(vec![CallError::Busy, CallError::Wrong], ms(9_000)).await;
    assert_eq!((attempts, at), (2, 125));
    assert!(matches!(result, Err(CallError::Wrong)));
}

/// asyncio: `except Exception` in a retry loop lets `CancelledError` pass. Here it is an `Err` like any other, and
/// a judge that says `Again` to everything must not get it.
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

/// asyncio: a retry loop over `except Exception` repeats bugs as well. Here a panic is no error.
#[tokio::test(start_paused = true)]
async fn a_panic_in_an_attempt_goes_on_in_the_caller() {
    let deadline = Instant::now() + ms(9_000);
    let mut attempts = 0;
    let bug = retry(
        PAUSES,
        deadline,
        judge,
        |_, _| {},
        || {
            attempts += 1;
            async { panic!("a bug") as Result<(), _> }
        },
    );
    assert!(std::panic::AssertUnwindSafe(bug).catch_unwind().await.is_err());
    assert_eq!(attempts, 1);
}

/// The pause that the other side asks for is a minimum, and the deadline counts for it too.
#[tokio::test(start_paused = true)]
async fn the_pause_is_as_long_as_the_other_side_asks_at_least() {
    let errors = || vec![CallError::BusyFor(ms(700)), CallError::BusyFor(ms(1))];
    let (attempts, _, at) = call(errors(), ms(9_000)).await;
    assert_eq!((attempts, at), (3, 700 + 250));
    let (attempts, result, at) = call(errors(), ms(699)).await;
    assert_eq!((attempts, at), (1, 0));
    assert!(matches!(result, Err(CallError::BusyFor(_))));
}

/// asyncio: `async with asyncio.timeout(...)` around the loop raises `TimeoutError`, and the last error is gone.
#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline_and_the_last_error_is_kept() {
    let errors = || (0..9).map(|_| CallError::Busy).collect();
    for (limit, attempts, at) in [(374, 2, 125), (375, 3, 375), (0, 1, 0)] {
        let (tried, result, elapsed) = call(errors(), ms(limit)).await;
        assert_eq!((tried, elapsed), (attempts, at), "limit {limit}");
        assert!(matches!(result, Err(CallError::Busy)));
    }
}

/// The deadline stops further attempts: to cut one, the attempt needs a `timeout_at` of its own.
#[tokio::test(start_paused = true)]
async fn an_attempt_under_way_is_cut_only_if_it_looks_at_the_deadline_itself() {
    let start = Instant::now();
    let deadline = start + ms(300);
    let slow = retry(
        PAUSES,
        deadline,
        judge,
        |_, _| {},
        async || {
            sleep(ms(1_000)).await;
            Err::<(), _>(CallError::Busy)
        },
    );
    assert!(soon(slow).await.is_err());
    assert_eq!(start.elapsed(), ms(1_000));

    let start = Instant::now();
    let deadline = start + ms(300);
    let cut = retry(
        PAUSES,
        deadline,
        judge,
        |_, _| {},
        async || {
            let call = async {
                sleep(ms(1_000)).await;
                Err::<(), _>(CallError::Busy)
            };
            timeout_at(deadline, call).await.unwrap_or(Err(CallError::Wrong))
        },
    );
    assert!(soon(cut).await.is_err());
    assert_eq!(start.elapsed(), ms(300));
}

/// Told of each error that is followed by another attempt; the last one is in the result.
#[tokio::test(start_paused = true)]
async fn on_retry_is_told_each_error_but_the_last() {
    let mut told = Vec::new();
    let on_retry = |error: &CallError, pause: Duration| told.push((error.to_string(), pause));
    let always = async || Err::<(), _>(CallError::Busy);
    let pauses = PAUSES.with_max_times(2);
    assert!(retry(pauses, Instant::now() + ms(9_000), judge, on_retry, always).await.is_err());
    assert_eq!(told, [("busy".to_owned(), ms(125)), ("busy".to_owned(), ms(250))]);
}

/// Libraries put the error of a task into an `io::Error`, whose `source` skips it. It is found there.
#[tokio::test(start_paused = true)]
async fn a_cancellation_inside_an_io_error_is_final() {
    let deadline = Instant::now() + ms(9_000);
    let cancelled = Cell::new(Some(io::Error::other(io::Error::other(aborted().await))));
    let attempts = Cell::new(0);
    let attempt = || {
        attempts.set(attempts.get() + 1);
        ready(cancelled.take().map_or(Ok("value"), Err))
    };
    let result = retry(PAUSES, deadline, |_| Verdict::Again, |_, _| {}, attempt).await;
    assert!(is_cancellation(&result.unwrap_err()));
    assert_eq!(attempts.get(), 1);
}

/// The hazard: `#[error(transparent)]` shows the causes of what it holds, and not the thing itself. Who made that type
/// can look into it: in the judge.
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
        let _outcome = retry(PAUSES, Instant::now() + ms(9_000), judge, |_, _| {}, attempt).await;
        assert_eq!(attempts.get(), expected);
    }
}
