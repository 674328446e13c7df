//! Proofs of the pattern `shield`.
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, ms, panics};
use crate::work::shield::{Unheard, both, shielded};
use crate::work::{load, poll_once};

/// A failure has one destination: the caller that awaits it, or the report once that is gone.
#[test]
fn dropped_anywhere_a_failure_is_heard_or_reported_and_never_both() {
    let swept = cancel_sweep::sweep_with(
        || {
            let unheard = Unheard::default();
            (unheard.clone(), async move {
                let mut card = shielded(&TaskTracker::new(), &unheard, load("bad card", 20));
                match timeout(ms(10), &mut card).await {
                    Ok(result) => result,
                    Err(_elapsed) => card.await,
                }
            })
        },
        |unheard, outcome| {
            let reported = unheard.lock().unwrap().len();
            match outcome {
                cancel_sweep::Outcome::Finished(result) => assert!(result.is_err() && reported == 0),
                cancel_sweep::Outcome::Cancelled(at) => {
                    assert_eq!(reported, usize::from(at.suspension > 0))
                }
            }
        },
    );
    assert_eq!(swept.points, 2);
}

/// Callers give up while the work ends: what they got and what was reported add up to all failures.
#[test]
fn on_many_threads_each_failure_is_heard_or_reported_and_never_both() {
    on_many_threads(200, async |mut rng| {
        let ((tasks, unheard), heard) = (both(), Count::default());
        let mut callers = JoinSet::new();
        let mut failures = 0;
        for _ in 0..24 {
            // 0: a value, 1: an error, 2: a panic.
            let (kind, mut turns) = (rng.usize(0..3), rng.fork());
            failures += usize::from(kind > 0);
            let mut work = shielded(&tasks, &unheard, async move {
                some_turns(&mut turns, 4).await;
                match kind {
                    0 => Ok("value"),
                    1 => Err("error".to_owned()),
                    _ => panics("a panic"),
                }
            });
            let (heard, mut rng) = (heard.clone(), rng.fork());
            callers.spawn(async move {
                some_turns(&mut rng, 4).await;
                let result = if rng.bool() { poll_once(&mut work).await } else { Some(work.await) };
                if result.is_some_and(|result| result.is_err()) {
                    heard.add();
                }
            });
        }
        while let Some(joined) = callers.join_next().await {
            joined.unwrap();
        }
        tasks.close();
        tasks.wait().await;
        // A task's output may be dropped by the task itself, a moment after the tracker has counted it out.
        while heard.get() + unheard.lock().unwrap().len() < failures {
            yield_now().await;
        }
        for _ in 0..10 {
            yield_now().await;
        }
        assert_eq!(heard.get() + unheard.lock().unwrap().len(), failures);
    });
}
