//! Lessons of the pattern `owner`.

use create_task::owner::{Outbox, Refreshed};
use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::support::{Entries, alive_tasks, ms, soon};
use crate::work::load;
use crate::work::owner::work;

/// asyncio: a task without a reference may be destroyed half way by the garbage collector. Tokio: it is
/// detached, and runs on.
#[tokio::test(start_paused = true)]
async fn a_dropped_join_handle_lets_the_task_run_on() {
    let log = Entries::default();
    drop(tokio::spawn(work(log.clone())));
    sleep(ms(200)).await;
    assert_eq!(log.take(), ["finished", "dropped"]);
}

/// asyncio and Tokio: a task does not end with the task that started it.
#[tokio::test(start_paused = true)]
async fn a_task_outlives_the_task_that_started_it() {
    let log = Entries::default();
    tokio::spawn({
        let log = log.clone();
        async move { drop(tokio::spawn(work(log))) }
    })
    .await
    .unwrap();
    assert_eq!((log.take(), alive_tasks()), (vec![], 1));
    sleep(ms(200)).await;
    assert_eq!(log.take(), ["finished", "dropped"]);
}

/// asyncio: `asyncio.run` cancels the remaining tasks and waits for them. Tokio: the runtime drops them at their
/// current await.
#[test]
fn a_detached_task_ends_where_it_stands_when_the_runtime_does() {
    let log = Entries::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        tokio::spawn(work(log.clone()));
        sleep(ms(50)).await;
    });
    assert!(log.take().is_empty());
    drop(runtime);
    assert_eq!(log.take(), ["dropped"]);
}

/// asyncio: `try: ... finally: task.cancel()`. Tokio: the drop of the handle asks the task to end, and it ends at its
/// next turn.
#[tokio::test(start_paused = true)]
async fn a_dropped_abort_on_drop_handle_asks_the_task_to_end() {
    let log = Entries::default();
    let task = AbortOnDropHandle::new(tokio::spawn(work(log.clone())));
    sleep(ms(50)).await;
    drop(task);
    assert!(log.take().is_empty(), "not yet");
    yield_now().await;
    assert_eq!(log.take(), ["dropped"]);
}

/// asyncio: `task.cancel()`, then `await task`. Tokio: the same two steps, if the task has to be gone.
#[tokio::test(start_paused = true)]
async fn abort_and_await_to_know_that_a_task_is_gone() {
    let log = Entries::default();
    let task = AbortOnDropHandle::new(tokio::spawn(work(log.clone())));
    sleep(ms(50)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(log.take(), ["dropped"]);
}

/// Tokio: dropping a `JoinSet` aborts its tasks; `shutdown` also waits for their end; `detach_all` lets them run on.
#[tokio::test(start_paused = true)]
async fn a_join_set_ends_its_tasks_unless_they_are_detached() {
    let log = Entries::default();
    let set = || -> JoinSet<()> { (0..2).map(|_| work(log.clone())).collect() };

    let dropped = set();
    sleep(ms(50)).await;
    drop(dropped);
    assert!(log.take().is_empty(), "not yet");
    yield_now().await;
    assert_eq!(log.take(), ["dropped", "dropped"]);

    let mut shut_down = set();
    sleep(ms(50)).await;
    shut_down.shutdown().await;
    assert_eq!(log.take(), ["dropped", "dropped"], "at once");

    let mut detached = set();
    detached.detach_all();
    drop(detached);
    sleep(ms(200)).await;
    assert_eq!(log.take(), ["finished", "dropped", "finished", "dropped"]);
}

/// Tokio: a `TaskTracker` owns no task and ends none. Every clone knows how many tasks are left.
#[tokio::test(start_paused = true)]
async fn a_dropped_tracker_lets_its_tasks_run_on_and_a_clone_can_wait_for_them() {
    let log = Entries::default();
    let (tracker, start) = (TaskTracker::new(), Instant::now());
    tracker.spawn(work(log.clone()));
    let clone = tracker.clone();
    drop(tracker);
    assert_eq!(clone.len(), 1);
    clone.close();
    soon(clone.wait()).await;
    assert_eq!((log.take(), start.elapsed()), (vec!["finished", "dropped"], ms(100)));
}

/// The hazard: a tracker that was not closed may get more tasks, so `wait` does not end, even when it is empty.
#[tokio::test(start_paused = true)]
async fn but_a_tracker_that_was_not_closed_is_waited_for_without_end() {
    let tracker = TaskTracker::new();
    assert!(timeout(ms(3_600_000), tracker.wait()).await.is_err());
    tracker.close();
    soon(tracker.wait()).await;
}

/// The hazard: a closed tracker refuses no task. [`Outbox::close`] consumes the outbox, so no caller can add one.
#[tokio::test(start_paused = true)]
async fn but_a_closed_tracker_still_takes_tasks() {
    let log = Entries::default();
    let tracker = TaskTracker::new();
    tracker.close();
    tracker.wait().await;
    tracker.spawn(work(log.clone()));
    sleep(ms(200)).await;
    assert_eq!(log.take(), ["finished", "dropped"]);
}

/// A value with a counter: each load takes 50 ms and increments it.
fn refreshed(log: &Entries<&'static str>) -> Refreshed<u32> {
    let (log, mut version) = (log.clone(), 0);
    Refreshed::new(0, ms(100), move || {
        version += 1;
        let log = log.clone();
        async move {
            let _guard = log.on_drop("load ended");
            sleep(ms(50)).await;
            assert!(version < 4, "there are three versions");
            version
        }
    })
}

/// asyncio: a background task that sets an attribute. Tokio: the task is a field of the value that it loads.
#[tokio::test(start_paused = true)]
async fn a_value_is_kept_fresh_by_its_task() {
    let log = Entries::default();
    let value = refreshed(&log);
    let mut seen = Vec::new();
    for millis in [149, 2, 148, 2] {
        sleep(ms(millis)).await;
        seen.push(value.get());
    }
    assert_eq!(seen, [0, 1, 1, 2], "a load of 50 ms, 100 ms after the one before");
    assert!(value.is_kept_fresh());
}

/// asyncio: the task has a reference to its object and keeps it alive. Tokio: the task is a field and ends with the
/// value.
#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_value_that_it_keeps_fresh() {
    let log = Entries::default();
    let value = refreshed(&log);
    sleep(ms(120)).await;
    drop(value);
    yield_now().await;
    assert_eq!((log.take(), alive_tasks()), (vec!["load ended"], 0), "in the middle of a load");
}

/// The hazard of every background task: it may have ended long ago. The caller has to ask.
#[tokio::test(start_paused = true)]
async fn after_a_panic_the_value_is_stale_and_says_so() {
    let value = refreshed(&Entries::default());
    sleep(ms(599)).await;
    assert_eq!((value.get(), value.is_kept_fresh()), (3, true));
    sleep(ms(2)).await;
    assert_eq!((value.get(), value.is_kept_fresh()), (3, false));
}

/// asyncio: `gather(*tasks, return_exceptions=True)` before the exit. Tokio: a closed `TaskTracker`.
#[tokio::test(start_paused = true)]
async fn closing_an_outbox_waits_for_every_delivery_also_one_that_panics() {
    let start = Instant::now();
    let outbox = Outbox::default();
    for delivery in [("a", 100), ("panics", 200), ("b", 300)] {
        outbox.send(async move {
            let _answer = load(delivery).await;
        });
    }
    soon(outbox.close()).await;
    assert_eq!((start.elapsed(), alive_tasks()), (ms(300), 0));
}

/// A `TaskTracker` without tasks is done when it is closed: the first poll is ready.
#[tokio::test]
async fn an_empty_outbox_closes_at_once() {
    assert_eq!(Outbox::default().close().now_or_never(), Some(()));
}

/// A shutdown with a limit: deliveries that are not done by then go on until the runtime ends.
#[tokio::test(start_paused = true)]
async fn a_limit_on_closing_ends_the_wait_and_not_the_delivery() {
    let log = Entries::default();
    let outbox = Outbox::default();
    outbox.send(work(log.clone()));
    assert!(timeout(ms(50), outbox.close()).await.is_err());
    assert!(log.take().is_empty());
    sleep(ms(100)).await;
    assert_eq!(log.take(), ["finished", "dropped"]);
}
