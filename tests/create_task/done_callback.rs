//! Lessons of the pattern `done_callback`.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use create_task::done_callback::Announced;
use futures::future::pending;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::{Entries, OnDrop, alive_tasks, ms, panics};
use crate::work::done_callback::tells;
use crate::work::load;

/// asyncio: a done callback is called once, with the finished task, in whatever way the task ended.
#[tokio::test(start_paused = true)]
async fn it_is_called_once_however_the_task_ended() {
    let log = Entries::default();
    for (name, outcome) in [("a", "value"), ("bad", "error"), ("panics", "panic")] {
        let task = Announced::new(tokio::spawn(load((name, 100))));
        task.add_done_callback(tells(&log));
        sleep(ms(200)).await;
        assert_eq!(log.take(), [outcome]);
        drop(task);
        yield_now().await;
        assert!(log.take().is_empty());
    }
}

/// asyncio: a done callback is also called for a cancelled task, even if it was cancelled before it began.
#[tokio::test(start_paused = true)]
async fn it_is_called_for_an_aborted_task_also_for_one_that_never_began() {
    let log = Entries::default();
    for millis in [0, 50] {
        let task = Announced::new(tokio::spawn(load(("a", 100))));
        task.add_done_callback(tells(&log));
        if millis > 0 {
            sleep(ms(millis)).await;
        }
        task.abort();
        assert!(log.take().is_empty(), "an abort is a request");
        assert!(task.join().await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["cancelled"]);
    }
}

/// The hazard: code after the work in the same task does not run if the work panics or is aborted.
#[tokio::test(start_paused = true)]
async fn but_code_after_the_await_is_left_out_by_a_panic_and_an_abort() {
    let log = Entries::default();
    for name in ["a", "panics", "aborted"] {
        let log = log.clone();
        let task = tokio::spawn(async move {
            let _result = load((name, 100)).await;
            log.add(name);
        });
        if name == "aborted" {
            task.abort();
        }
    }
    sleep(ms(200)).await;
    assert_eq!(log.take(), ["a"]);
}

/// asyncio: an exception that is never retrieved is logged when the task is collected. Tokio: an `Err` in a dropped
/// handle is lost; a callback gets it.
#[tokio::test(start_paused = true)]
async fn an_error_that_nobody_waits_for_is_heard() {
    let log = Entries::default();
    let task = Announced::new(tokio::spawn(load(("bad", 100))));
    task.add_done_callback(tells(&log));
    drop(task);
    sleep(ms(200)).await;
    assert_eq!((log.take(), alive_tasks()), (vec!["error"], 0));
}

/// asyncio: callbacks are called by `call_soon` in the order in which they were added, before the task that awaits goes
/// on. Here: all of them are called before `join` returns.
#[tokio::test(start_paused = true)]
async fn callbacks_are_called_in_their_order_and_before_join_returns() {
    let log = Entries::default();
    let task = Announced::new(tokio::spawn(load(("a", 100))));
    for entry in ["first", "second", "third"] {
        let log = log.clone();
        task.add_done_callback(move |_| log.add(entry));
    }
    assert_eq!(task.join().await.unwrap(), Ok("a"));
    log.add("joined");
    assert_eq!(log.take(), ["first", "second", "third", "joined"]);
}

/// On many threads too: they are called by one task, one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callbacks_are_called_in_their_order_on_many_threads() {
    let called = Arc::new(Mutex::new(Vec::new()));
    let (go_on, may_go_on) = oneshot::channel();
    let task = Announced::new(tokio::spawn(may_go_on));
    let mut go_on = Some(go_on);
    for n in 0..1_000 {
        let called = called.clone();
        task.add_done_callback(move |_| called.lock().unwrap().push(n));
        if n == 500 {
            // The other callbacks are added while the first ones are called.
            go_on.take().unwrap().send(()).unwrap();
        }
    }
    task.join().await.unwrap().unwrap();
    assert!(called.lock().unwrap().iter().copied().eq(0..1_000));
}

/// asyncio: `add_done_callback` on a task that is done calls it soon, not at once.
#[tokio::test]
async fn for_a_task_that_is_done_it_is_called_soon_and_not_at_once() {
    let log = Entries::default();
    let task = Announced::new(tokio::spawn(async { Ok("a") }));
    yield_now().await;
    for _ in 0..2 {
        task.add_done_callback(tells(&log));
        assert!(log.take().is_empty());
        yield_now().await;
        assert_eq!(log.take(), ["value"]);
    }
}

/// asyncio: `remove_done_callback` returns how many it removed: zero after the call.
#[tokio::test(start_paused = true)]
async fn a_removed_callback_is_not_called_and_a_called_one_cannot_be_removed() {
    let log = Entries::default();
    let task = Announced::new(tokio::spawn(load(("a", 100))));
    let removed = task.add_done_callback(|_| unreachable!("it was removed"));
    let called = task.add_done_callback(tells(&log));
    assert!(removed.remove());
    task.join().await.unwrap().unwrap();
    assert_eq!(log.take(), ["value"]);
    assert!(!called.remove());
}

/// asyncio: an exception in a callback goes to the loop's exception handler, and the next one is called. Tokio:
/// the panic hook is the handler.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_callback_does_not_keep_the_next_from_being_called() {
    let log = Entries::default();
    let task = Announced::new(tokio::spawn(load(("a", 100))));
    task.add_done_callback(|_| panic!("in the callback"));
    task.add_done_callback(tells(&log));
    assert_eq!(task.join().await.unwrap(), Ok("a"));
    assert_eq!(log.take(), ["value"]);
}

/// A callback may start a task of its own.
#[tokio::test(start_paused = true)]
async fn a_callback_runs_inside_the_runtime() {
    let (answer, hear) = oneshot::channel();
    let task = Announced::new(tokio::spawn(load(("a", 100))));
    task.add_done_callback(|_| {
        tokio::spawn(async { answer.send("from a task of the callback") });
    });
    assert_eq!(hear.await, Ok("from a task of the callback"));
    drop(task);
}

/// asyncio: callbacks that are left when the loop closes are never called. Here: the same; they are dropped.
#[test]
fn a_callback_that_was_not_called_is_dropped_with_the_runtime() {
    let log = Entries::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let task = runtime.block_on(async { Announced::new(tokio::spawn(pending::<()>())) });
    let (guard, called) = (log.on_drop("dropped"), log.clone());
    drop(task.add_done_callback(move |_| {
        let _guard = guard;
        called.add("called");
    }));
    drop(runtime);
    assert_eq!(log.take(), ["dropped"]);
    task.add_done_callback(|_| unreachable!("there is no runtime"));
}

/// Any value can be the payload of a panic, also one whose destructor panics.
#[tokio::test(start_paused = true)]
async fn a_payload_that_panics_when_dropped_costs_no_callback() {
    let log = Entries::default();
    let task = Announced::new(tokio::spawn(load(("a", 100))));
    task.add_done_callback(|_| resume_unwind(Box::new(OnDrop(|| panics("dropped")))));
    task.add_done_callback(tells(&log));
    assert_eq!(task.join().await.unwrap(), Ok("a"));
    assert_eq!(log.take(), ["value"]);
}

/// asyncio: `RuntimeError`, "Task cannot await on itself". Here: a panic of the task.
#[tokio::test(start_paused = true)]
async fn a_task_that_awaits_itself_panics() {
    let (give, me) = oneshot::channel::<Announced<()>>();
    let task = tokio::spawn(async move { me.await.unwrap().join().await.unwrap() });
    let itself = task.abort_handle();
    assert!(give.send(Announced::new(task)).is_ok());
    sleep(ms(1)).await;
    assert!(itself.is_finished());
}
