//! Lessons of the pattern `permit_in_the_task`.

use std::sync::Arc;

use pitfalls::permit_in_the_task::{broken, fixed};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::{alive_tasks, limit, ms};
use crate::work::Visits;
use crate::work::handle;

/// asyncio: `async with semaphore` inside each of a thousand tasks. Tokio: the same.
#[tokio::test(start_paused = true)]
async fn but_all_items_are_tasks_though_few_are_at_work() {
    let at_work = Visits::default();
    let all = tokio::spawn({
        let (at_work, limit) = (at_work.clone(), Arc::new(Semaphore::new(8)));
        async move { broken(0..1_000, &limit, |item| handle(item, at_work.clone())).await }
    });
    sleep(ms(5)).await;
    assert_eq!((at_work.now(), alive_tasks()), (8, 1_001));
    all.await.unwrap().unwrap();
    assert_eq!((at_work.most(), at_work.came()), (8, 1_000));
}

/// asyncio: `await semaphore.acquire()`, then `create_task`. Tokio: `acquire_owned`, then `spawn`: 8 tasks.
#[tokio::test(start_paused = true)]
async fn with_the_permit_before_the_spawn_only_those_at_work_are_tasks() {
    let (at_work, read, start) = (Visits::default(), Visits::default(), Instant::now());
    let all = tokio::spawn({
        let (at_work, read, limit) = (at_work.clone(), read.clone(), Arc::new(Semaphore::new(8)));
        async move {
            let items = (0..1_000).inspect(|_| read.enter());
            fixed(items, &limit, |item| handle(item, at_work.clone())).await
        }
    });
    sleep(ms(5)).await;
    assert_eq!((at_work.now(), alive_tasks(), read.came()), (8, 9, 9));
    all.await.unwrap().unwrap();
    assert_eq!((at_work.most(), at_work.came(), start.elapsed()), (8, 1_000, ms(1_250)));
}

/// Several callers may share the permits.
#[tokio::test(start_paused = true)]
async fn two_lists_share_one_limit() {
    let (at_work, permits) = (Visits::default(), Arc::new(Semaphore::new(3)));
    let list = || fixed(0..10, &permits, |item| handle(item, at_work.clone()));
    let (one, other) = tokio::join!(list(), list());
    one.and(other).unwrap();
    assert_eq!((at_work.most(), at_work.came(), permits.available_permits()), (3, 20, 3));
}

/// asyncio: a `Semaphore` has no `close`. Tokio: a closed one fails before the spawn, so no task is left.
#[tokio::test(start_paused = true)]
async fn of_nothing_it_ends_at_once_and_a_closed_semaphore_is_an_error() {
    let permits = Arc::new(Semaphore::new(1));
    fixed([], &permits, |item| handle(item, Visits::default())).await.unwrap();
    permits.close();
    assert!(fixed([1], &permits, |item| handle(item, Visits::default())).await.is_err());
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: a `TaskGroup` cancels the rest when one fails. Here: the dropped `JoinSet` aborts it.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller_and_aborts_the_rest() {
    let permits = Arc::new(Semaphore::new(2));
    let caller = tokio::spawn({
        let permits = Arc::clone(&permits);
        async move {
            fixed(0..5, &permits, async |item| {
                sleep(ms(10)).await;
                assert_ne!(item, 1, "the second");
            })
            .await
        }
    });
    assert!(caller.await.unwrap_err().is_panic());
    yield_now().await;
    assert_eq!((alive_tasks(), permits.available_permits()), (0, 2));
}

/// Permits move from the loop into tasks on other threads: the limit holds there too, and none leaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_the_limit_holds_and_each_item_is_handled() {
    let mut random = fastrand::Rng::with_seed(5);
    for _round in 0..20 {
        let most = random.usize(1..8);
        let (permits, at_work, unhandled) =
            (Arc::new(Semaphore::new(most)), Visits::default(), Visits::default());
        let handle = |yields: u8| {
            let (at_work, unhandled) = (at_work.clone(), unhandled.clone());
            async move {
                let _at_work = at_work.during();
                for _ in 0..yields {
                    yield_now().await;
                }
                unhandled.leave();
            }
        };
        let items: Vec<_> = (0..100).map(|_| random.u8(0..4)).collect();
        let read = items.iter().copied().inspect(|_| unhandled.enter());
        fixed(read, &permits, handle).await.unwrap();
        assert!(at_work.most() <= most && at_work.came() == 100 && permits.available_permits() == most);
        assert!(unhandled.most() <= most + 1, "an item is read ahead of its permit, and no second one");

        let at_work = Visits::default();
        let handle = |yields: u8| {
            let at_work = at_work.clone();
            async move {
                let _at_work = at_work.during();
                for _ in 0..yields {
                    yield_now().await;
                }
            }
        };
        pitfalls::tasks_without_limit::fixed(items, limit(most), handle).await;
        assert!(at_work.most() <= most && at_work.came() == 100);
    }
}
