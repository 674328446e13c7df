//! Proofs of the pattern `spawn`.

use std::sync::Arc;

use cancel_sweep::At;
use cancel_sweep::Outcome::{Cancelled, Finished};
use create_task::spawn::{Failure, alongside, collect};
use futures::FutureExt;
use futures::future::pending;
use tokio::time::sleep;

use crate::support::{Entries, ms};
use crate::work::load;

/// asyncio: an exception, a bug and a cancellation are exceptions of different classes. Tokio: an `Err` inside,
/// or a `JoinError` that is a panic or an abort.
#[tokio::test(start_paused = true)]
async fn an_error_a_panic_and_an_abort_are_told_apart() {
    let error = |text: &str| Failure::Error(text.to_owned());
    assert_eq!(collect(tokio::spawn(load(("bad", 100)))).await, Err(error("bad after 100")));

    let panicked = |text: &str| Failure::Panicked(text.to_owned());
    assert_eq!(collect(tokio::spawn(load(("panics", 100)))).await, Err(panicked("panics after 100")));
    let panics = tokio::spawn(async { if true { panic!("plain") } else { load(("a", 0)).await } });
    assert_eq!(collect(panics).await, Err(panicked("plain")));
    let panics = tokio::spawn(async { if true { std::panic::panic_any(7) } else { load(("a", 0)).await } });
    assert_eq!(collect(panics).await, Err(panicked("a value that is not text")));

    let aborted = tokio::spawn(load(("a", 100)));
    aborted.abort();
    assert_eq!(collect(aborted).await, Err(Failure::Cancelled));
}

/// asyncio: a `CancelledError` of the awaited task goes up through its awaiter. Tokio: it is a value, and
/// `unwrap` makes a panic of it.
#[tokio::test(start_paused = true)]
async fn awaiting_an_aborted_task_does_not_cancel_the_one_who_awaits() {
    let inner = tokio::spawn(pending::<Result<(), String>>());
    let abort = inner.abort_handle();
    let outer = tokio::spawn(async { collect(inner).await });
    let unwraps = tokio::spawn(pending::<()>());
    unwraps.abort();
    let unwraps = tokio::spawn(async { unwraps.await.unwrap() });
    sleep(ms(100)).await;
    abort.abort();
    assert_eq!(outer.await.unwrap(), Err(Failure::Cancelled));
    assert!(unwraps.await.unwrap_err().is_panic());
}

/// The caller is dropped while it works meanwhile or while it waits: the task ends with it, at any await.
#[test]
fn a_cancelled_caller_takes_its_task_along() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Entries::default();
            let work = {
                let log = log.clone();
                async move {
                    let _guard = log.on_drop("dropped");
                    log.add("started");
                    sleep(ms(300)).await;
                    log.add("finished");
                    Ok::<_, String>(())
                }
            };
            (log, alongside(work, sleep(ms(100))))
        },
        |log, outcome| {
            let expected: &[_] = match outcome {
                Cancelled(At { suspension: 0, .. } | At { suspension: 1, woken: false }) => &[],
                Cancelled(At { suspension: 1, .. } | At { suspension: 2, woken: false }) => {
                    &["started", "dropped"]
                }
                // The task was done just before its caller was dropped.
                Cancelled(_) | Finished(_) => &["started", "finished", "dropped"],
            };
            assert_eq!(log.take(), expected);
        },
    );
    assert_eq!(swept.points, 2);
}

/// If `collect` is cancelled before it takes the result, the result is still in the handle.
#[test]
fn a_cancelled_collect_loses_no_result() {
    cancel_sweep::sweep_with(
        || {
            let handle = Arc::new(tokio::sync::Mutex::new(tokio::spawn(load(("a", 100)))));
            (handle.clone(), async move { collect(&mut *handle.lock().await).await })
        },
        |handle, outcome| {
            if let Cancelled(_) = outcome {
                let mut handle = handle.try_lock().unwrap();
                assert_eq!(collect(&mut *handle).now_or_never(), Some(Ok("a")));
            }
        },
    );
}
