//! Lessons on `#[tokio::test]`: which runtime a test has, and what happens to its remaining tasks.

use std::sync::Barrier;
use std::thread;

use tokio::runtime::{Builder, RuntimeFlavor};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::support::{Count, alive_tasks, ms, panics};
use crate::work::{as_a_test, panic_of};

/// asyncio: a test and its tasks share one thread. Tokio: so it is without a flavor; other tests run on other threads meanwhile.
#[tokio::test]
async fn a_test_and_its_tasks_share_one_thread() {
    let of_task = tokio::spawn(async { thread::current().id() }).await.unwrap();
    assert_eq!(of_task, thread::current().id());
    assert_eq!(tokio::runtime::Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
}

/// asyncio has one thread for all tasks. Here two of them meet at a barrier that blocks threads, so they run at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_multi_thread_its_tasks_run_in_parallel() {
    let barrier: &Barrier = Box::leak(Box::new(Barrier::new(2)));
    let tasks = [(), ()].map(|()| tokio::spawn(async { barrier.wait().is_leader() }));
    let leaders = futures::future::try_join_all(tasks).await.unwrap();
    assert_eq!(leaders.iter().filter(|leader| **leader).count(), 1);
}

/// A loop may be patched at any time. A paused clock needs the `current_thread` runtime, and otherwise the call panics.
#[test]
fn but_on_many_threads_the_clock_does_not_pause() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let panic = runtime.block_on(panic_of(async { tokio::time::pause() }));
    assert!(panic.unwrap().contains("current_thread"));
}

/// pytest needs an exception. Here a test may return a `Result`, and an `Err` fails it, so `?` works as well as `unwrap`.
#[tokio::test]
async fn a_test_may_end_with_a_question_mark() -> Result<(), std::num::ParseIntError> {
    let port: u16 = "8080".parse()?;
    assert_eq!(port, 8080);
    Ok(())
}

/// asyncio: `IsolatedAsyncioTestCase` cancels what is left, and waits for it. Tokio drops it: no code after its await runs.
#[test]
fn a_task_that_is_left_is_dropped_at_the_end() {
    let (dropped, finished) = (Count::default(), Count::default());
    as_a_test(async {
        let (at_end, finished) = (dropped.on_drop(), finished.clone());
        tokio::spawn(async move {
            sleep(ms(60_000)).await;
            finished.add();
            drop(at_end);
        });
        tokio::task::yield_now().await;
    });
    assert_eq!((dropped.get(), finished.get()), (1, 0));
}

/// pytest-asyncio has no check for tasks that a test leaves behind. The runtime's metrics count them.
#[tokio::test]
async fn tasks_that_are_left_can_be_counted() {
    let task = tokio::spawn(sleep(ms(60_000)));
    assert_eq!(alive_tasks(), 1);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: a failed assertion in a task that no one awaits is a log line, and the test passes. Tokio: the same. Await it.
#[tokio::test]
async fn but_a_failed_assertion_in_a_task_passes() {
    let broken = async {
        drop(tokio::spawn(async { panics::<()>("assertion failed") }));
        tokio::task::yield_now().await;
    };
    assert_eq!(panic_of(broken).await, None);

    let fixed = async {
        let task: tokio::task::JoinHandle<()> = tokio::spawn(async { panics("assertion failed") });
        tokio::task::yield_now().await;
        if let Err(error) = task.await {
            std::panic::resume_unwind(error.into_panic());
        }
    };
    assert_eq!(panic_of(fixed).await.unwrap(), "assertion failed");
}

/// A test that waits for a task that has failed hangs. Beside it, in one `select!`, the failure ends the test at once.
#[tokio::test(start_paused = true)]
async fn a_failure_beside_the_test_ends_it() {
    let server = async {
        sleep(ms(10)).await;
        panics::<()>("the server failed");
    };
    let test = std::future::pending::<()>();
    let both = async {
        tokio::select! {
            () = test => {}
            () = server => {}
        }
    };
    let ended = timeout(ms(20), panic_of(both)).await;
    assert_eq!(ended.unwrap().unwrap(), "the server failed");
}

/// pytest needs a plugin for a time limit. `timeout` is one; on paused time a test that hangs fails at once.
#[tokio::test(start_paused = true)]
async fn a_timeout_ends_a_test_that_hangs() {
    let hangs = std::future::pending::<()>();
    assert!(timeout(ms(60_000), hangs).await.is_err());
}

/// asyncio waits at most five minutes for threads. A running blocking job delays the end of a test: it cannot be cancelled.
#[test]
fn a_blocking_job_holds_up_the_end_of_a_test() {
    let (finished, (go, wait)) = (Count::default(), std::sync::mpsc::channel::<()>());
    let counted = finished.clone();
    let thread = thread::spawn(move || {
        as_a_test(async move {
            drop(spawn_blocking(move || {
                assert!(wait.recv().is_ok());
                counted.add();
            }));
        });
    });
    assert!(!thread.is_finished(), "it waits for the job");
    go.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(finished.get(), 1);
}
