//! Proofs of the pattern `abort`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use timeouts::abort::{TaskEnd, abort_all_and_wait};

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, alive_tasks};
use crate::work::for_ever;

/// The aborts come at the call, so a caller dropped in its wait leaves no task behind.
#[test]
fn dropped_anywhere_the_tasks_are_gone_all_the_same() {
    let swept = cancel_sweep::sweep_with(
        || {
            let dropped = Count::default();
            let tasks = [(); 3].map(|()| {
                let guard = dropped.on_drop();
                tokio::spawn(async move {
                    let _guard = guard;
                    for_ever::<()>().await;
                })
            });
            (dropped, abort_all_and_wait(tasks))
        },
        |dropped, _| assert_eq!((dropped.get(), alive_tasks()), (3, 0)),
    );
    assert!(swept.points >= 1);
}

/// Tasks race to their end with the abort: for each of 32 the report matches what it recorded.
#[test]
fn on_many_threads_each_end_is_true_and_each_task_is_gone() {
    on_many_threads(200, async |mut rng| {
        let finished: Vec<_> = (0..32).map(|_| Arc::new(AtomicBool::new(false))).collect();
        let dropped = Count::default();
        let tasks: Vec<_> = finished
            .iter()
            .cloned()
            .map(|finished| {
                let (guard, mut rng) = (dropped.on_drop(), rng.fork());
                tokio::spawn(async move {
                    let _guard = guard;
                    some_turns(&mut rng, 4).await;
                    finished.store(true, SeqCst);
                })
            })
            .collect();
        some_turns(&mut rng, 4).await;
        let ends = abort_all_and_wait(tasks).await;
        assert_eq!(dropped.get(), 32);
        for (finished, end) in finished.iter().zip(ends) {
            assert_eq!(end == TaskEnd::Finished(()), finished.load(SeqCst), "{end:?}");
        }
    });
}
