//! Proofs of the pattern `cancel_on_drop`.

use task_groups::cancel_on_drop::cancel_on_drop;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, Log, alive_tasks, ms};
use crate::work::Life;
use crate::work::cancel_on_drop::all_over;

/// Dropped at any point, the work has not begun, or its token was cancelled once and it has run to its end.
#[test]
fn dropped_at_any_point_the_work_comes_to_its_end() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (log, tracker) = (Log::default(), TaskTracker::new());
            ((log.clone(), tracker.clone()), async move {
                let work = async move |cancelled: CancellationToken| {
                    if cancelled.run_until_cancelled(sleep(ms(100))).await.is_none() {
                        log.at("told");
                    }
                    sleep(ms(10)).await;
                    log.at("ended");
                };
                cancel_on_drop(&tracker, work).await.unwrap();
            })
        },
        |(log, tracker), outcome| {
            use cancel_sweep::{At, Outcome};
            assert_eq!((tracker.len(), alive_tasks()), (0, 0));
            let entries: Vec<_> = log.take().iter().map(|entry| entry[4..].to_owned()).collect();
            match outcome {
                Outcome::Cancelled(At { suspension: 0, .. }) => assert!(entries.is_empty()),
                Outcome::Cancelled(At { woken: false, .. }) => assert_eq!(entries, ["told", "ended"]),
                _ => assert_eq!(entries, ["ended"]),
            }
        },
    );
    assert_eq!(swept.points, 1);
}

/// 300 rounds on four threads: owners are aborted at any time. When the tracker is done, all work that has begun has
/// ended, once.
#[test]
fn on_many_threads_the_tracker_waits_for_all_work() {
    on_many_threads(300, async |mut rng| {
        let (tracker, life, ended) = (TaskTracker::new(), Life::default(), Count::default());
        let mut owners = JoinSet::new();
        for _ in 0..24 {
            let (tracker, life, ended, mut rng) = (tracker.clone(), life.clone(), ended.clone(), rng.fork());
            let mut turns = rng.fork();
            let owner = owners.spawn(async move {
                let work = cancel_on_drop(&tracker, |cancelled| async move {
                    let _life = life.begin();
                    cancelled.run_until_cancelled(some_turns(&mut rng, 9)).await;
                    some_turns(&mut rng, 3).await;
                    ended.add();
                });
                work.await.unwrap();
            });
            owners.spawn(async move {
                some_turns(&mut turns, 9).await;
                owner.abort();
            });
        }
        while owners.join_next().await.is_some() {}
        all_over(&tracker).await;
        let (begun, over) = life.get();
        assert_eq!((begun, begun), (over, ended.get()));
    });
}
