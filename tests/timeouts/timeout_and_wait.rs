//! Lessons of the pattern `timeout_and_wait`.

use std::time::Duration;

use futures::FutureExt;
use timeouts::timeout_and_wait::{LateValue, Limits, TimeoutFailure, timeout_and_wait};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::{Count, Log, OnDrop, alive_tasks, ends, ms, panics};
use crate::work::Rows;
use crate::work::timeout_and_wait::{LIMITS, parent};
use crate::work::{A_YEAR, compute, for_ever, load, panics_in_drop, two_timers};

/// Work that takes `millis`, and cleans up after it for 50 ms, asked to stop or not.
async fn session(log: Log, stop: CancellationToken, millis: u64) -> Rows {
    let rows = stop.run_until_cancelled(load("rows", millis)).await;
    log.at(if rows.is_some() { "done" } else { "told" });
    sleep(ms(50)).await;
    log.at("cleaned up");
    rows.transpose()
}

/// Work that does not look at its token.
async fn deaf(_stop: CancellationToken) -> Rows {
    for_ever().await
}

/// asyncio: `wait_for` returns the value or raises the work's exception. Here: a panic is a variant too.
#[tokio::test(start_paused = true)]
async fn work_in_time_gives_its_value_or_its_own_error() {
    let start = Instant::now();
    let log = Log::default();
    let work = |stop| session(log.clone(), stop, 20);
    assert_eq!(timeout_and_wait(&parent(), LIMITS, work).await, Ok("rows"));
    assert_eq!((start.elapsed(), alive_tasks()), (ms(70), 0));
    let failed = timeout_and_wait(&parent(), LIMITS, |_| async { load("bad", 20).await.map(Some) }).await;
    assert_eq!(failed, Err(TimeoutFailure::Failed("bad after 20".to_owned())));
    let panicked = timeout_and_wait(&parent(), LIMITS, |_| async { panics::<Rows>("a panic") }).await;
    assert_eq!(panicked, Err(TimeoutFailure::Panicked("a panic".to_owned())));
}

/// asyncio: `wait_for` cancels the work and waits until it is gone before it raises.
#[tokio::test(start_paused = true)]
async fn the_timeout_is_reported_when_the_clean_up_is_over() {
    let log = Log::default();
    let work = |stop| session(log.clone(), stop, 500);
    let timed_out = timeout_and_wait(&parent(), LIMITS, work).await;
    log.at("reported");
    assert_eq!(timed_out, Err(TimeoutFailure::TimedOut { cleaned_up: true }));
    assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 reported"]);
    assert_eq!(alive_tasks(), 0);
}

/// Tokio: `timeout` reports at once, and nothing after the await of the work is ever run.
#[tokio::test(start_paused = true)]
async fn but_a_plain_timeout_skips_the_clean_up() {
    let log = Log::default();
    assert!(timeout(ms(100), session(log.clone(), parent(), 500)).await.is_err());
    log.at("reported");
    sleep(ms(1_000)).await;
    assert_eq!(log.take(), ["100 reported"]);
}

/// asyncio: work that catches the cancellation may return a value, and `wait_for` returns it.
#[tokio::test(start_paused = true)]
async fn a_value_that_comes_after_the_limit_is_returned_or_discarded_as_asked() {
    let half = |stop: CancellationToken| async move {
        stop.cancelled().await;
        sleep(ms(50)).await;
        Ok::<_, String>(Some("half of it"))
    };
    let start = Instant::now();
    let returned = Limits { late_value: LateValue::Return, ..LIMITS };
    assert_eq!(timeout_and_wait(&parent(), returned, half).await, Ok("half of it"));
    assert_eq!(start.elapsed(), ms(150));
    assert_eq!(
        timeout_and_wait(&parent(), LIMITS, half).await,
        Err(TimeoutFailure::TimedOut { cleaned_up: true })
    );
}

/// asyncio: an exception that the clean-up raises is raised instead of `TimeoutError`.
#[tokio::test(start_paused = true)]
async fn an_error_or_a_panic_of_the_clean_up_is_reported_in_place_of_the_timeout() {
    let fails = |stop: CancellationToken| async move {
        stop.cancelled().await;
        Rows::Err("connection lost".to_owned())
    };
    let failed = timeout_and_wait(&parent(), LIMITS, fails).await.unwrap_err();
    assert_eq!(failed, TimeoutFailure::Failed("connection lost".to_owned()));
    assert_eq!(failed.to_string(), "connection lost");
    let panic = |stop: CancellationToken| async move {
        stop.cancelled().await;
        panics::<Rows>("a panic")
    };
    let panicked = timeout_and_wait(&parent(), LIMITS, panic).await.unwrap_err();
    assert_eq!(panicked, TimeoutFailure::Panicked("a panic".to_owned()));
}

/// asyncio: waits forever for work that does not end. Here its grace ends, and it is aborted and gone.
#[tokio::test(start_paused = true)]
async fn work_that_does_not_listen_is_aborted_when_its_grace_is_over() {
    let dropped = Count::default();
    let start = Instant::now();
    let work = |stop| {
        let guard = dropped.on_drop();
        async move {
            let _guard = guard;
            deaf(stop).await
        }
    };
    let timed_out = timeout_and_wait(&parent(), LIMITS, work).await;
    assert_eq!(timed_out, Err(TimeoutFailure::TimedOut { cleaned_up: false }));
    assert_eq!((start.elapsed(), dropped.get(), alive_tasks()), (ms(400), 1, 0));
}

/// asyncio: `wait_for` waits for a clean-up of any length. Here: `None` and `Duration::MAX` do.
#[tokio::test(start_paused = true)]
async fn a_clean_up_without_a_limit_is_waited_for_however_long_it_takes() {
    let work = |stop: CancellationToken| async move {
        stop.cancelled().await;
        sleep(A_YEAR).await;
        Rows::Ok(None)
    };
    for grace in [None, Some(Duration::MAX)] {
        let timed_out = ends(timeout_and_wait(&parent(), Limits { grace, ..LIMITS }, work)).await;
        assert_eq!(timed_out, Err(TimeoutFailure::TimedOut { cleaned_up: true }));
    }
}

/// A grace period of zero: the report comes at the limit, and says that no clean-up ended.
#[tokio::test(start_paused = true)]
async fn without_a_grace_it_is_aborted_at_the_limit() {
    let log = Log::default();
    let limits = Limits { grace: Some(Duration::ZERO), ..LIMITS };
    let timed_out = timeout_and_wait(&parent(), limits, |stop| session(log.clone(), stop, 500)).await;
    log.at("reported");
    assert_eq!(timed_out, Err(TimeoutFailure::TimedOut { cleaned_up: false }));
    assert_eq!(log.take(), ["100 reported"]);
}

/// asyncio: `wait_for(coroutine, 0)` does not begin it.
#[tokio::test(start_paused = true)]
async fn with_a_limit_of_zero_the_work_is_not_begun() {
    let limits = Limits { time: Some(Duration::ZERO), ..LIMITS };
    let never = |_| -> std::future::Ready<Rows> { panic!("it is not even made") };
    let timed_out = timeout_and_wait(&parent(), limits, never).now_or_never();
    assert_eq!(timed_out, Some(Err(TimeoutFailure::TimedOut { cleaned_up: true })));
}

/// asyncio: `wait_for(work, None)` has no limit. Here: neither `None` nor `Duration::MAX` is one.
#[tokio::test(start_paused = true)]
async fn no_limit_waits_however_long_it_takes() {
    for time in [None, Some(Duration::MAX)] {
        let work = |_| async {
            sleep(A_YEAR).await;
            Ok::<_, String>(Some("at last"))
        };
        assert_eq!(timeout_and_wait(&parent(), Limits { time, ..LIMITS }, work).await, Ok("at last"));
    }
}

/// asyncio: the timer that was set first decides, and that is the one of the timeout: `TimeoutError`.
#[tokio::test(start_paused = true)]
async fn a_result_in_the_instant_of_the_limit_is_in_time() {
    let work = |_| async { load("rows", 100).await.map(Some) };
    assert_eq!(timeout_and_wait(&parent(), LIMITS, work).await, Ok("rows"));
}

/// The limit counts from the call, also when the work computes before its first wait.
#[tokio::test]
async fn work_that_computes_first_does_not_get_more_time() {
    let work = |stop: CancellationToken| async move {
        compute(ms(30));
        stop.run_until_cancelled(load("rows", 15)).await.transpose()
    };
    let limits = Limits { time: Some(ms(20)), ..LIMITS };
    let timed_out = timeout_and_wait(&parent(), limits, work).await;
    assert_eq!(timed_out, Err(TimeoutFailure::TimedOut { cleaned_up: true }));
}

/// asyncio: `cancelling()` and `uncancel()` count requests, so that a `timeout` knows whether one is not its own.
/// Tokio: each scope has a token of its own, and there is nothing to count.
#[tokio::test(start_paused = true)]
async fn the_cancellation_of_the_parent_is_told_from_a_timeout() {
    let (log, parent) = (Log::default(), parent());
    let work = |stop| session(log.clone(), stop, 500);
    let cancelling = async {
        sleep(ms(30)).await;
        parent.cancel();
    };
    let (cancelled, ()) = tokio::join!(timeout_and_wait(&parent, LIMITS, work), cancelling);
    assert_eq!(cancelled, Err(TimeoutFailure::Cancelled { cleaned_up: true }));
    assert_eq!(log.take(), [" 30 told", " 80 cleaned up"]);

    let deaf = timeout_and_wait(&parent, LIMITS, deaf).now_or_never();
    assert_eq!(deaf, Some(Err(TimeoutFailure::Cancelled { cleaned_up: true })), "it is not begun");
}

/// asyncio: `wait_for` raises `CancelledError`, and drops such a value. So do these limits.
#[tokio::test(start_paused = true)]
async fn a_value_that_comes_after_the_parents_cancellation_is_late() {
    let parent = parent();
    let work = |stop: CancellationToken| async move {
        stop.cancelled().await;
        yield_now().await;
        yield_now().await;
        Ok::<_, String>(Some("half of it"))
    };
    let cancelling = async { parent.cancel() };
    let (cancelled, ()) = tokio::join!(timeout_and_wait(&parent, LIMITS, work), cancelling);
    assert_eq!(cancelled, Err(TimeoutFailure::Cancelled { cleaned_up: true }));
}

/// The grace counts for a cancellation as it does for a timeout.
#[tokio::test(start_paused = true)]
async fn work_that_does_not_listen_to_the_parent_is_aborted_too() {
    let (start, parent) = (Instant::now(), parent());
    let cancelling = async {
        sleep(ms(30)).await;
        parent.cancel();
    };
    let (cancelled, ()) = tokio::join!(timeout_and_wait(&parent, LIMITS, deaf), cancelling);
    assert_eq!((cancelled, start.elapsed()), (Err(TimeoutFailure::Cancelled { cleaned_up: false }), ms(330)));
}

/// asyncio: `uncancel` after a timeout makes the task look as if it had not been cancelled.
#[tokio::test(start_paused = true)]
async fn a_timeout_does_not_touch_the_parent_or_its_other_children() {
    let (log, parent) = (Log::default(), parent());
    let quick = timeout_and_wait(&parent, LIMITS, deaf);
    let limits = Limits { time: Some(ms(1_000)), ..LIMITS };
    let slow = timeout_and_wait(&parent, limits, |stop| session(log.clone(), stop, 600));
    let (quick, slow) = tokio::join!(quick, slow);
    assert_eq!((quick, slow), (Err(TimeoutFailure::TimedOut { cleaned_up: false }), Ok("rows")));
    assert!(!parent.is_cancelled());
}

/// The hazard: a clone is the same token, and to cancel it is to cancel everybody's.
#[tokio::test(start_paused = true)]
async fn but_a_clone_of_a_token_is_no_child() {
    let parent = parent();
    let (clone, child) = (parent.clone(), parent.child_token());
    child.cancel();
    assert!(!parent.is_cancelled());
    clone.cancel();
    assert!(parent.is_cancelled());
}

/// asyncio: work that raises `CancelledError` itself makes `wait_for` raise it. Here: `Cancelled`.
#[tokio::test(start_paused = true)]
async fn work_that_stops_by_itself_counts_as_cancelled() {
    let stopped = timeout_and_wait(&parent(), LIMITS, |_| async { Rows::Ok(None) }).await;
    assert_eq!(stopped, Err(TimeoutFailure::Cancelled { cleaned_up: true }));
}

/// asyncio: when the outer task is cancelled, the inner is too, and its clean-up is waited for. Tokio: a dropped
/// caller cannot wait, but the work has been asked and cleans up.
#[tokio::test(start_paused = true)]
async fn a_dropped_caller_has_told_the_work_and_it_cleans_up() {
    let (log, tasks, parent) = (Log::default(), TaskTracker::new(), parent());
    let work = |stop| tasks.track_future(session(log.clone(), stop, 500));
    assert!(timeout(ms(30), timeout_and_wait(&parent, LIMITS, work)).await.is_err());
    log.at("dropped");
    tasks.close();
    ends(tasks.wait()).await;
    assert_eq!(log.take(), [" 30 dropped", " 30 told", " 80 cleaned up"]);
    assert!(!parent.is_cancelled());
}

/// asyncio: a cancelled `wait_for` waits without end for work that is deaf. Here: 300 ms, then an abort.
#[tokio::test(start_paused = true)]
async fn and_it_is_aborted_when_its_grace_is_over() {
    let (start, tasks) = (Instant::now(), TaskTracker::new());
    let work = |stop| tasks.track_future(deaf(stop));
    assert!(timeout(ms(30), timeout_and_wait(&parent(), LIMITS, work)).await.is_err());
    tasks.close();
    ends(tasks.wait()).await;
    yield_now().await;
    assert_eq!((start.elapsed(), alive_tasks()), (ms(330), 0));
}

/// A second cancellation, while the clean-up runs: asyncio cuts it short at its await. Here it runs on.
#[tokio::test(start_paused = true)]
async fn a_caller_dropped_during_the_clean_up_does_not_cut_it_short() {
    let (log, tasks) = (Log::default(), TaskTracker::new());
    let work = |stop| tasks.track_future(session(log.clone(), stop, 500));
    assert!(timeout(ms(120), timeout_and_wait(&parent(), LIMITS, work)).await.is_err());
    log.at("dropped");
    tasks.close();
    ends(tasks.wait()).await;
    assert_eq!(log.take(), ["100 told", "120 dropped", "150 cleaned up"]);
}

/// A destructor that panics when the work is aborted.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_aborted_work_is_reported() {
    let work = |stop| async {
        let _panics = OnDrop(panics_in_drop);
        deaf(stop).await
    };
    let panicked = timeout_and_wait(&parent(), LIMITS, work).await;
    assert_eq!(panicked, Err(TimeoutFailure::Panicked("a panic".to_owned())));
}

/// Clean-ups run at the same time: a thousand of 50 ms, after a limit of 100 ms, take 150 ms.
#[tokio::test(start_paused = true)]
async fn a_thousand_at_once_clean_up_at_the_same_time() {
    let (start, cleaned_up) = (Instant::now(), Count::default());
    let parent = parent();
    let calls = (0..1_000).map(|_| {
        timeout_and_wait(&parent, LIMITS, |stop: CancellationToken| {
            let cleaned_up = cleaned_up.clone();
            async move {
                stop.cancelled().await;
                sleep(ms(50)).await;
                cleaned_up.add();
                Rows::Ok(None)
            }
        })
    });
    futures::future::join_all(calls).await;
    assert_eq!((start.elapsed(), cleaned_up.get(), alive_tasks()), (ms(150), 1_000, 0));
}

/// A limit of the work and one of its clean-up: also with a timer that is set later than that of the limit.
#[tokio::test(start_paused = true)]
async fn work_that_ends_in_the_instant_of_a_limit_is_in_time() {
    let turns = |_| async {
        let rows = two_timers().await;
        yield_now().await;
        rows
    };
    assert_eq!(timeout_and_wait(&parent(), LIMITS, turns).await, Ok("in time"));
    let limits = Limits { time: Some(ms(1)), grace: Some(ms(100)), late_value: LateValue::Return };
    let cleans_up = |stop: CancellationToken| async move {
        stop.cancelled().await;
        two_timers().await
    };
    assert_eq!(timeout_and_wait(&parent(), limits, cleans_up).await, Ok("in time"));
}

/// Tokio cannot tell whether a task that is due now still needs a turn, or two, or a thousand.
#[tokio::test(start_paused = true)]
async fn but_work_with_many_turns_in_that_instant_is_late() {
    let turns = |_| async {
        let rows = two_timers().await;
        for _ in 0..1_000 {
            yield_now().await;
        }
        rows
    };
    let late = timeout_and_wait(&parent(), LIMITS, turns).await;
    assert_eq!(late, Err(TimeoutFailure::TimedOut { cleaned_up: true }));
}

/// Before there is a future, or with a value whose destructor panics: it is the panic of the work.
#[tokio::test(start_paused = true)]
async fn every_panic_of_the_work_is_its_failure() {
    let early = |_| -> std::future::Ready<Rows> { panics("no future") };
    assert_eq!(
        timeout_and_wait(&parent(), LIMITS, early).await,
        Err(TimeoutFailure::Panicked("no future".to_owned()))
    );
    let odd = |_| async {
        std::panic::panic_any::<crate::support::PanicsWhenDropped>(crate::support::PanicsWhenDropped)
    };
    let panicked = timeout_and_wait::<&str, String, _>(&parent(), LIMITS, odd).await;
    assert_eq!(panicked, Err(TimeoutFailure::Panicked("a value that is not text".to_owned())));
}
