//! Lessons of the pattern `join_set`.

use std::future::pending;
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::{Mutex, Notify};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};

use crate::support::{PanicsWhenDropped, alive_tasks, ms, panics};
use crate::work::join_set::{page, try_join_all};
use crate::work::{Life, panic_of};

/// asyncio: a group waits for all its tasks; their values are in the tasks. Tokio: the values come in the order of
/// completion.
#[tokio::test(start_paused = true)]
async fn all_values_come_in_the_order_of_completion() {
    let start = Instant::now();
    let tasks = JoinSet::from_iter([page(300, "a"), page(100, "b"), page(200, "c")]);
    assert_eq!(try_join_all(tasks).await, Ok(vec!["b", "c", "a"]));
    assert_eq!(start.elapsed(), ms(300));
}

/// asyncio: an empty `TaskGroup` ends at once. Here: an empty list, at the first poll.
#[tokio::test(start_paused = true)]
async fn of_no_tasks_there_are_no_values_at_once() {
    assert_eq!(try_join_all(JoinSet::<Result<(), ()>>::new()).now_or_never(), Some(Ok(vec![])));
}

/// asyncio: the first exception cancels the other tasks, and the group waits for them. Tokio: no task is left when the
/// error is returned.
#[tokio::test(start_paused = true)]
async fn the_first_error_ends_the_others_and_waits_for_them() {
    let (start, life) = (Instant::now(), Life::default());
    let mut tasks = JoinSet::from_iter([page(100, "bad"), page(101, "bad too late")]);
    for _ in 0..3 {
        let life = life.clone();
        tasks.spawn(async move {
            let _life = life.begin();
            pending().await
        });
    }
    assert_eq!(try_join_all(tasks).await, Err("bad"));
    assert_eq!((start.elapsed(), life.get(), alive_tasks()), (ms(100), (3, 3), 0));
}

/// The hazard: a `JoinSet` that is dropped at the first error aborts its tasks, and does not wait for them.
#[tokio::test(start_paused = true)]
async fn but_the_set_alone_does_not_wait_for_those_it_aborts() {
    let life = Life::default();
    let mut tasks = JoinSet::from_iter([page(100, "bad")]);
    let begun = life.clone();
    tasks.spawn(async move {
        let _life = begun.begin();
        pending().await
    });
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), Err("bad"));
    drop(tasks);
    assert_eq!(life.get(), (1, 0), "it is still there");
    yield_now().await;
    assert_eq!(life.get(), (1, 1));
}

/// The hazard: errors after the first are lost. A task group reports them.
#[tokio::test(start_paused = true)]
async fn but_later_errors_are_lost() {
    let tasks = JoinSet::from_iter([page(100, "bad one"), page(100, "bad two")]);
    assert_eq!(try_join_all(tasks).await, Err("bad one"));
}

/// asyncio: a task that is cancelled alone is no failure. Tokio: it has no value either.
#[tokio::test(start_paused = true)]
async fn an_aborted_task_has_not_failed() {
    let mut tasks = JoinSet::from_iter([page(100, "a")]);
    tasks.spawn(page(50, "bad")).abort();
    assert_eq!(try_join_all(tasks).await, Ok(vec!["a"]));
}

/// A panic ends the others too, and goes on when they are gone.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_when_the_others_are_gone() {
    let life = Life::default();
    let mut tasks = JoinSet::<Result<(), ()>>::new();
    let begun = life.clone();
    tasks.spawn(async move {
        let _life = begun.begin();
        pending().await
    });
    tasks.spawn(sleep(ms(100)).map(|()| panics("a task")));
    assert_eq!(panic_of(try_join_all(tasks)).await, "a task");
    assert_eq!((life.get(), alive_tasks()), ((1, 1), 0));
}

/// asyncio and Tokio: tasks that sleep overlap, so their number adds no time.
#[tokio::test(start_paused = true)]
async fn ten_thousand_take_as_long_as_one() {
    let start = Instant::now();
    let tasks: JoinSet<_> = (0..10_000).map(|_| page(100, "a")).collect();
    assert_eq!(try_join_all(tasks).await.map(|values| values.len()), Ok(10_000));
    assert_eq!(start.elapsed(), ms(100));
}

/// asyncio refuses to cancel a `gather` whose results are there, and a finished task keeps its result. Tokio: an abort after
/// the last value, before the collector has run, drops the values with the set. If the owner keeps the set and lends it to
/// the collector, the values stay.
#[tokio::test(start_paused = true)]
async fn but_an_abort_of_the_collector_drops_values_that_are_there() {
    let go = Arc::new(Notify::new());
    let tasks = || {
        JoinSet::from_iter(["a", "b"].map(|value| {
            let go = go.clone();
            async move {
                go.notified().await;
                Ok::<_, &str>(value)
            }
        }))
    };
    // Runs after the tasks and before their collector: each is woken in its turn.
    let abort = |collector: tokio::task::AbortHandle| {
        let go = go.clone();
        tokio::spawn(async move {
            go.notified().await;
            collector.abort();
        })
    };
    let collector = tokio::spawn(try_join_all(tasks()));
    let aborted = abort(collector.abort_handle());
    yield_now().await;
    go.notify_waiters();
    aborted.await.unwrap();
    assert!(collector.await.unwrap_err().is_cancelled());

    let tasks = Arc::new(Mutex::new(tasks()));
    let borrowed = tasks.clone();
    let collector = tokio::spawn(async move { borrowed.lock().await.join_next().await });
    let aborted = abort(collector.abort_handle());
    yield_now().await;
    go.notify_waiters();
    aborted.await.unwrap();
    assert!(collector.await.unwrap_err().is_cancelled());
    let mut tasks = tasks.lock().await;
    let kept = [(); 2].map(|()| tasks.try_join_next().unwrap().unwrap().unwrap());
    assert_eq!((kept, tasks.is_empty()), (["a", "b"], true));
}

/// A panic may hold a value whose destructor panics. The set drops that value when it aborts the others: the new panic goes
/// on, and the error is lost. `task_group` contains the new panic.
#[tokio::test(start_paused = true)]
async fn but_a_second_panic_whose_drop_panics_takes_the_errors_place() {
    let mut tasks = JoinSet::from_iter([page(0, "bad")]);
    tasks.spawn(async {
        sleep(ms(0)).await;
        std::panic::panic_any(PanicsWhenDropped)
    });
    let both_over = async {
        while alive_tasks() > 0 {
            yield_now().await;
        }
    };
    both_over.await;
    assert_eq!(panic_of(try_join_all(tasks)).await, "in a destructor");
}
