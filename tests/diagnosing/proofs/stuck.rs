//! Proofs of the pattern `stuck`.

use diagnosing::stuck::{WatchedTasks, at};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::{Count, ms};

/// A task that is cancelled anywhere is off the list, and its work is dropped.
#[test]
fn cancelled_anywhere_it_is_off_the_list() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (tasks, dropped) = (WatchedTasks::default(), Count::default());
            let guard = dropped.on_drop();
            let work = async move {
                let _guard = guard;
                at("a while", sleep(ms(10))).await;
                at("a turn", async { at("the turn itself", yield_now()).await }).await;
            };
            let watched = tasks.watch("work", work);
            ((tasks, dropped), watched)
        },
        |(tasks, dropped), _| assert_eq!((tasks.list(), dropped.get()), (vec![], 1)),
    );
    assert_eq!(swept.points, 2);
}

/// A wait that is cancelled anywhere is off the list of a task that lives on.
#[test]
fn a_wait_that_is_cancelled_anywhere_is_over() {
    let swept = cancel_sweep::sweep_with(
        || {
            let tasks = WatchedTasks::default();
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let lives_on = async {
                tokio::select! {
                    () = at("a while", async { sleep(ms(10)).await; yield_now().await }) => {}
                    _ = stopped => {}
                }
                at("the end", std::future::pending::<()>()).await;
            };
            let task = tokio::task::spawn_local(tasks.watch("lives on", lives_on));
            let caller = async move {
                let _stop_when_dropped = stop;
                sleep(ms(5)).await;
                yield_now().await;
            };
            ((tasks, task), caller)
        },
        |(tasks, task), _| {
            let list = tasks.list();
            let waits: Vec<_> = list[0].waits.iter().map(|wait| wait.what.as_str()).collect();
            assert!(matches!(waits[..], [] | ["the end"]), "{waits:?}");
            task.abort();
        },
    );
    assert_eq!(swept.points, 2);
}
