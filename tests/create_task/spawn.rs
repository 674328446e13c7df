//! Lessons of the pattern `spawn`.
use create_task::spawn::{Failure, alongside, collect};
use futures::FutureExt;
use futures::future::pending;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

use crate::support::{Entries, OnDrop, alive_tasks, ms, panics};
use crate::work::load;

/// asyncio: awaiting the task gives its result. Tokio: so does awaiting the handle, in a `Result` of its own.
#[tokio::test(start_paused = true)]
async fn awaiting_a_task_gives_its_result() {
    let start = Instant::now();
    let task = tokio::spawn(load(("a", 100)));
    assert_eq!(task.await.unwrap(), Ok("a"));
    assert_eq!(start.elapsed(), ms(100));
}

/// asyncio: a task has not started before its creator yields. Tokio: the same on one thread.
#[tokio::test]
async fn a_task_has_not_started_when_spawn_returns() {
    let log = Entries::default();
    let task = tokio::spawn({
        let log = log.clone();
        async move { log.add("started") }
    });
    assert!(log.take().is_empty());
    task.await.unwrap();
    assert_eq!(log.take(), ["started"]);
}

/// The hazard: on a multi-thread runtime the task starts on another thread while its creator goes on. Here the
/// creator does not yield until it has heard from the task.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn but_on_many_threads_it_starts_while_its_creator_goes_on() {
    let (started, hear) = std::sync::mpsc::channel();
    let task = tokio::spawn(async move { started.send("started").unwrap() });
    assert_eq!(hear.recv(), Ok("started"));
    task.await.unwrap();
}

/// asyncio: tasks start in the order in which they were created. Tokio: the same on one thread.
#[tokio::test]
async fn tasks_start_in_the_order_in_which_they_were_spawned() {
    assert_eq!(order_of_starts().await, ["1", "2", "3", "4"]);
}

/// The hazard: a worker of the multi-thread runtime runs the task spawned last first, because its data are still in the
/// cache. Here there is one worker, so no other takes a task before.
#[test]
fn but_a_worker_of_many_starts_the_last_one_first() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let order = runtime.block_on(async { tokio::spawn(order_of_starts()).await.unwrap() });
    assert_eq!(order, ["4", "1", "2", "3"]);
}

async fn order_of_starts() -> Vec<&'static str> {
    let log = Entries::default();
    let tasks = ["1", "2", "3", "4"].map(|name| {
        let log = log.clone();
        tokio::spawn(async move { log.add(name) })
    });
    for task in tasks {
        task.await.unwrap();
    }
    log.take()
}

/// asyncio and Tokio: a task runs without being awaited; a coroutine or future does not.
#[tokio::test(start_paused = true)]
async fn a_task_makes_progress_while_its_creator_does_something_else() {
    let start = Instant::now();
    let (result, meanwhile) = alongside(load(("a", 300)), sleep(ms(200)).map(|()| "done")).await;
    assert_eq!((result, meanwhile, start.elapsed()), (Ok("a"), "done", ms(300)));

    let start = Instant::now();
    let not_spawned = load(("a", 300));
    sleep(ms(200)).await;
    assert_eq!(not_spawned.await, Ok("a"));
    assert_eq!(start.elapsed(), ms(500), "one after the other");
}

/// asyncio: `cancel()` is a request, and `done()` is still false after it. Tokio: the same, but `abort()` does not
/// return whether the task was still pending.
#[tokio::test]
async fn an_abort_is_a_request_and_the_task_is_not_finished_yet() {
    let task = tokio::spawn(pending::<()>());
    yield_now().await;
    task.abort();
    assert!(!task.is_finished());
    yield_now().await;
    assert!(task.is_finished());
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

/// asyncio: `cancel()` of a task that is done returns `False` and changes nothing. Tokio: it changes nothing either.
#[tokio::test(start_paused = true)]
async fn an_abort_of_a_finished_task_changes_nothing() {
    let task = tokio::spawn(load(("a", 100)));
    sleep(ms(200)).await;
    task.abort();
    assert_eq!(collect(task).await, Ok("a"));
}

/// asyncio and Tokio: the body of a task that is cancelled before it started never runs.
#[tokio::test]
async fn a_task_aborted_before_it_starts_never_runs() {
    let log = Entries::default();
    let task = tokio::spawn({
        let log = log.clone();
        let guard = log.on_drop("dropped");
        async move {
            let _guard = guard;
            log.add("started");
        }
    });
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(log.take(), ["dropped"], "what it was given is cleaned up all the same");
}

/// asyncio: `cancel()` takes effect at an await. Tokio: so does `abort()`: work between two awaits is not
/// interrupted, and a task that comes to its end before another await has a value.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_abort_does_not_interrupt_work_that_does_not_await() {
    let (entered, has_entered) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let task = tokio::spawn(async move {
        entered.send(()).unwrap();
        may_go_on.recv().unwrap()
    });
    has_entered.recv().unwrap();
    task.abort();
    go_on.send("value").unwrap();
    assert_eq!(task.await.unwrap(), "value");
}

/// asyncio: an exception that is never retrieved is at least logged when the task is collected. Tokio: an `Err` in a
/// dropped handle is lost without a trace; the panic hook prints a panic.
#[tokio::test(start_paused = true)]
async fn an_error_that_nobody_collects_is_lost() {
    let log = Entries::default();
    tokio::spawn({
        let log = log.clone();
        async move { load(("bad", 100)).await.inspect_err(|_| log.add("only the task itself knows")) }
    });
    sleep(ms(200)).await;
    assert_eq!((log.take(), alive_tasks()), (vec!["only the task itself knows"], 0));
}

/// asyncio: cancelling a task that awaits another cancels the other. Tokio: a bare handle lets it run on.
#[tokio::test(start_paused = true)]
async fn an_awaited_task_runs_on_when_the_one_who_awaits_is_aborted() {
    let outer = tokio::spawn(async { tokio::spawn(load(("a", 300))).await });
    sleep(ms(100)).await;
    outer.abort();
    assert!(outer.await.unwrap_err().is_cancelled());
    assert_eq!(alive_tasks(), 1);

    let outer = tokio::spawn(alongside(load(("a", 300)), async {}));
    sleep(ms(250)).await;
    assert_eq!(alive_tasks(), 2, "the first has ended by now; these are outer and inner");
    outer.abort();
    assert!(outer.await.unwrap_err().is_cancelled());
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}

/// asyncio and Tokio: tasks that sleep overlap, so their number adds no time.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_tasks_sleep_as_long_as_one() {
    let start = Instant::now();
    let tasks: Vec<_> = (0..100_000_usize).map(|n| tokio::spawn(sleep(ms(100)).map(move |()| n))).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), n);
    }
    assert_eq!(start.elapsed(), ms(100));
}

/// Any value can be the payload of a panic, even one whose destructor panics.
#[tokio::test]
async fn a_payload_that_panics_when_dropped_is_a_failure() {
    let task = tokio::spawn(async { std::panic::resume_unwind(Box::new(OnDrop(|| panics("dropped")))) });
    let failure = collect::<(), ()>(task).await.unwrap_err();
    assert_eq!(failure, Failure::Panicked("a value that is not text".to_owned()));
}

/// asyncio: "Task cannot await on itself". Tokio: the task does not notice that the handle is its own. A timeout ends
/// it.
#[tokio::test(start_paused = true)]
async fn but_a_task_that_awaits_its_own_handle_hangs() {
    let (give, own) = oneshot::channel::<JoinHandle<Result<(), ()>>>();
    let task = tokio::spawn(async move { collect(own.await.unwrap()).await.map_err(drop) });
    let is_alive = task.abort_handle();
    give.send(task).unwrap();
    sleep(ms(60_000)).await;
    assert!(!is_alive.is_finished());
    is_alive.abort();
}
