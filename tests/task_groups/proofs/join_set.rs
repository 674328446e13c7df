//! Proofs of the pattern `join_set`.

use std::future::pending;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt;
use tokio::task::JoinSet;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{alive_tasks, panics};
use crate::work::Life;
use crate::work::join_set::{page, try_join_all};

/// Dropped at any point, even while it waits for aborted tasks, no task is left.
#[test]
fn dropped_at_any_point_no_task_is_left() {
    for ends in ["good", "bad"] {
        let swept = cancel_sweep::sweep_with(
            || {
                let life = Life::default();
                (life.clone(), async move {
                    let mut tasks = JoinSet::from_iter([page(10, "a"), page(20, ends)]);
                    for millis in [30, 40] {
                        let life = life.clone();
                        tasks.spawn(async move {
                            let _life = life.begin();
                            page(millis, "b").await
                        });
                    }
                    tokio::spawn(try_join_all(tasks))
                        .await
                        .unwrap_or_else(|error| resume_unwind(error.into_panic()))
                })
            },
            |life, _| assert_eq!((life.begun.get(), alive_tasks()), (life.ended.get(), 0)),
        );
        assert!(swept.points >= 1);

        let swept = cancel_sweep::sweep_with(
            || {
                let life = Life::default();
                let tasks = (0..4).map(|n| {
                    let life = life.clone();
                    async move {
                        let _life = life.begin();
                        page(10 * (n + 1), if n == 1 { ends } else { "a" }).await
                    }
                });
                let tasks: JoinSet<_> = tasks.collect();
                (life, try_join_all(tasks))
            },
            |life, _| assert_eq!((life.begun.get(), alive_tasks()), (life.ended.get(), 0)),
        );
        assert_eq!(swept.points, if ends == "good" { 4 } else { 3 });
    }
}

/// 500 rounds on four threads: when the result is there, no task is left.
#[test]
fn on_many_threads_no_task_is_left_when_the_result_is_there() {
    on_many_threads(500, async |mut rng| {
        let life = Life::default();
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let (life, mut rng) = (life.clone(), rng.fork());
            tasks.spawn(async move {
                let _life = life.begin();
                some_turns(&mut rng, 9).await;
                match rng.u8(0..40) {
                    0 => Err("bad"),
                    1 => panics("a task"),
                    2 => pending().await,
                    _ => Ok(1),
                }
            });
        }
        // One of the tasks may never end, so another has to fail.
        let last = rng.fork();
        tasks.spawn(async move {
            some_turns(&mut last.clone(), 200).await;
            Err("the last")
        });
        let result = AssertUnwindSafe(try_join_all(tasks)).catch_unwind().await;
        assert!(result.is_err() || result.is_ok_and(|result| result.is_err()));
        let (begun, ended) = life.get();
        assert_eq!(begun, ended);
    });
}
