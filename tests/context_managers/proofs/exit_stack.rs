//! Proofs of the pattern `exit_stack`.
use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::many_threads::on_many_threads;
use crate::support::{Log, ms, panics};
use crate::work::exit_stack::{Stack, close};
use crate::work::{all_over, random_turns};

/// Cancelled at any point, while it opens or closes: what was opened is closed once, in order.
#[test]
fn cancelled_at_any_point_each_clean_up_runs_once_and_in_order() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Log::default();
            let work = {
                let log = log.clone();
                async move {
                    let mut stack = Stack::new(&TaskTracker::new());
                    for name in ["a", "bad b", "c"] {
                        let open = {
                            let log = log.clone();
                            async move {
                                sleep(ms(10)).await;
                                log.at(format_args!("open {name}"));
                                Ok(name)
                            }
                        };
                        let log = log.clone();
                        stack.enter(open, move |name| close(log, name)).await?;
                    }
                    sleep(ms(10)).await;
                    stack.close(Ok(())).await.map_err(|_| "failed")
                }
            };
            (log, work)
        },
        |log, _| {
            let entries: Vec<_> = log.take().iter().map(|entry| entry[4..].to_owned()).collect();
            let (opened, closed) = entries.split_at(entries.len() / 2);
            let mirrored: Vec<_> = closed.iter().rev().map(|name| format!("open {name}")).collect();
            assert_eq!(opened, mirrored);
        },
    );
    assert_eq!(swept.points, 5, "three to open, one of the body, one wait for the clean-ups");
}

/// 200 rounds of 24 stacks on four threads, each with up to 8 clean-ups of which some fail or panic; most are
/// aborted somewhere.
#[test]
fn on_many_threads_each_clean_up_runs_once_and_in_order() {
    on_many_threads(200, async |mut rng| {
        let cleanups = TaskTracker::new();
        let mut tasks = JoinSet::new();
        let mut logs = Vec::new();
        for _ in 0..24 {
            let (log, cleanups, mut rng, chance) = (Log::default(), cleanups.clone(), rng.fork(), rng.fork());
            logs.push(log.clone());
            let task = tasks.spawn(async move {
                let mut stack = Stack::new(&cleanups);
                for n in 0..rng.u8(0..8) {
                    let (opened, closed, kind) = (log.clone(), log.clone(), rng.u8(0..4));
                    let [before, after] = [rng.fork(), rng.fork()];
                    let open = random_turns(before).map(move |()| opened.add(n)).map(Ok);
                    let close = move |()| {
                        random_turns(after).map(move |()| {
                            closed.add(n);
                            match kind {
                                0 => Err("bad"),
                                1 => panics("a panic"),
                                _ => Ok(()),
                            }
                        })
                    };
                    stack.enter(open, close).await.unwrap();
                }
                let _reported = stack.close(Ok(())).await;
            });
            let turns = random_turns(chance);
            tasks.spawn(async move {
                turns.await;
                task.abort();
            });
        }
        while tasks.join_next().await.is_some() {}
        all_over(&cleanups).await;
        for log in logs {
            let entries = log.take();
            let (opened, closed) = entries.split_at(entries.len() / 2);
            assert!(opened.iter().eq(closed.iter().rev()), "{entries:?}");
        }
    });
}
