//! What the ways of `recipes/gather` cost an item: one that suspends once and returns a number.

use std::num::NonZeroUsize;
use std::time::Duration;

use bench::{asyncio, measure, print_ratios};
use gather::wait::{MaybeDone, ReturnWhen, wait};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::Instant;

const ITEMS: usize = 10_000;
const ROUNDS: usize = 21;
const HUNDRED: NonZeroUsize = NonZeroUsize::new(100).unwrap();
const SUM: usize = ITEMS * (ITEMS - 1) / 2;

async fn item(number: usize) -> usize {
    tokio::task::yield_now().await;
    number
}

async fn try_item(number: usize) -> Result<usize, ()> {
    Ok(item(number).await)
}

fn main() -> anyhow::Result<()> {
    // One thread on each side: the comparison is of overhead, not of cores.
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let mut rows = vec![
        measure("in_order (join_all)", ITEMS, ROUNDS, || {
            let results = runtime.block_on(gather::in_order::in_order(0..ITEMS, item));
            assert_eq!(results.into_iter().sum::<usize>(), SUM);
        }),
        measure("every_outcome", ITEMS, ROUNDS, || {
            let results = runtime.block_on(gather::every_outcome::every_outcome(0..ITEMS, try_item));
            assert_eq!(results.into_iter().flatten().sum::<usize>(), SUM);
        }),
        measure("parallel_in_order (a task each)", ITEMS, ROUNDS, || {
            let results = runtime.block_on(gather::parallel_in_order::parallel_in_order(0..ITEMS, item));
            assert_eq!(results.into_iter().flatten().sum::<usize>(), SUM);
        }),
        measure("bounded_in_order, limit 100", ITEMS, ROUNDS, || {
            runtime.block_on(async {
                let mut results = gather::bounded_in_order::bounded_in_order(0..ITEMS, HUNDRED, try_item);
                let mut sum = 0;
                while let Some(Ok(number)) = results.next().await {
                    sum += number;
                }
                assert_eq!(sum, SUM);
            });
        }),
        measure("as_completed (JoinSet)", ITEMS, ROUNDS, || {
            runtime.block_on(async {
                let mut tasks: JoinSet<_> = (0..ITEMS).map(item).collect();
                let mut sum = 0;
                let deadline = Instant::now() + Duration::from_secs(60);
                let all = gather::as_completed::as_completed(&mut tasks, deadline, |result| {
                    sum += result.map_or(0, |(_, number)| number);
                });
                assert_eq!((all.await, sum), (Ok(()), SUM));
            });
        }),
        measure("wait, all completed", ITEMS, ROUNDS, || {
            runtime.block_on(async {
                let mut tasks: Vec<_> =
                    (0..ITEMS).map(|number| MaybeDone::from(tokio::spawn(try_item(number)))).collect();
                let waited = wait(&mut tasks, ReturnWhen::AllCompleted, None).await;
                assert_eq!(waited.map(|waited| waited.done.len()), Ok(ITEMS));
            });
        }),
    ];
    rows.extend(asyncio("gather.py", &[ITEMS, ROUNDS])?);
    print_ratios("gather", &rows);
    Ok(())
}
