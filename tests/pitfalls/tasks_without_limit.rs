//! Lessons of the pattern `tasks_without_limit`.

use pitfalls::tasks_without_limit::{broken, fixed};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::support::{alive_tasks, limit, ms};
use crate::work::Visits;
use crate::work::handle;

/// asyncio: `gather` of a thousand coroutines is a thousand tasks. Tokio: so is a thousand spawns.
#[tokio::test(start_paused = true)]
async fn but_a_thousand_items_are_a_thousand_tasks() {
    let at_work = Visits::default();
    broken(0..1_000, |item| handle(item, at_work.clone())).await;
    assert_eq!((at_work.most(), at_work.came()), (1_000, 1_000));
}

/// asyncio: `wait(FIRST_COMPLETED)`, then the next `create_task`. Tokio: `join_next`, then the next `spawn`.
#[tokio::test(start_paused = true)]
async fn with_a_limit_there_are_never_more_tasks_than_that() {
    let (at_work, start) = (Visits::default(), Instant::now());
    let tasks = Visits::default();
    let counted = |item| {
        let (handle, task) = (handle(item, at_work.clone()), tasks.during());
        async move {
            handle.await;
            drop(task);
        }
    };
    fixed(0..1_000, limit(8), counted).await;
    assert_eq!((at_work.most(), at_work.came()), (8, 1_000));
    assert_eq!(tasks.most(), 8, "futures that are made, begun or not");
    assert_eq!(start.elapsed(), ms(1_250), "125 times eight at once");
}

/// The list may be too long for the memory.
#[tokio::test(start_paused = true)]
async fn the_list_is_read_only_as_far_as_it_is_needed() {
    let read = Visits::default();
    let items = (0..1_000).inspect(|_| read.enter());
    let all = fixed(items, limit(8), |item| handle(item, Visits::default()));
    assert!(timeout(ms(5), all).await.is_err());
    assert_eq!(read.came(), 9, "eight at work, and one that waits");
}

/// The ends of a limit: with one, the run takes the sum of the times; with the largest, the time of one item.
#[tokio::test(start_paused = true)]
async fn of_nothing_it_ends_at_once_and_one_at_a_time_takes_the_sum() {
    let start = Instant::now();
    fixed([], limit(1), |item| handle(item, Visits::default())).await;
    assert_eq!(start.elapsed(), ms(0));
    fixed(0..3, limit(1), |item| handle(item, Visits::default())).await;
    assert_eq!(start.elapsed(), ms(30));
    fixed(0..3, limit(usize::MAX), |item| handle(item, Visits::default())).await;
    assert_eq!(start.elapsed(), ms(40));
}

/// asyncio: a `TaskGroup` cancels the rest when one fails. Here: unwinding drops the `JoinSet`, which aborts.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller_and_aborts_the_rest() {
    let at_work = Visits::default();
    let inside = at_work.clone();
    let caller = tokio::spawn(async move {
        fixed(0..10, limit(3), |item| {
            let work = handle(item, inside.clone());
            async move {
                assert_ne!(item, 1, "the second");
                work.await;
            }
        })
        .await;
    });
    assert!(caller.await.unwrap_err().is_panic());
    yield_now().await;
    assert_eq!((at_work.now(), alive_tasks()), (0, 0));
}
