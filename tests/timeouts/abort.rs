//! Lessons of the pattern `abort`.

use std::future::ready;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use timeouts::abort::{TaskEnd, abort_all_and_wait, abort_and_wait};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::support::{Count, Log, OnDrop, alive_tasks, ms, panics};
use crate::work::{for_ever, load, panics_in_drop};

/// asyncio: `cancel()` is a request; `await task` tells that it has been granted. Tokio: the same with `abort`.
#[tokio::test(start_paused = true)]
async fn an_abort_is_a_request_and_the_task_is_gone_after_the_wait() {
    let dropped = Count::default();
    let guard = dropped.on_drop();
    let task = tokio::spawn(async move {
        let _guard = guard;
        for_ever::<()>().await;
    });
    yield_now().await;
    task.abort();
    assert_eq!((task.is_finished(), dropped.get()), (false, 0));
    assert_eq!(abort_and_wait(task).await, TaskEnd::Aborted);
    assert_eq!((dropped.get(), alive_tasks()), (1, 0));
}

/// asyncio: a task that is cancelled before its first step never runs. Tokio: the same.
#[tokio::test]
async fn a_task_that_has_not_begun_does_not_begin() {
    let begun = Count::default();
    let begins = begun.clone();
    let task = tokio::spawn(async move { begins.add() });
    assert_eq!(abort_and_wait(task).await, TaskEnd::Aborted);
    assert_eq!(begun.get(), 0);
}

/// asyncio: `cancel()` of a task that is done returns false, and its result stays. Tokio: `abort` returns nothing.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_done_keeps_its_result() {
    let task = tokio::spawn(load("home", 10));
    sleep(ms(20)).await;
    assert_eq!(abort_and_wait(task).await, TaskEnd::Finished(Ok("home")));
}

/// asyncio: `await` gives a value, `CancelledError` or an exception. Here: `TaskEnd` has a variant for each.
#[tokio::test(start_paused = true)]
async fn finished_aborted_and_panicked_are_told_apart() {
    let aborted = tokio::spawn(for_ever::<&str>());
    let finished = tokio::spawn(async { "done" });
    let panicked = tokio::spawn(async { panics("a panic") });
    sleep(ms(10)).await;
    let ends = abort_all_and_wait([aborted, finished, panicked]).await;
    assert_eq!(ends, [TaskEnd::Aborted, TaskEnd::Finished("done"), TaskEnd::Panicked("a panic".to_owned())]);
}

/// asyncio: an exception in a `finally` takes the place of the cancellation. Tokio: a panic in a drop does.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_an_aborted_task_is_told() {
    let task = tokio::spawn(async {
        let _panics = OnDrop(panics_in_drop);
        for_ever::<()>().await;
    });
    yield_now().await;
    assert_eq!(abort_and_wait(task).await, TaskEnd::Panicked("a panic".to_owned()));

    let not_text = tokio::spawn(async { resume_unwind(Box::new(7)) });
    yield_now().await;
    assert_eq!(
        abort_and_wait::<()>(not_text).await,
        TaskEnd::Panicked("a value that is not text".to_owned())
    );
}

/// asyncio: `except CancelledError` may refuse. Tokio: nothing in the task is asked, and nothing after the await runs.
#[tokio::test(start_paused = true)]
async fn but_a_task_cannot_refuse_and_cannot_await_any_more() {
    let log = Log::default();
    let logs = log.clone();
    let task = tokio::spawn(async move {
        let rows = load("rows", 500).await;
        logs.at("clean-up");
        rows
    });
    sleep(ms(10)).await;
    assert_eq!(abort_and_wait(task).await, TaskEnd::Aborted);
    sleep(ms(1_000)).await;
    assert!(log.take().is_empty());
}

/// asyncio: after `current_task().cancel()` a task goes on until it really has to wait. Tokio: the same.
#[tokio::test(start_paused = true)]
async fn a_task_that_aborts_itself_ends_where_it_really_waits() {
    let (log, own) = (Log::default(), Arc::new(Mutex::new(None::<tokio::task::AbortHandle>)));
    let (logs, aborts) = (log.clone(), own.clone());
    let task = tokio::spawn(async move {
        aborts.lock().unwrap().take().unwrap().abort();
        logs.add("after the abort");
        ready(()).await;
        logs.add("after an await that is ready");
        yield_now().await;
        logs.add("after one that is not");
    });
    *own.lock().unwrap() = Some(task.abort_handle());
    assert_eq!(TaskEnd::from(task.await), TaskEnd::Aborted);
    assert_eq!(log.take(), ["after the abort", "after an await that is ready"]);
}

/// asyncio: a task that cancels itself and returns is cancelled. Tokio: it has finished.
#[tokio::test(start_paused = true)]
async fn but_one_that_aborts_itself_and_returns_has_finished() {
    let own = Arc::new(Mutex::new(None::<tokio::task::AbortHandle>));
    let aborts = own.clone();
    let task = tokio::spawn(async move {
        aborts.lock().unwrap().take().unwrap().abort();
        "returned"
    });
    *own.lock().unwrap() = Some(task.abort_handle());
    assert_eq!(TaskEnd::from(task.await), TaskEnd::Finished("returned"));
}

/// asyncio: the cancellation goes through to the task that is awaited. Tokio: its handle is dropped, it runs on.
#[tokio::test(start_paused = true)]
async fn but_an_abort_does_not_go_through_to_the_task_that_is_awaited() {
    let inner = || tokio::spawn(for_ever::<()>());
    let outer = tokio::spawn(async move { inner().await.is_ok() });
    sleep(ms(10)).await;
    assert_eq!(abort_and_wait(outer).await, TaskEnd::Aborted);
    assert_eq!(alive_tasks(), 1);

    let mended = tokio::spawn(async move { AbortOnDropHandle::new(inner()).await.is_ok() });
    sleep(ms(10)).await;
    assert_eq!(abort_and_wait(mended).await, TaskEnd::Aborted);
    yield_now().await;
    assert_eq!(alive_tasks(), 1, "the one from above");
}

/// asyncio: the awaiter of a cancelled task gets a `CancelledError`, as if cancelled itself. Tokio: a value.
#[tokio::test(start_paused = true)]
async fn the_abort_of_an_inner_task_is_a_value_for_the_outer_one() {
    let inner = tokio::spawn(for_ever::<()>());
    let abort = inner.abort_handle();
    let outer = tokio::spawn(async move { if inner.await.is_err() { "went on" } else { "finished" } });
    sleep(ms(10)).await;
    abort.abort();
    assert_eq!(outer.await.unwrap(), "went on");
}

/// asyncio: the task is lost in either case. Tokio: `abort` is called before the future is polled, or dropped.
#[tokio::test(start_paused = true)]
async fn the_tasks_are_aborted_at_the_call() {
    let [one, two, three] = [(); 3].map(|()| tokio::spawn(for_ever::<()>()));
    drop(abort_and_wait(one));
    drop(abort_all_and_wait([two, three]));
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: a thread of `to_thread` runs to its end, and its result is lost. Tokio: to its end, and nothing is lost.
#[tokio::test]
async fn blocking_work_that_has_begun_runs_to_its_end() {
    let (begun, begins) = oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let task = tokio::task::spawn_blocking(move || {
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
        "done"
    });
    begins.await.unwrap();
    let waiting = abort_and_wait(task);
    go_on.send(()).unwrap();
    assert_eq!(waiting.await, TaskEnd::Finished("done"));
}

/// asyncio: cancelling a queued executor job takes it out of the queue. Tokio: so does `abort`.
#[test]
fn blocking_work_that_is_queued_does_not_begin() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (go_on, may_go_on) = std::sync::mpsc::channel();
        let running = tokio::task::spawn_blocking(move || may_go_on.recv());
        let queued = tokio::task::spawn_blocking(|| panic!("it was aborted before"));
        let waiting = abort_and_wait::<()>(queued);
        go_on.send(()).unwrap();
        assert_eq!(waiting.await, TaskEnd::Aborted);
        assert!(running.await.unwrap().is_ok());
    });
}

/// A task that computes comes to no wait: it runs to its end, and is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_task_that_computes_is_waited_for() {
    let (begun, begins) = oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let task = tokio::spawn(async move {
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
        "computed"
    });
    begins.await.unwrap();
    let waiting = abort_and_wait(task);
    go_on.send(()).unwrap();
    assert_eq!(waiting.await, TaskEnd::Finished("computed"));
}

/// asyncio: `gather(*tasks, return_exceptions=True)` after the cancels keeps the order. Here: the same.
#[tokio::test(start_paused = true)]
async fn none_or_ten_thousand_ends_stand_in_order() {
    assert_eq!(abort_all_and_wait::<()>([]).now_or_never(), Some(vec![]));
    let tasks: Vec<_> = (0..10_000_u32)
        .map(|n| {
            tokio::spawn(async move {
                if n % 2 == 0 {
                    for_ever::<()>().await;
                }
                n
            })
        })
        .collect();
    sleep(ms(1)).await;
    let ends = abort_all_and_wait(tasks).await;
    for (n, end) in ends.into_iter().enumerate() {
        assert_eq!(
            end,
            if n % 2 == 0 { TaskEnd::Aborted } else { TaskEnd::Finished(u32::try_from(n).unwrap()) }
        );
    }
    assert_eq!(alive_tasks(), 0);
}

/// A panic may hold a value whose destructor panics. It is an end like any other, and those after it are waited for.
#[tokio::test(start_paused = true)]
async fn a_panic_whose_drop_panics_is_told_too() {
    let panics = tokio::spawn(async { std::panic::panic_any(crate::support::PanicsWhenDropped) });
    let tasks = [panics, tokio::spawn(ready(2))];
    yield_now().await;
    let text = "a value that is not text".to_owned();
    assert_eq!(abort_all_and_wait(tasks).await, [TaskEnd::Panicked(text), TaskEnd::Finished(2)]);
}

/// asyncio refuses to cancel a `gather` whose results are there, and a task that is done keeps its own. Tokio: an abort
/// that comes when all ends are there, and their collector has not run yet, drops them with the collector. A collector
/// that borrows the handles leaves them to their owner.
#[tokio::test(start_paused = true)]
async fn but_an_abort_of_the_collector_drops_ends_that_are_there() {
    let tasks = [1, 2].map(|number| tokio::spawn(ready(number)));
    yield_now().await;
    assert!(tasks.iter().all(tokio::task::JoinHandle::is_finished));
    let collector = tokio::spawn(abort_all_and_wait(tasks));
    collector.abort();
    assert!(collector.await.unwrap_err().is_cancelled());

    let tasks = Arc::new(tokio::sync::Mutex::new([1, 2].map(|number| tokio::spawn(ready(number)))));
    let borrowed = tasks.clone();
    let collector = tokio::spawn(async move {
        let mut ends = Vec::new();
        for task in borrowed.lock().await.iter_mut() {
            ends.push(task.await);
        }
        ends
    });
    collector.abort();
    assert!(collector.await.unwrap_err().is_cancelled());
    for (task, number) in tasks.lock().await.iter_mut().zip([1, 2]) {
        assert_eq!(task.await.unwrap(), number);
    }
}
