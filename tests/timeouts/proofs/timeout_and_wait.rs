//! Proofs of the pattern `timeout_and_wait`.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use timeouts::timeout_and_wait::{LateValue, TimeLimits, TimeoutFailure, timeout_and_wait};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, alive_tasks, ms};
use crate::work::timeout_and_wait::{Ends, Fate, LIMITS, parent, work};
use crate::work::{load, poll_once};

/// A caller dropped before the limit, or during the clean-up: what began still cleans up once.
#[test]
fn dropped_anywhere_what_was_begun_is_cleaned_up_once() {
    for (millis, limits) in [(20, LIMITS), (500, LIMITS), (500, TimeLimits { grace: None, ..LIMITS })] {
        let swept = cancel_sweep::sweep_with(
            || {
                let state @ (begun, cleaned_up, gone) = &<(Count, Count, Count)>::default();
                let (begun, cleaned_up, gone) = (begun.clone(), cleaned_up.clone(), gone.clone());
                let work = move |stop: CancellationToken| async move {
                    begun.add();
                    let _gone = gone.on_drop();
                    let rows = stop.run_until_cancelled(load("rows", millis)).await;
                    sleep(ms(50)).await;
                    cleaned_up.add();
                    rows.transpose()
                };
                (state.clone(), async move { timeout_and_wait(&parent(), limits, work).await })
            },
            |(begun, cleaned_up, gone), _| {
                assert_eq!((begun.get(), begun.get()), (cleaned_up.get(), gone.get()));
                assert_eq!(alive_tasks(), 0);
            },
        );
        assert!(swept.points >= 1);
    }
}

/// Whether a caller may get this result for work that has this fate.
fn is_true(report: &Result<&str, TimeoutFailure<String>>, ends: Ends, fate: &Fate) -> bool {
    let [begun, ended, gone] = [&fate.begun, &fate.ended, &fate.gone].map(|flag| flag.load(SeqCst));
    let from_work = match report {
        Ok(_) => matches!(ends, Ends::Value | Ends::LateValue),
        Err(TimeoutFailure::Failed(_)) => ends == Ends::Error,
        Err(TimeoutFailure::Panicked(_)) => ends == Ends::Panic,
        // It was not begun, it has cleaned up, or its value came too late.
        Err(
            TimeoutFailure::TimedOut { cleaned_up: true } | TimeoutFailure::Cancelled { cleaned_up: true },
        ) => !begun || matches!(ends, Ends::CleanUp | Ends::LateValue | Ends::Value),
        Err(_aborted) => return !ended && gone == begun,
    };
    from_work && ended == begun && gone == begun
}

/// Six kinds of work, callers that give up: each report matches what the work recorded about itself.
#[test]
fn on_many_threads_each_report_is_true_and_comes_when_the_work_is_gone() {
    on_many_threads(100, async |mut rng| {
        let (parent, tasks) = (parent(), TaskTracker::new());
        let mut callers = JoinSet::new();
        for _ in 0..16 {
            let ends = [Ends::Value, Ends::Error, Ends::Panic, Ends::CleanUp, Ends::LateValue, Ends::Never];
            let (ends, is_dropped) = (ends[rng.usize(0..6)], rng.u8(0..4) == 0);
            let limits = TimeLimits {
                time: [Some(Duration::ZERO), Some(ms(1))][usize::from(rng.u8(0..4) > 0)],
                grace: Some([Duration::ZERO, ms(1)][rng.usize(0..2)]),
                late_value: [LateValue::Return, LateValue::Discard][rng.usize(0..2)],
            };
            let (parent, tasks, mut rng) = (parent.clone(), tasks.clone(), rng.fork());
            callers.spawn(async move {
                let fate = Arc::new(Fate::default());
                let work = |stop| tasks.track_future(work(fate.clone(), ends, stop, rng.fork()));
                let mut call = Box::pin(timeout_and_wait(&parent, limits, work));
                let report = if is_dropped { poll_once(&mut call).await } else { Some((&mut call).await) };
                drop(call);
                if let Some(report) = report {
                    assert!(is_true(&report, ends, &fate), "{report:?}, but {ends:?}");
                }
                fate
            });
        }
        if rng.bool() {
            some_turns(&mut rng, 4).await;
            parent.cancel();
        }
        let fates = callers.join_all().await;
        tasks.close();
        tasks.wait().await;
        for fate in fates {
            assert_eq!(fate.begun.load(SeqCst), fate.gone.load(SeqCst), "the work of each caller is gone");
        }
    });
}
