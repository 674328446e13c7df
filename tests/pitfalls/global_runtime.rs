//! Lessons of the pattern `global_runtime`.

use futures::future::pending;
use pitfalls::global_runtime::{broken, fixed};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::work::{FOR_EVER, Visits, paused};

async fn here() -> tokio::runtime::Id {
    Handle::current().id()
}

/// asyncio: a loop made at import is not the loop of `asyncio.run`. Tokio: a runtime in a `static` is not the caller's.
#[tokio::test]
async fn but_the_task_runs_on_a_runtime_that_the_caller_has_not() {
    assert_ne!(broken(here()).await.unwrap(), here().await);
}

/// asyncio: `create_task` uses the running loop. Here: the caller passes the handle of its runtime.
#[tokio::test]
async fn on_the_callers_runtime_it_is_one_of_its_tasks() {
    assert_eq!(fixed(&Handle::current(), here()).await.unwrap(), here().await);
}

/// A timeout of an hour is over at once: the paused clock sees no task at work.
#[tokio::test(start_paused = true)]
async fn but_the_clock_of_a_test_does_not_wait_for_it() {
    let (go, gate) = oneshot::channel::<()>();
    let mut task = broken(gate);
    assert!(timeout(FOR_EVER, &mut task).await.is_err());
    go.send(()).unwrap();
    // Without a timer the paused clock does not advance, and this waits in real time.
    assert_eq!(task.await.unwrap(), Ok(()));
}

/// On the test's own runtime the paused clock jumps for the task: a day passes at once and exactly.
#[tokio::test(start_paused = true)]
async fn a_task_of_the_callers_runtime_has_its_clock() {
    let start = Instant::now();
    fixed(&Handle::current(), sleep(FOR_EVER)).await.unwrap();
    assert_eq!(start.elapsed(), FOR_EVER);
}

/// asyncio: `asyncio.run` waits for the tasks that it cancels. A dropped runtime drops its tasks. A runtime in a `static` is
/// never dropped, so its tasks' resources stay open.
#[test]
fn but_the_end_of_the_callers_runtime_does_not_end_it() {
    for is_fixed in [false, true] {
        let open = Visits::default();
        let work = {
            let connection = open.during();
            async move {
                pending::<()>().await;
                drop(connection);
            }
        };
        paused().block_on(async {
            match is_fixed {
                false => drop(broken(work)),
                true => drop(fixed(&Handle::current(), work)),
            }
        });
        assert_eq!(open.now(), if is_fixed { 0 } else { 1 });
    }
}
