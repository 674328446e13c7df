//! Proofs of the pattern `cancel_and_confirm`.

use std::time::Duration;

use futures::FutureExt;
use timeouts::cancel_and_confirm::{CancelOutcome, CancellableTask};
use tokio::task::{JoinSet, yield_now};

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, Log, alive_tasks, ms};
use crate::work::cancel_and_confirm::{GRACE, Job, spawn_session};
use crate::work::for_ever;

/// asyncio: a cancelled `await task` cancels the task, which cleans up. Here: so does a drop, exactly once.
#[test]
fn dropped_anywhere_what_was_begun_is_cleaned_up_once() {
    for asked in [true, false] {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let task = spawn_session(&log, 20);
                (log, async move {
                    // It has begun when the request comes.
                    yield_now().await;
                    if asked { task.cancel_and_wait("stop").await } else { task.wait().await }
                })
            },
            |log, outcome| {
                let log = log.take();
                let count = |what| log.iter().filter(|line| line.contains(what)).count();
                assert_eq!(count("told") + count("done"), count("cleaned up"));
                match outcome {
                    // Dropped before it had begun, it does not begin.
                    cancel_sweep::Outcome::Cancelled(cancel_sweep::At {
                        suspension: 0 | 1,
                        woken: false,
                    }) => {
                        assert_eq!(count("cleaned up"), 0);
                    }
                    _ => assert_eq!(count("cleaned up"), 1),
                }
                assert_eq!(alive_tasks(), 0);
            },
        );
        assert_eq!(swept.points, 2);
    }
}

/// `select!` in a loop asks again in each turn: nothing is lost by the drops.
#[test]
fn a_dropped_look_at_the_request_leaves_it_for_the_next() {
    let swept = cancel_sweep::sweep_with(
        || {
            let task = Job::spawn(GRACE, |stop| async move {
                stop.requested().await;
                Ok(None)
            });
            let stop = task.stop();
            let asking = stop.clone();
            let looks = async move {
                let listener = async { asking.requested().await.copied() };
                let (reason, _) = tokio::join!(listener, async {
                    yield_now().await;
                    asking.cancel("enough")
                });
                reason
            };
            ((task, stop), looks)
        },
        |(task, stop), outcome| {
            let asked = match outcome {
                cancel_sweep::Outcome::Finished(reason) => {
                    assert_eq!(reason, Some("enough"));
                    true
                }
                cancel_sweep::Outcome::Cancelled(_) => stop.is_requested(),
            };
            assert_eq!(stop.cancel("again"), !asked);
            let again = stop.requested().now_or_never().flatten().copied();
            assert_eq!(again, Some(if asked { "enough" } else { "again" }));
            drop(task);
        },
    );
    assert_eq!(swept.points, 1);
}

/// Many ask for one task's end, with reasons of their own, while it works, cleans up, and ends by itself.
#[test]
fn on_many_threads_one_request_counts_and_each_outcome_is_true() {
    on_many_threads(100, async |mut rng| {
        let mut rounds = JoinSet::new();
        for _ in 0..8 {
            let mut rng = rng.fork();
            rounds.spawn(async move {
                let (cleaned_up, gone) = (Count::default(), Count::default());
                let (cleans, guard, mut turns) = (cleaned_up.clone(), gone.on_drop(), rng.fork());
                // 0: ends by itself; 1: cleans up when asked; 2: refuses; 3: does not listen.
                let kind = rng.usize(0..4);
                let grace = [Duration::ZERO, ms(1)][rng.usize(0..2)];
                let task: CancellableTask<&str, String, usize> =
                    CancellableTask::spawn(Some(grace), move |stop| async move {
                        let _guard = guard;
                        some_turns(&mut turns, 4).await;
                        match kind {
                            0 => return Ok(Some("by itself")),
                            3 => for_ever().await,
                            _ => stop.requested().await,
                        };
                        some_turns(&mut turns, 4).await;
                        cleans.add();
                        Ok((kind == 2).then_some("refused"))
                    });
                let askers = (0..4).map(|asker| {
                    let (stop, mut rng) = (task.stop(), rng.fork());
                    tokio::spawn(async move {
                        some_turns(&mut rng, 4).await;
                        stop.cancel(asker)
                    })
                });
                let askers: Vec<_> = askers.collect();
                let outcome = task.wait().await;
                assert_eq!(gone.get(), 1, "the work is gone when its end is told");
                let mut accepted = Vec::new();
                for (asker, asked) in askers.into_iter().enumerate() {
                    if asked.await.unwrap() {
                        accepted.push(asker);
                    }
                }
                match outcome {
                    CancelOutcome::Cancelled { reason, cleaned_up: clean } => {
                        assert_eq!(accepted, Vec::from_iter(reason));
                        // Not begun, or cleaned up; or aborted before it had.
                        assert!(kind != 2 || !clean || cleaned_up.get() == 0);
                        assert!(clean || cleaned_up.get() == 0);
                    }
                    CancelOutcome::Finished("by itself") => assert!(kind == 0 && accepted.len() <= 1),
                    CancelOutcome::Finished("refused") => {
                        assert_eq!((kind, accepted.len(), cleaned_up.get()), (2, 1, 1))
                    }
                    other => panic!("{other:?}"),
                }
            });
        }
        while let Some(round) = rounds.join_next().await {
            round.unwrap();
        }
    });
}
