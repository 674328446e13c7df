//! Lessons of the pattern `timeout_of_a_handle`.

use std::time::Duration;

use futures::FutureExt;
use futures::future::pending;
use pitfalls::timeout_of_a_handle::{broken, fixed};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::{PanicsWhenDropped, alive_tasks, ends, ms};
use crate::work::timeout_of_a_handle::write_twice;
use crate::work::{IN_TIME, Visits};

/// asyncio: `wait_for` cancels the task. Tokio: `timeout` drops the handle, and the task runs on.
#[tokio::test(start_paused = true)]
async fn but_after_the_timeout_the_task_writes_on() {
    let written = Visits::default();
    let outcome = broken(tokio::spawn(write_twice(written.clone())), ms(150)).await;
    assert_eq!((outcome.unwrap(), written.came()), (None, 1));
    sleep(ms(100)).await;
    assert_eq!(written.came(), 2);
}

/// asyncio: `wait_for` raises once the cancelled task has ended. Here: `abort`, then an await of the handle.
#[tokio::test(start_paused = true)]
async fn ended_and_waited_for_it_writes_no_more() {
    let (written, open) = (Visits::default(), Visits::default());
    let work = {
        let (written, open) = (write_twice(written.clone()), open.during());
        async move {
            let done = written.await;
            drop(open);
            done
        }
    };
    assert_eq!(ends(fixed(tokio::spawn(work), ms(150))).await.unwrap(), None);
    assert_eq!((open.now(), alive_tasks()), (0, 0), "when it returns, the task is gone");
    sleep(ms(100)).await;
    assert_eq!(written.came(), 1);
}

/// asyncio: `wait_for` raises what the clean-up raises. Here: a panic of a destructor is an error, and no timeout.
#[tokio::test(start_paused = true)]
async fn a_panic_as_it_is_ended_is_an_error() {
    let work = async {
        let _held = PanicsWhenDropped;
        pending::<()>().await
    };
    assert!(ends(fixed(tokio::spawn(work), ms(150))).await.unwrap_err().is_panic());
}

/// asyncio: `wait_for(task, None)` has no limit. Here: `Duration::MAX` is no limit. In time, the value is returned.
#[tokio::test(start_paused = true)]
async fn in_time_it_gives_the_value() {
    let start = Instant::now();
    let task = tokio::spawn(write_twice(Visits::default()));
    assert_eq!(ends(fixed(task, ms(250))).await.unwrap(), Some("written"));
    assert_eq!(start.elapsed(), ms(200));
    let task = tokio::spawn(write_twice(Visits::default()));
    assert_eq!(ends(fixed(task, Duration::MAX)).await.unwrap(), Some("written"));
}

/// asyncio: `wait_for(task, 0)` returns the result of a finished task, and cancels any other. Here: the same.
#[tokio::test(start_paused = true)]
async fn without_any_time_a_task_that_is_done_has_its_value_and_one_that_is_not_is_ended() {
    let (done, begun) = (tokio::spawn(async { "done" }), tokio::spawn(pending::<()>()));
    yield_now().await;
    assert_eq!(ends(fixed(done, Duration::ZERO)).await.unwrap(), Some("done"));
    assert_eq!(ends(fixed(begun, Duration::ZERO)).await.unwrap(), None);
    assert_eq!(ends(fixed(tokio::spawn(async {}), Duration::ZERO)).await.unwrap(), None, "it had not begun");
}

/// asyncio: a thread cannot be cancelled either, but `wait_for` does not wait for it.
#[tokio::test]
async fn a_blocking_job_is_not_ended_and_its_value_is_waited_for() {
    let (go, gate) = std::sync::mpsc::channel();
    let (begun, has_begun) = oneshot::channel();
    let job = tokio::task::spawn_blocking(move || {
        begun.send(()).unwrap();
        gate.recv_timeout(IN_TIME).map(|()| "done")
    });
    has_begun.await.unwrap();
    let mut waiting = Box::pin(fixed(job, Duration::ZERO));
    assert!((&mut waiting).now_or_never().is_none());
    go.send(()).unwrap();
    assert_eq!(waiting.await.unwrap(), Some(Ok("done")));
}

/// asyncio: `wait_for` raises the task's exception or `CancelledError`. Here: a `JoinError` says which.
#[tokio::test(start_paused = true)]
async fn a_panic_and_the_abort_of_another_are_errors() {
    let task = tokio::spawn(async { panic!("no index") });
    assert!(fixed::<()>(task, ms(100)).await.unwrap_err().is_panic());
    let task = tokio::spawn(sleep(ms(500)));
    task.abort();
    assert!(fixed(task, ms(100)).await.unwrap_err().is_cancelled());
}
