//! Lessons of the pattern `cancel_and_confirm`.

use std::future::ready;
use std::time::Duration;

use timeouts::cancel_and_confirm::{CancelOutcome, CancellableTask, StopRequest};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep, timeout};

use crate::support::{Count, Log, OnDrop, alive_tasks, ms, panics};
use crate::work::Rows;
use crate::work::cancel_and_confirm::{GRACE, Job, Reason, spawn_session, told};
use crate::work::{A_YEAR, for_ever, panics_in_drop, two_timers};

/// Does not look at its request.
async fn deaf(_stop: StopRequest<Reason>) -> Rows {
    for_ever().await
}

/// asyncio: a value, an exception, and `CancelledError`, which is no `Exception`. Tokio: a panic is apart as well.
#[tokio::test(start_paused = true)]
async fn finished_failed_panicked_and_cancelled_are_told_apart() {
    let value = Job::spawn(GRACE, |_| async { Ok(Some("value")) });
    assert_eq!(value.wait().await, CancelOutcome::Finished("value"));
    let error = Job::spawn(GRACE, |_| async { Err("error".to_owned()) });
    assert_eq!(error.wait().await, CancelOutcome::Failed("error".to_owned()));
    let panic = Job::spawn(GRACE, |_| async { panics("a panic") });
    assert_eq!(panic.wait().await, CancelOutcome::Panicked("a panic".to_owned()));
    let panic = Job::spawn(GRACE, |_| -> std::future::Ready<Rows> { panics("a panic") });
    assert_eq!(panic.wait().await, CancelOutcome::Panicked("a panic".to_owned()), "before there is a future");
    let cancelled = told(spawn_session(&Log::default(), 500), "not needed").await;
    assert_eq!(cancelled, CancelOutcome::Cancelled { reason: Some("not needed"), cleaned_up: true });
}

/// asyncio: `await task` after `cancel()` returns when the clean-up is over.
#[tokio::test(start_paused = true)]
async fn the_wait_is_over_when_the_clean_up_is() {
    let log = Log::default();
    let task = spawn_session(&log, 500);
    sleep(ms(100)).await;
    assert!(task.cancel("shutting down"));
    sleep(ms(20)).await;
    assert!(!task.is_finished());
    let end = task.wait().await;
    log.at("confirmed");
    assert_eq!(end, CancelOutcome::Cancelled { reason: Some("shutting down"), cleaned_up: true });
    assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 confirmed"]);
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: the message of `cancel("...")` is in the `CancelledError` that the task and its awaiter see.
#[tokio::test(start_paused = true)]
async fn the_reason_is_read_by_the_task_and_by_whoever_awaits_it() {
    let task: CancellableTask<Reason, String, Reason> =
        CancellableTask::spawn(GRACE, |stop: StopRequest<Reason>| async move {
            let reason = stop.requested().await.copied();
            Err(format!("ends, for it is {}", reason.unwrap_or("alone")))
        });
    sleep(ms(10)).await;
    assert_eq!(told(task, "late").await, CancelOutcome::Failed("ends, for it is late".to_owned()));
}

/// asyncio: `cancel()` of a task that is done returns false. A second one while it cleans up returns true, and cuts
/// the clean-up short. Here it is false, and changes nothing: neither the reason nor the clean-up.
#[tokio::test(start_paused = true)]
async fn a_further_request_says_that_there_is_nothing_to_do() {
    let log = Log::default();
    let task = spawn_session(&log, 500);
    sleep(ms(100)).await;
    assert!(task.cancel("first"));
    sleep(ms(20)).await;
    assert!(!task.cancel("second"));
    assert_eq!(task.wait().await, CancelOutcome::Cancelled { reason: Some("first"), cleaned_up: true });
    assert_eq!(log.take(), ["100 told", "150 cleaned up"]);

    let done = spawn_session(&log, 10);
    sleep(ms(100)).await;
    assert!(done.is_finished() && !done.cancel("too late"));
    assert_eq!(done.wait().await, CancelOutcome::Finished("rows"));

    let panicked = Job::spawn(GRACE, |_| async { panics("a panic") });
    sleep(ms(10)).await;
    assert!(!panicked.cancel("too late"));
}

/// What the task has started may hold the request for longer than the task lives. It is never made then.
#[tokio::test(start_paused = true)]
async fn after_the_end_nobody_is_told_any_more() {
    let ended: [fn(StopRequest<Reason>) -> Rows; 2] = [|_| Ok(Some("done")), |_| panics("a panic")];
    for work in ended {
        let task = Job::spawn(GRACE, move |stop| async move { work(stop) });
        let stop = task.stop();
        task.wait().await;
        assert!(!stop.cancel("too late") && !stop.is_requested());
        assert_eq!(stop.run_until_requested(ready("as ever")).await, Some("as ever"));
        assert!(timeout(A_YEAR, stop.requested()).await.is_err());
    }
}

/// asyncio: a task that is cancelled before its first step never runs.
#[tokio::test(start_paused = true)]
async fn a_task_that_has_not_begun_does_not_begin() {
    let task = Job::spawn(GRACE, |_| -> std::future::Ready<Rows> { panic!("it is not even made") });
    let end = told(task, "changed my mind").await;
    assert_eq!(end, CancelOutcome::Cancelled { reason: Some("changed my mind"), cleaned_up: true });
}

/// asyncio: a task that catches `CancelledError` may return a value, and has not been cancelled then.
#[tokio::test(start_paused = true)]
async fn the_work_may_refuse_and_has_finished_then() {
    let task = Job::spawn(GRACE, |stop: StopRequest<Reason>| async move {
        stop.requested().await;
        sleep(ms(100)).await;
        Ok(Some("done all the same"))
    });
    sleep(ms(10)).await;
    assert_eq!(told(task, "please stop").await, CancelOutcome::Finished("done all the same"));
}

/// asyncio: `current_task().cancel()`. Here the request is a message, also to oneself.
#[tokio::test(start_paused = true)]
async fn a_task_may_tell_itself() {
    let task = Job::spawn(GRACE, |stop: StopRequest<Reason>| async move {
        assert!(stop.cancel("nothing to do") && !stop.cancel("again"));
        Ok(stop.run_until_requested(ready("unreachable")).await)
    });
    assert_eq!(
        task.wait().await,
        CancelOutcome::Cancelled { reason: Some("nothing to do"), cleaned_up: true }
    );
}

/// asyncio: any task may call `cancel()` of another. Here: a `Stop` moves into that task, with the reason.
#[tokio::test(start_paused = true)]
async fn others_may_tell_it() {
    let task = spawn_session(&Log::default(), 500);
    let stop = task.stop();
    let other = tokio::spawn(async move {
        sleep(ms(10)).await;
        stop.cancel("said another task")
    });
    assert_eq!(
        task.wait().await,
        CancelOutcome::Cancelled { reason: Some("said another task"), cleaned_up: true }
    );
    assert!(other.await.unwrap());
}

/// asyncio: a task that ignores its cancellation is waited for without end.
#[tokio::test(start_paused = true)]
async fn work_that_does_not_listen_is_aborted_when_its_grace_is_over() {
    let (start, dropped) = (Instant::now(), Count::default());
    let guard = dropped.on_drop();
    let task = Job::spawn(GRACE, |stop| async move {
        let _guard = guard;
        deaf(stop).await
    });
    sleep(ms(100)).await;
    let end = told(task, "shutting down").await;
    assert_eq!(end, CancelOutcome::Cancelled { reason: Some("shutting down"), cleaned_up: false });
    assert_eq!((start.elapsed(), dropped.get(), alive_tasks()), (ms(400), 1, 0));
}

/// asyncio: `await task` waits for a clean-up of any length. Here: `None` and `Duration::MAX` do.
#[tokio::test(start_paused = true)]
async fn a_clean_up_without_a_limit_is_waited_for_however_long_it_takes() {
    for grace in [None, Some(Duration::MAX)] {
        let task = Job::spawn(grace, |stop: StopRequest<Reason>| async move {
            stop.requested().await;
            sleep(A_YEAR).await;
            Ok(None)
        });
        sleep(ms(10)).await;
        let end = told(task, "shutting down").await;
        assert_eq!(end, CancelOutcome::Cancelled { reason: Some("shutting down"), cleaned_up: true });
    }
}

/// asyncio: an exception in the clean-up takes the place of the `CancelledError`.
#[tokio::test(start_paused = true)]
async fn an_error_or_a_panic_of_the_clean_up_is_told() {
    let fails = Job::spawn(GRACE, |stop: StopRequest<Reason>| async move {
        stop.requested().await;
        Err("connection lost".to_owned())
    });
    let panic = Job::spawn(GRACE, |stop: StopRequest<Reason>| async move {
        stop.requested().await;
        panics("a panic")
    });
    let drop_panics = Job::spawn(GRACE, |stop| async move {
        let _panics = OnDrop(panics_in_drop);
        deaf(stop).await
    });
    sleep(ms(10)).await;
    assert_eq!(told(fails, "stop").await, CancelOutcome::Failed("connection lost".to_owned()));
    assert_eq!(told(panic, "stop").await, CancelOutcome::Panicked("a panic".to_owned()));
    assert_eq!(told(drop_panics, "stop").await, CancelOutcome::Panicked("a panic".to_owned()));
}

/// asyncio: a task that raises `CancelledError` itself is cancelled. Here: the same, without a reason.
#[tokio::test(start_paused = true)]
async fn work_that_stops_by_itself_is_cancelled_without_a_reason() {
    let task = Job::spawn(GRACE, |_| async { Ok(None) });
    assert_eq!(task.wait().await, CancelOutcome::Cancelled { reason: None, cleaned_up: true });
}

/// asyncio: a task that awaits another passes its cancellation on. Tokio: the owner of a `Task` that is dropped does.
#[tokio::test(start_paused = true)]
async fn a_dropped_owner_has_told_the_work_and_it_cleans_up() {
    let log = Log::default();
    let (inner, outer_log) = (spawn_session(&log, 500), log.clone());
    let outer = tokio::spawn(async move {
        let end = inner.wait().await;
        outer_log.at(format_args!("{end:?}"));
    });
    sleep(ms(100)).await;
    outer.abort();
    sleep(ms(500)).await;
    assert_eq!(log.take(), ["100 told", "150 cleaned up"]);

    drop(Job::spawn(GRACE, deaf));
    let owner = Job::spawn(GRACE, |stop: StopRequest<Reason>| async move {
        assert_eq!(stop.requested().await, None, "no reason");
        Ok(None)
    });
    yield_now().await;
    drop(owner);
    sleep(ms(299)).await;
    assert_eq!(alive_tasks(), 0, "not begun, so gone at once");
}

/// A dropped owner cannot wait: a task of its own holds the grace period, then aborts the work.
#[tokio::test(start_paused = true)]
async fn and_it_is_aborted_when_its_grace_is_over() {
    let task = Job::spawn(GRACE, deaf);
    yield_now().await;
    drop(task);
    sleep(ms(299)).await;
    assert_eq!(alive_tasks(), 2);
    sleep(ms(2)).await;
    assert_eq!(alive_tasks(), 0);
}

/// What is ready in the instant of the request is not lost.
#[tokio::test(start_paused = true)]
async fn a_result_in_the_instant_of_the_request_counts() {
    let log = Log::default();
    let task = spawn_session(&log, 100);
    sleep(ms(100)).await;
    assert!(task.cancel("in the same instant"));
    assert_eq!(task.wait().await, CancelOutcome::Finished("rows"));
}

/// asyncio: a loop without an await cannot be cancelled. Here: it asks `is_requested()` between two steps.
#[tokio::test(start_paused = true)]
async fn a_loop_that_computes_asks() {
    let task = Job::spawn(GRACE, |stop: StopRequest<Reason>| async move {
        for _ in 0..1_000 {
            if stop.is_requested() {
                return Ok(None);
            }
            advance(ms(1)).await;
        }
        Ok(Some("nobody has told it"))
    });
    advance(ms(10)).await;
    let end = told(task, "enough").await;
    assert_eq!(end, CancelOutcome::Cancelled { reason: Some("enough"), cleaned_up: true });
}

/// The runtime ends: an awaiter on another one learns that the task is gone, without a request.
#[test]
fn the_end_of_its_runtime_is_a_cancellation_without_a_reason() {
    let (first, second) = (
        Builder::new_current_thread().enable_time().build().unwrap(),
        Builder::new_current_thread().build().unwrap(),
    );
    let task = first.block_on(async { Job::spawn(GRACE, deaf) });
    drop(first);
    assert_eq!(second.block_on(task.wait()), CancelOutcome::Cancelled { reason: None, cleaned_up: false });
}

/// Clean-ups run at the same time: ten thousand of 50 ms take 50 ms.
#[tokio::test(start_paused = true)]
async fn ten_thousand_are_told_and_gone() {
    let tasks: Vec<_> = (0..10_000)
        .map(|_| {
            Job::spawn(GRACE, |stop: StopRequest<Reason>| async move {
                stop.requested().await;
                sleep(ms(50)).await;
                Ok(None)
            })
        })
        .collect();
    sleep(ms(1)).await;
    let start = Instant::now();
    assert!(tasks.iter().all(|task| task.cancel("shutting down")));
    for task in tasks {
        let end = task.wait().await;
        assert_eq!(end, CancelOutcome::Cancelled { reason: Some("shutting down"), cleaned_up: true });
    }
    assert_eq!((start.elapsed(), alive_tasks()), (ms(50), 0));
}

/// Also with a timer that is set later than that of the grace period, or another turn.
#[tokio::test(start_paused = true)]
async fn work_that_ends_with_its_grace_period_is_in_time() {
    let task = Job::spawn(Some(ms(100)), |stop| async move {
        stop.requested().await;
        let rows = two_timers().await;
        yield_now().await;
        rows
    });
    yield_now().await;
    assert_eq!(told(task, "stop").await, CancelOutcome::Finished("in time"));
}

/// Tokio cannot tell whether a task that is due now still needs a turn, or two, or a thousand.
#[tokio::test(start_paused = true)]
async fn but_work_with_many_turns_in_that_instant_is_aborted() {
    let task = Job::spawn(Some(ms(100)), |stop| async move {
        stop.requested().await;
        let rows = two_timers().await;
        for _ in 0..1_000 {
            yield_now().await;
        }
        rows
    });
    yield_now().await;
    assert_eq!(
        told(task, "stop").await,
        CancelOutcome::Cancelled { reason: Some("stop"), cleaned_up: false }
    );
}

/// A panic may hold a value whose destructor panics.
#[tokio::test(start_paused = true)]
async fn a_panic_whose_drop_panics_is_told_as_it_is() {
    let panics = Job::spawn(GRACE, |_| async { std::panic::panic_any(crate::support::PanicsWhenDropped) });
    assert_eq!(panics.wait().await, CancelOutcome::Panicked("a value that is not text".to_owned()));
}

/// asyncio: a task that awaits itself raises `RuntimeError`. Tokio: it waits until the request to stop.
#[tokio::test(start_paused = true)]
async fn but_work_that_waits_for_itself_waits_until_it_is_told() {
    let (send, own) = tokio::sync::oneshot::channel::<Job>();
    let task = Job::spawn(GRACE, |stop| async move {
        let waited = stop.run_until_requested(own.await.unwrap().wait()).await;
        Ok(waited.map(|_| "it has its own end"))
    });
    let stop = task.stop();
    assert!(send.send(task).is_ok());
    sleep(ms(100)).await;
    assert!(stop.cancel("enough"));
    sleep(ms(1)).await;
    assert_eq!(alive_tasks(), 0);
}
