//! Lessons of the pattern `drain`.

use std::time::Duration;

use context_managers::drain::{StillOpen, drain, run_and_drain};
use context_managers::scope::with;
use futures::FutureExt;
use futures::future::pending;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{Log, ms, panics};
use crate::work::drain::open_scope;

/// asyncio: `asyncio.run` cancels the tasks that are left and waits for their exits. Tokio: a runtime that ends drops
/// its tasks, clean-ups too. Only the resource's own `Drop` runs.
#[test]
fn without_it_the_clean_up_is_lost_when_the_runtime_ends() {
    let log = Log::default();
    for drained in [false, true] {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let cleanups = TaskTracker::new();
            let task = tokio::spawn(open_scope(cleanups.clone(), log.clone()));
            sleep(ms(10)).await;
            task.abort();
            if drained {
                assert_eq!(drain(&cleanups, ms(1_000)).await, Ok(()));
            }
        });
        drop(runtime);
        let expected = if drained { &["closed", "dropped"][..] } else { &["dropped"] };
        assert_eq!(log.take(), expected);
    }
}

/// The same for a scope that is open when the runtime ends: its clean-up cannot start any more.
#[test]
fn a_scope_that_is_open_when_the_runtime_ends_is_not_cleaned_up() {
    for threads in [0, 2] {
        let log = Log::default();
        let mut builder =
            if threads == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        let runtime = builder.worker_threads(threads.max(1)).enable_time().build().unwrap();
        let cleanups = TaskTracker::new();
        let (entered, is_entered) = oneshot::channel();
        runtime.spawn({
            let (cleanups, log) = (cleanups.clone(), log.clone());
            async move {
                with(
                    &cleanups,
                    async { Ok(log.on_drop("dropped")) },
                    async |_, _| {
                        entered.send(()).unwrap();
                        pending::<Result<(), ()>>().await
                    },
                    |_, _| unreachable!("there is no runtime any more"),
                )
                .await
            }
        });
        runtime.block_on(is_entered).unwrap();
        drop(runtime);
        assert_eq!(log.take(), ["dropped"]);
        assert!(cleanups.is_empty());
    }
}

/// A task that is aborted still runs for a moment. Its scope counts from the start, so nothing is missed.
#[tokio::test(start_paused = true)]
async fn a_scope_that_an_abort_has_not_reached_yet_is_waited_for() {
    let (log, cleanups) = (Log::default(), TaskTracker::new());
    let (task, start) = (tokio::spawn(open_scope(cleanups.clone(), log.clone())), Instant::now());
    yield_now().await;
    task.abort();
    assert!(!task.is_finished());
    assert_eq!(drain(&cleanups, ms(1_000)).await, Ok(()));
    assert_eq!(
        (log.take().as_slice(), start.elapsed()),
        (["closed", "dropped"].map(String::from).as_slice(), ms(100))
    );
}

/// A resource that is being opened has to be closed later, so it counts already.
#[tokio::test(start_paused = true)]
async fn a_scope_that_still_enters_is_waited_for() {
    let (log, cleanups) = (Log::default(), TaskTracker::new());
    let scope = tokio::spawn({
        let (log, cleanups) = (log.clone(), cleanups.clone());
        async move {
            let enter = sleep(ms(50)).map(Ok::<_, ()>);
            let clean_up = async move { log.at("closed") }.map(Ok);
            with(&cleanups, enter, async |_, _| Ok(()), |_, _| clean_up.boxed()).await
        }
    });
    yield_now().await;
    assert_eq!(drain(&cleanups, ms(1_000)).await, Ok(()));
    log.at("drained");
    assert_eq!(scope.await.unwrap(), Ok(()));
    assert_eq!(log.take(), [" 50 closed", " 50 drained"]);
}

/// asyncio: `asyncio.run` waits forever. Tokio: you say how long.
#[tokio::test(start_paused = true)]
async fn what_is_left_when_the_grace_period_is_over_is_counted() {
    let (log, cleanups) = (Log::default(), TaskTracker::new());
    let start = Instant::now();
    assert!(timeout(ms(10), open_scope(cleanups.clone(), log.clone())).await.is_err());
    let task = tokio::spawn(open_scope(cleanups.clone(), log.clone()));
    let still_open = drain(&cleanups, ms(50)).await;
    assert_eq!((still_open, start.elapsed()), (Err(StillOpen(2)), ms(60)));

    task.abort();
    assert_eq!(drain(&cleanups, ms(1_000)).await, Ok(()), "asked again, it waits for the rest");
    assert_eq!(start.elapsed(), ms(160));
    assert_eq!(log.take(), ["closed", "dropped", "closed", "dropped"]);
}

/// Without clean-ups a grace period of zero is enough: an empty tracker is done.
#[tokio::test]
async fn of_nothing_it_ends_at_once() {
    assert_eq!(drain(&TaskTracker::new(), Duration::ZERO).now_or_never(), Some(Ok(())));
    assert_eq!(run_and_drain(Duration::ZERO, async |_| 5).now_or_never(), Some((5, Ok(()))));
}

/// The hazard: a tracker that is not closed may get more tasks, so `wait` goes on.
#[tokio::test(start_paused = true)]
async fn but_to_wait_for_a_tracker_that_is_not_closed_never_ends() {
    let cleanups = TaskTracker::new();
    assert!(timeout(Duration::from_secs(3_600), cleanups.wait()).await.is_err());
}

/// asyncio: `asyncio.run` cleans up after a `main` that raises, too.
#[tokio::test(start_paused = true)]
async fn after_an_error_and_a_panic_of_main_it_drains_as_well() {
    let log = Log::default();
    let main = async |cleanups: &TaskTracker| {
        let _cancelled = timeout(ms(10), open_scope(cleanups.clone(), log.clone())).await;
        Err::<(), _>("disk full")
    };
    assert_eq!(run_and_drain(ms(1_000), main).await, (Err("disk full"), Ok(())));
    assert_eq!(log.take(), ["closed", "dropped"]);

    let task = tokio::spawn({
        let log = log.clone();
        async move {
            let main = async |cleanups: &TaskTracker| {
                let _cancelled = timeout(ms(10), open_scope(cleanups.clone(), log.clone())).await;
                panics::<()>("a panic");
            };
            run_and_drain(ms(1_000), main).await
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(log.take(), ["closed", "dropped"]);
}

/// asyncio: `wait_for` accepts a result in the instant of its limit. Here: so does the grace period, even for five
/// hundred clean-ups with two timers each.
#[tokio::test(start_paused = true)]
async fn clean_ups_that_are_due_with_the_grace_are_in_time() {
    for number in [1, 1_000] {
        let (start, cleanups) = (Instant::now(), TaskTracker::new());
        for _ in 0..number {
            cleanups.spawn(async {
                sleep(ms(50)).await;
                sleep(ms(50)).await;
                yield_now().await;
            });
        }
        assert_eq!((drain(&cleanups, ms(100)).await, start.elapsed()), (Ok(()), ms(100)), "{number}");
    }
}

/// Tokio does not show when all tasks that are due in an instant have run.
#[tokio::test(start_paused = true)]
async fn but_one_with_many_turns_in_that_instant_is_late() {
    let cleanups = TaskTracker::new();
    cleanups.spawn(async {
        sleep(ms(100)).await;
        for _ in 0..20 {
            yield_now().await;
        }
    });
    assert_eq!(drain(&cleanups, ms(100)).await, Err(StillOpen(1)));
}
