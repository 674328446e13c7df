//! Lessons of the pattern `swallowed_error`.

use std::sync::{Arc, Mutex};

use futures::future::join_all;
use pitfalls::swallowed_error::{broken, fixed};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::{alive_tasks, ms};

type Reports = Arc<Mutex<Vec<String>>>;

async fn save(fails: bool) -> Result<(), &'static str> {
    sleep(ms(100)).await;
    if fails { Err("disk full") } else { Ok(()) }
}

fn reports() -> (Reports, impl FnOnce(String) + Send + 'static) {
    let reports = Reports::default();
    (Arc::clone(&reports), move |error| reports.lock().unwrap().push(error))
}

/// asyncio: "Task exception was never retrieved" is logged at some time. Tokio: nothing is logged.
#[tokio::test(start_paused = true)]
async fn but_a_background_task_fails_in_silence() {
    let ended = broken(save(true)).await;
    assert!(ended.is_ok(), "as if all were well");
}

/// asyncio: a done callback reads `task.exception()`. Tokio: a wrapper task reports the `Err`.
#[tokio::test(start_paused = true)]
async fn an_error_is_reported_once() {
    let (reports, report) = reports();
    fixed(save(true), report).await.unwrap();
    assert_eq!(*reports.lock().unwrap(), ["disk full"]);
}

/// asyncio: a done callback sees any exception. Tokio: the work is a task of its own; its panic is a value.
#[tokio::test(start_paused = true)]
async fn a_panic_is_reported_with_its_text() {
    let (reports, report) = reports();
    let work = async { save(false).await.map(|()| assert_eq!(alive_tasks(), 0, "no index")) };
    fixed(work, report).await.unwrap();
    let reports = reports.lock().unwrap();
    assert!(reports.len() == 1 && reports[0].contains("no index"), "{reports:?}");
}

/// asyncio: `exception()` of a cancelled task raises; ask `cancelled()` first. Here: an abort is no failure.
#[tokio::test(start_paused = true)]
async fn success_and_an_abort_are_not_reported() {
    let (reports, report) = reports();
    fixed(save(false), report).await.unwrap();
    let another = Arc::clone(&reports);
    let saving = fixed(save(true), move |error| another.lock().unwrap().push(error));
    yield_now().await;
    drop(saving);
    sleep(ms(200)).await;
    assert_eq!((reports.lock().unwrap().len(), alive_tasks()), (0, 0), "and the work has ended");
}

/// Two thousand tasks on four threads: as many reports as failures.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_every_failure_is_reported_once() {
    let mut random = fastrand::Rng::with_seed(2);
    for _round in 0..50 {
        let (reports, mut failures) = (Reports::default(), 0);
        let tasks = (0..40).map(|_| {
            let (reports, fails, yields) = (Arc::clone(&reports), random.bool(), random.u8(0..4));
            failures += usize::from(fails);
            let work = async move {
                for _ in 0..yields {
                    yield_now().await;
                }
                if fails { Err("failed") } else { Ok(()) }
            };
            fixed(work, move |error| reports.lock().unwrap().push(error))
        });
        let ended = join_all(tasks.collect::<Vec<_>>()).await;
        assert!(ended.iter().all(Result::is_ok));
        assert_eq!(reports.lock().unwrap().len(), failures);
    }
}
