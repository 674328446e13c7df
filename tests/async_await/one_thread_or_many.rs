//! Lessons: `one_thread_or_many`.

use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::support::{Count, ms};

/// Waits while tasks block threads of the runtime on purpose. A task may be in the queue of a blocked thread. After a
/// thread has run a new task, it also looks in the other threads' queues. So this spawns one task after another, even
/// if one of them is stuck there too.
async fn stir_until(done: impl Fn() -> bool) {
    while !done() {
        let _may_be_late = timeout(ms(10), tokio::spawn(async {})).await;
    }
}

/// asyncio: between two suspensions no other task runs. Tokio: so it is on one thread.
#[tokio::test]
async fn on_one_thread_nothing_else_runs_between_two_awaits() {
    let count = Arc::new(AtomicUsize::new(0));
    let tasks = (0..1_000).map(|_| {
        let count = count.clone();
        tokio::spawn(async move {
            let seen = count.load(SeqCst);
            count.store(seen + 1, SeqCst);
            yield_now().await;
        })
    });
    join_all(tasks.collect::<Vec<_>>()).await;
    assert_eq!(count.load(SeqCst), 1_000);
}

/// The hazard, in asyncio and on Tokio: an await between looking and changing lets all the others look first.
#[tokio::test]
async fn but_an_await_between_looking_and_changing_loses_updates() {
    let count = Arc::new(AtomicUsize::new(0));
    let tasks = (0..1_000).map(|_| {
        let count = count.clone();
        tokio::spawn(async move {
            let seen = count.load(SeqCst);
            yield_now().await;
            count.store(seen + 1, SeqCst);
        })
    });
    join_all(tasks.collect::<Vec<_>>()).await;
    assert_eq!(count.load(SeqCst), 1);
}

/// asyncio: there is one thread, so this cannot happen. Tokio: on a multi-thread runtime two tasks are between the
/// same two lines at the same time. An atomic operation, or a lock, makes one step of two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_many_threads_two_tasks_run_at_the_same_time() {
    let (apart, in_one_step) = (Arc::new(AtomicUsize::new(0)), Count::default());
    let meeting = Arc::new(Barrier::new(2));
    let tasks = [1, 2].map(|_| {
        let (apart, in_one_step, meeting) = (apart.clone(), in_one_step.clone(), meeting.clone());
        tokio::spawn(async move {
            let seen = apart.load(SeqCst);
            // This is no await, and yet the other task is between the same two lines.
            meeting.wait();
            apart.store(seen + 1, SeqCst);
            in_one_step.add();
            thread::current().id()
        })
    });
    stir_until(|| tasks.iter().all(|task| task.is_finished())).await;
    let threads = join_all(tasks).await;
    assert_eq!((apart.load(SeqCst), in_one_step.get()), (1, 2));
    assert_ne!(threads[0].as_ref().unwrap(), threads[1].as_ref().unwrap());
}

/// asyncio: `current_task` is the same before and after an `await`, and so is the thread. Tokio: the task is, the
/// thread may not be. So after an await a `thread_local` may hold another task's value.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_many_threads_a_task_may_go_on_in_another_thread() {
    let here = || (tokio::task::id(), thread::current().id());
    let (sender, receiver) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        sender.send(here()).unwrap();
        may_go_on.await.unwrap();
        here()
    });
    let before = receiver.await.unwrap();

    // Two more tasks occupy one thread each; then the task on the first thread stays there.
    let (both_occupied, let_go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let first_is_occupied = Count::default();
    let occupants = [1, 2].map(|_| {
        let (both_occupied, let_go) = (both_occupied.clone(), let_go.clone());
        let first_is_occupied = first_is_occupied.clone();
        tokio::spawn(async move {
            both_occupied.wait();
            if thread::current().id() == before.1 {
                first_is_occupied.add();
                let_go.wait();
            }
        })
    });
    stir_until(|| first_is_occupied.get() == 1).await;
    go_on.send(()).unwrap();
    stir_until(|| task.is_finished()).await;
    let_go.wait();
    let after = task.await.unwrap();
    join_all(occupants).await;

    assert_eq!(before.0, after.0, "the same task");
    assert_ne!(before.1, after.1, "another thread");
}
