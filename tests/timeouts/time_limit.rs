//! Lessons of the pattern `time_limit`.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use timeouts::time_limit::{LimitError, time_limit};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::support::{Count, Log, OnDrop, alive_tasks, ms};
use crate::work::{A_YEAR, compute, for_ever, load, panics_in_drop, two_timers};

/// asyncio and Tokio: work that is done in time is not disturbed.
#[tokio::test(start_paused = true)]
async fn work_in_time_gives_its_value_or_its_own_error() {
    let start = Instant::now();
    assert_eq!(time_limit(Some(ms(200)), load("home", 100)).await, Ok("home"));
    assert_eq!(start.elapsed(), ms(100));
    let failed = time_limit(Some(ms(200)), load("bad", 100)).await.unwrap_err();
    assert_eq!(failed, LimitError::Failed("bad after 100".to_owned()));
    assert_eq!(failed.to_string(), "bad after 100");
    assert_eq!(start.elapsed(), ms(200));
}

/// asyncio: `TimeoutError`. Tokio: `Elapsed`, here a variant beside the error of the work.
#[tokio::test(start_paused = true)]
async fn work_that_is_late_is_cut_off_at_the_limit() {
    let start = Instant::now();
    let late = time_limit(Some(ms(200)), load("slow", 500)).await.unwrap_err();
    assert_eq!((late.to_string().as_str(), start.elapsed()), ("timed out after 200ms", ms(200)));
    assert_eq!(late, LimitError::TimedOut(ms(200)));
}

/// asyncio: `None` waits forever. Tokio: `Duration::MAX` does, and sets no timer.
#[tokio::test(start_paused = true)]
async fn no_limit_waits_however_long_it_takes() {
    for limit in [None, Some(Duration::MAX)] {
        let start = Instant::now();
        let work = async {
            sleep(A_YEAR).await;
            Ok::<_, ()>("at last")
        };
        assert_eq!(time_limit(limit, work).await, Ok("at last"));
        assert_eq!(start.elapsed(), A_YEAR);
    }
}

/// asyncio: a result that is there is returned, also by `timeout(0)`. Tokio: the work is polled first.
#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_is_enough_for_work_that_does_not_wait() {
    let work = async { Ok::<_, ()>("cached") };
    assert_eq!(time_limit(Some(Duration::ZERO), work).now_or_never(), Some(Ok("cached")));
}

/// asyncio: `timeout(0)` runs the body up to its first suspension, and `wait_for(coroutine, 0)` does not begin it.
/// Tokio's `timeout` is the first of them; for the second, see `timeout_and_wait`.
#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_lets_the_work_get_as_far_as_its_first_wait() {
    let steps = Count::default();
    let work = async {
        steps.add();
        yield_now().await;
        steps.add();
        Ok::<_, ()>(())
    };
    let start = Instant::now();
    assert_eq!(time_limit(Some(Duration::ZERO), work).await, Err(LimitError::TimedOut(Duration::ZERO)));
    assert_eq!((steps.get(), start.elapsed()), (1, ms(0)));
}

/// asyncio: the timer that was set first decides, and that is the one of the timeout: `TimeoutError`. Tokio: the work
/// is polled before the clock is looked at.
#[tokio::test(start_paused = true)]
async fn work_that_is_ready_in_the_instant_of_the_limit_is_in_time() {
    assert_eq!(time_limit(Some(ms(100)), load("home", 100)).await, Ok("home"));
}

/// But a task behind a handle has to run first, and whether it does before the timeout looks is a matter of order.
#[tokio::test(start_paused = true)]
async fn but_a_task_that_ends_in_that_instant_may_be_too_late() {
    let mut task = tokio::spawn(async {
        sleep(ms(50)).await;
        sleep(ms(50)).await;
    });
    assert!(timeout(ms(100), &mut task).await.is_err());
    assert!(task.await.is_ok());
}

/// asyncio: `timeout(0.001)` around work that computes for longer raises nothing if it ends without an await.
/// Tokio: the same. Nothing can cut off what does not yield, and its end is not compared with the clock.
#[tokio::test]
async fn but_work_that_never_yields_is_not_cut_off_and_counts_as_in_time() {
    let start = Instant::now();
    let work = async {
        compute(ms(5));
        Ok::<_, ()>("computed")
    };
    assert_eq!(time_limit(Some(ms(1)), work).await, Ok("computed"));
    assert!(start.elapsed() >= ms(5));
}

/// A task may use 128 of Tokio's resources in a turn; then they pretend not to be ready, and the timeout looks at the
/// clock. So a loop whose awaits are always ready is cut off all the same.
#[tokio::test]
async fn work_whose_awaits_are_always_ready_is_cut_off_all_the_same() {
    let always_free = Semaphore::new(1);
    let start = Instant::now();
    let work = async {
        while start.elapsed() < ms(20_000) {
            drop(always_free.acquire().await);
        }
        Ok::<_, ()>(())
    };
    assert_eq!(time_limit(Some(ms(2)), work).await, Err(LimitError::TimedOut(ms(2))));
}

/// Tokio: the work is dropped before the error is returned.
#[tokio::test(start_paused = true)]
async fn what_its_values_do_in_drop_is_done_when_the_error_is_there() {
    let closed = Count::default();
    let connection = closed.on_drop();
    let work = async move {
        let _connection = connection;
        for_ever::<Result<(), ()>>().await
    };
    assert!(time_limit(Some(ms(100)), work).await.is_err());
    assert_eq!(closed.get(), 1);
}

/// asyncio: the clean-up in a `finally` runs, and is waited for. Tokio: no line after the await is reached.
#[tokio::test(start_paused = true)]
async fn but_clean_up_that_awaits_is_not_begun() {
    let log = Log::default();
    let work = async {
        let rows = load("slow", 500).await;
        log.at("clean-up");
        rows
    };
    assert!(time_limit(Some(ms(100)), work).await.is_err());
    sleep(ms(1_000)).await;
    assert!(log.take().is_empty());
}

/// asyncio: `wait_for(task, limit)` cancels the task. Tokio: what is dropped is the handle, and that detaches.
#[tokio::test(start_paused = true)]
async fn but_around_a_join_handle_it_lets_the_task_run_on() {
    let finished = Count::default();
    let work = |finished: Count| async move {
        sleep(ms(500)).await;
        finished.add();
    };
    assert!(timeout(ms(100), tokio::spawn(work(finished.clone()))).await.is_err());
    assert_eq!(alive_tasks(), 1);
    sleep(ms(1_000)).await;
    assert_eq!(finished.get(), 1);

    let mended = AbortOnDropHandle::new(tokio::spawn(work(finished.clone())));
    assert!(timeout(ms(100), mended).await.is_err());
    sleep(ms(1_000)).await;
    assert_eq!(finished.get(), 1);
}

/// asyncio: when the outer task is cancelled, so is what it waits for. Tokio: dropped with it.
#[tokio::test(start_paused = true)]
async fn a_cancelled_caller_drops_the_work() {
    let dropped = Count::default();
    let guard = dropped.on_drop();
    let caller = tokio::spawn(time_limit(Some(ms(500)), async move {
        let _guard = guard;
        for_ever::<Result<(), ()>>().await
    }));
    sleep(ms(100)).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(dropped.get(), 1);
}

/// asyncio: an exception in the clean-up is raised instead of `TimeoutError`. Tokio: only a panic in a drop can.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_the_work_goes_on_in_the_caller() {
    let work = async {
        let _panics = OnDrop(panics_in_drop);
        for_ever::<Result<(), ()>>().await
    };
    let panic = AssertUnwindSafe(time_limit(Some(ms(100)), work)).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"a panic"));
}

/// asyncio: `timeout` outside a task is a `RuntimeError`. Tokio: outside a runtime with a clock it panics.
#[test]
fn but_without_a_clock_it_panics_if_there_is_a_limit() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let work = || async { Ok::<_, ()>("quick") };
    assert_eq!(runtime.block_on(time_limit(None, work())), Ok("quick"));
    let limited = AssertUnwindSafe(time_limit(Some(ms(1)), work())).catch_unwind();
    let panic = runtime.block_on(limited).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("timers are disabled"), "no enable_time()");
}

/// asyncio: `wait_for` counts from its first step, `timeout(delay)` from the call. Tokio's `timeout`: from the call.
#[tokio::test(start_paused = true)]
async fn the_limit_counts_from_the_first_poll_and_that_of_a_bare_timeout_from_the_call() {
    let (limited, bare) = (time_limit(Some(ms(100)), load("home", 50)), timeout(ms(100), load("home", 50)));
    sleep(ms(200)).await;
    assert_eq!(limited.await, Ok("home"));
    assert!(bare.await.is_err());
}

/// asyncio: `TimeoutError` is an `OSError`. Tokio: an `Elapsed` becomes an `io::Error` of the kind `TimedOut`.
#[tokio::test(start_paused = true)]
async fn an_elapsed_becomes_an_io_error_that_says_timed_out() {
    async fn read() -> std::io::Result<()> {
        timeout(ms(10), for_ever()).await?
    }
    assert_eq!(read().await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

/// Ten thousand timers have one deadline: the last to fire is no later than the first.
#[tokio::test(start_paused = true)]
async fn ten_thousand_limits_are_over_in_the_same_instant() {
    let start = Instant::now();
    let limits = (0..10_000).map(|_| time_limit(Some(ms(100)), load("slow", 200)));
    let late = futures::future::join_all(limits).await;
    assert!(late.iter().all(|result| *result == Err(LimitError::TimedOut(ms(100)))));
    assert_eq!(start.elapsed(), ms(100));
}

/// Also with a timer that is set later than the limit.
#[tokio::test(start_paused = true)]
async fn work_of_two_timers_in_the_instant_of_the_limit_is_in_time() {
    assert_eq!(time_limit(Some(ms(100)), two_timers()).await, Ok(Some("in time")));
}
