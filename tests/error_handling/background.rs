//! Lessons of the pattern `background`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use error_handling::background::{Failure, reported};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use crate::support::{Log, OnDrop, alive_tasks, ms, panics};
use crate::work::background::{Heard, taken, work};
use crate::work::{Broken, load};

/// asyncio: "Task exception was never retrieved". Tokio: an `Err` in a dropped handle is gone.
#[tokio::test(start_paused = true)]
async fn an_error_in_a_dropped_handle_is_lost() {
    let log = Log::default();
    drop(tokio::spawn({
        let log = log.clone();
        async move {
            let result = load("bad", 100).await;
            log.add("failed");
            result
        }
    }));
    sleep(ms(200)).await;
    assert_eq!(log.take(), ["failed"], "and no other code knows");
}

/// asyncio: an exception that is never retrieved is logged at collection. Here: the report comes at the end.
#[tokio::test(start_paused = true)]
async fn but_one_that_nobody_awaits_is_reported_when_the_task_ends() {
    let heard = Heard::default();
    drop(tokio::spawn(work("bad", 100, &heard)));
    sleep(ms(99)).await;
    assert_eq!(taken(&heard), []);
    sleep(ms(2)).await;
    assert_eq!(taken(&heard), [Failure::Error(Broken("bad"))]);
}

/// asyncio: reported when the task is collected. Tokio: reported when the task's result is dropped.
#[tokio::test(start_paused = true)]
async fn one_that_failed_before_its_handle_is_dropped_is_reported_then() {
    let heard = Heard::default();
    let task = tokio::spawn(work("bad", 100, &heard));
    sleep(ms(200)).await;
    assert_eq!(taken(&heard), []);
    drop(task);
    assert_eq!(taken(&heard), [Failure::Error(Broken("bad"))]);
}

/// asyncio: the code that reads the exception handles it, and nothing is logged.
#[tokio::test(start_paused = true)]
async fn one_that_is_heard_is_not_reported() {
    let heard = Heard::default();
    let unheard = tokio::spawn(work("bad", 100, &heard)).await.unwrap().unwrap_err();
    assert_eq!(unheard.hear(), Failure::Error(Broken("bad")));
    assert_eq!(taken(&heard), []);
}

/// asyncio: an await raises, so it retrieves the exception. Here: a result dropped unread is reported.
#[tokio::test(start_paused = true)]
async fn one_that_is_awaited_and_then_ignored_is_reported() {
    let heard = Heard::default();
    drop(tokio::spawn(work("bad", 100, &heard)).await);
    assert_eq!(taken(&heard), [Failure::Error(Broken("bad"))]);
}

/// Tokio: the panic hook prints a panic, and its text is lost with the handle.
#[tokio::test(start_paused = true)]
async fn a_panic_is_reported_with_its_text() {
    let heard = Heard::default();
    drop(tokio::spawn(work("panics", 100, &heard)));
    sleep(ms(200)).await;
    let failures = taken(&heard);
    assert_eq!(failures, [Failure::Panicked("panics after 100".to_owned())]);
    assert_eq!(failures[0].to_string(), "panicked: panics after 100");
}

/// asyncio: a cancelled task is not logged, and a value is not a failure.
#[tokio::test(start_paused = true)]
async fn a_cancellation_and_a_value_are_not_reported() {
    let heard = Heard::default();
    let aborted = tokio::spawn(work("bad", 100, &heard));
    aborted.abort();
    assert!(aborted.await.unwrap_err().is_cancelled());
    assert!(matches!(tokio::spawn(work("ok", 100, &heard)).await, Ok(Ok("ok"))));
    assert_eq!(taken(&heard), []);
}

/// The report belongs to the failure, so any kind of task will do.
#[tokio::test(start_paused = true)]
async fn a_set_that_is_dropped_reports_the_failures_in_it() {
    let heard = Heard::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(work("bad", 100, &heard));
    tasks.spawn(work("ok", 100, &heard));
    tasks.spawn(work("bad", 900, &heard));
    sleep(ms(200)).await;
    drop(tasks);
    sleep(ms(1_000)).await;
    assert_eq!(taken(&heard), [Failure::Error(Broken("bad"))], "the other was aborted");
}

/// The task and its awaiter race: in either order the failure is taken or reported, never both.
#[test]
fn on_many_threads_every_failure_is_heard_or_reported_and_never_both() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let random = &mut fastrand::Rng::with_seed(2);
    for round in 0..40 {
        let (reports, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let watchers: Vec<_> = (0..50)
            .map(|_| {
                let (yields, waits, hears) = (random.u8(0..8), random.u8(0..8), random.bool());
                let (reports, heard) = (reports.clone(), heard.clone());
                runtime.spawn(async move {
                    let work = async move {
                        for _ in 0..yields {
                            yield_now().await;
                        }
                        Err::<(), _>(Broken("always"))
                    };
                    let task = tokio::spawn(reported(work, move |_| {
                        reports.fetch_add(1, SeqCst);
                    }));
                    for _ in 0..waits {
                        yield_now().await;
                    }
                    if hears {
                        task.await.unwrap().unwrap_err().hear();
                        heard.fetch_add(1, SeqCst);
                    }
                })
            })
            .collect();
        runtime.block_on(async {
            for watcher in watchers {
                watcher.await.unwrap();
            }
            while alive_tasks() > 0 {
                yield_now().await;
            }
        });
        assert_eq!(reports.load(SeqCst) + heard.load(SeqCst), 50, "round {round}");
    }
}

/// Any value can be the payload of a panic, even one whose destructor panics.
#[tokio::test]
async fn a_payload_that_panics_when_dropped_is_reported() {
    let heard = Heard::default();
    let reports = heard.clone();
    let work = async { std::panic::resume_unwind(Box::new(OnDrop(|| panics("dropped")))) };
    let report = move |failure| reports.lock().unwrap().push(failure);
    assert!(tokio::spawn(async move { drop(reported::<(), _, _>(work, report).await) }).await.is_ok());
    assert_eq!(taken(&heard), [Failure::Panicked("a value that is not text".to_owned())]);
}
