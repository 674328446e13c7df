//! What a child of the groups of `recipes/task_groups` costs: one that suspends once and returns a number.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use bench::{asyncio, measure, print_ratios};
use futures::future::try_join_all;
use task_groups::borrow::reachable;
use task_groups::task_group::{Child, NoValue, TaskGroup, task_group};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const ITEMS: usize = 10_000;
const ROUNDS: usize = 21;
const SUM: usize = ITEMS * (ITEMS - 1) / 2;

async fn child(number: usize) -> Result<usize, Infallible> {
    yield_now().await;
    Ok(number)
}

async fn sum_of(children: Vec<Child<usize>>) -> Result<usize, NoValue> {
    let mut sum = 0;
    for child in children {
        sum += child.await?;
    }
    Ok(sum)
}

fn group(runtime: &Runtime, spawn: impl Fn(&TaskGroup<Infallible>, usize) -> Child<usize>) {
    let sum = runtime.block_on(async {
        match task_group(async |group| Ok((0..ITEMS).map(|number| spawn(&group, number)).collect())).await {
            Ok(children) => sum_of(children).await,
            Err(_) => Err(NoValue::Failed),
        }
    });
    assert_eq!(sum, Ok(SUM));
}

fn tracker(runtime: &Runtime) {
    let sum: usize = runtime.block_on(async {
        let tracker = TaskTracker::new();
        let children: Vec<_> = (0..ITEMS).map(|number| tracker.spawn(child(number))).collect();
        tracker.close();
        tracker.wait().await;
        let mut sum = 0;
        for child in children {
            sum += child.await.ok().and_then(Result::ok).unwrap_or_default();
        }
        sum
    });
    assert_eq!(sum, SUM);
}

fn main() -> anyhow::Result<()> {
    // One thread on each side: the comparison is of overhead, not of cores.
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let mut rows = vec![
        measure("join_set (JoinSet)", ITEMS, ROUNDS, || {
            let values = runtime.block_on(async {
                task_groups::join_set::try_join_all((0..ITEMS).map(child).collect()).await
            });
            assert_eq!(values.map(|values| values.into_iter().sum()), Ok(SUM));
        }),
        measure("TaskTracker", ITEMS, ROUNDS, || tracker(&runtime)),
        measure("task_group, spawn", ITEMS, ROUNDS, || {
            group(&runtime, |group, number| group.spawn(child(number)));
        }),
        measure("task_group, spawn_with_grace", ITEMS, ROUNDS, || {
            group(&runtime, |group, number| group.spawn_with_grace(Duration::MAX, move |_| child(number)));
        }),
        measure("task_group, ended by one that fails", ITEMS, ROUNDS, || {
            let group = runtime.block_on(task_group(async |group| {
                for _ in 0..ITEMS {
                    group.spawn(pending::<Result<(), ()>>());
                }
                // The children have begun by then.
                group.spawn(async { Err::<(), _>(()) });
                Ok(())
            }));
            assert_eq!(group.map_err(|error| error.failures.len()), Err(1));
        }),
        measure("JoinSet, ended by one that fails", ITEMS, ROUNDS, || {
            let values = runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for _ in 0..ITEMS {
                    tasks.spawn(pending::<Result<(), ()>>());
                }
                tasks.spawn(async { Err(()) });
                task_groups::join_set::try_join_all(tasks).await
            });
            assert_eq!(values, Err(()));
        }),
        measure("borrow (FuturesUnordered)", ITEMS, ROUNDS, || {
            let found = runtime.block_on(reachable(0, async |number| {
                child(number).await.map(|number| if number == 0 { (1..ITEMS).collect() } else { vec![] })
            }));
            assert_eq!(found.map(|found| found.len()), Ok(ITEMS));
        }),
        measure("try_join_all, on the caller's task", ITEMS, ROUNDS, || {
            let values = runtime.block_on(try_join_all((0..ITEMS).map(child)));
            assert_eq!(values.map(|values| values.into_iter().sum()), Ok(SUM));
        }),
    ];
    rows.extend(asyncio("task_groups.py", &[ITEMS, ROUNDS])?);
    print_ratios("task_groups", &rows);

    // A token has children of its own: what do they cost when there are many at once?
    let rows = [1_000, 10_000, 100_000].map(|items| {
        measure(&format!("{items} child tokens of one token"), items, ROUNDS, || {
            let token = CancellationToken::new();
            let children: Vec<_> = (0..items).map(|_| token.child_token()).collect();
            token.cancel();
            assert!(children.iter().all(CancellationToken::is_cancelled));
        })
    });
    print_ratios("child tokens", &rows);
    Ok(())
}
