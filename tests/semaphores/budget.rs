//! Lessons of the pattern `budget`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use futures::FutureExt;
use futures::future::join_all;
use semaphores::budget::TooMuch;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};

use crate::many_threads::some_turns;
use crate::support::{Entries, ms, soon};
use crate::work::budget::budget;
use crate::work::{all, rounds, waits_for_ever};

/// asyncio: `acquire` takes one permit, and taking three in turn can deadlock. Tokio: `acquire_many` takes all at once.
#[tokio::test(start_paused = true)]
async fn shares_of_any_size_are_taken_at_once_and_never_more_than_the_total() {
    let (start, budget, log) = (Instant::now(), budget(10), Entries::new());
    let download = |size| {
        let (budget, log) = (&budget, log.clone());
        async move {
            let _share = budget.take(size).await.unwrap();
            log.add((size, start.elapsed()));
            sleep(ms(100)).await;
        }
    };
    soon(join_all([6, 4, 5, 5, 10].map(download))).await;
    assert_eq!(log.take(), [(6, ms(0)), (4, ms(0)), (5, ms(100)), (5, ms(100)), (10, ms(200))]);
    assert_eq!(budget.free(), 10);
}

/// The hazard of taking one after the other: two tasks each hold half of their permits, and wait for each other.
#[tokio::test(start_paused = true)]
async fn but_one_permit_after_the_other_waits_for_ever() {
    let semaphore = Semaphore::new(3);
    let two = || async {
        let _first = semaphore.acquire().await.unwrap();
        yield_now().await;
        let _second = semaphore.acquire().await.unwrap();
    };
    soon(async { tokio::join!(two(), two()) }).await;
    assert!(waits_for_ever(async { tokio::join!(two(), two(), two()) }).await);
    let two = || async {
        let _both = semaphore.acquire_many(2).await.unwrap();
        yield_now().await;
    };
    soon(async { tokio::join!(two(), two(), two()) }).await;
}

/// Tokio: `acquire_many` of more than the total waits forever. Here: an error, before the wait.
#[tokio::test(start_paused = true)]
async fn more_than_there_is_in_all_is_an_error() {
    let budget = budget(10);
    assert_eq!(soon(budget.take(11)).await.err(), Some(TooMuch { wanted: 11, total: 10 }));
    assert_eq!(TooMuch { wanted: 11, total: 10 }.to_string(), "11 wanted, of 10 in all");
    assert_eq!(soon(budget.take(10)).await.unwrap().num_permits(), 10);
}

/// The hazard: on a bare semaphore, a request for more than the total waits forever, and all later waiters with it.
#[tokio::test(start_paused = true)]
async fn but_a_semaphore_asked_for_more_than_it_has_waits_for_ever() {
    let semaphore = Semaphore::new(10);
    let mut too_much = Box::pin(semaphore.acquire_many(11));
    assert!(too_much.as_mut().now_or_never().is_none());
    assert!(waits_for_ever(semaphore.acquire()).await);
    assert!(waits_for_ever(too_much).await);
}

/// A small request waits although there are enough units: if small ones could pass, a large one would starve.
#[tokio::test]
async fn a_small_share_does_not_pass_a_large_one_that_waits_before_it() {
    let budget = budget(10);
    let held = soon(budget.take(8)).await.unwrap();
    let mut large = Box::pin(budget.take(5));
    let mut small = Box::pin(budget.take(1));
    assert!(large.as_mut().now_or_never().is_none());
    assert!(small.as_mut().now_or_never().is_none(), "two are free, and set aside for the large one");
    assert_eq!(budget.free(), 0);
    drop(held);
    let (large, small) = (large.now_or_never().unwrap(), small.now_or_never().unwrap());
    assert_eq!(budget.free(), 4);
    drop((large, small));
    assert_eq!(budget.free(), 10);
}

/// A task that needs less later can free a part early with `split`.
#[tokio::test]
async fn a_share_can_be_freed_in_parts() {
    let budget = budget(10);
    let mut share = soon(budget.take(10)).await.unwrap();
    drop(share.split(4));
    assert_eq!((budget.free(), share.num_permits()), (4, 6));
    assert!(share.split(7).is_none(), "not more than it has");
    drop(share);
    assert_eq!(budget.free(), 10);
}

/// FIFO: a large request holds back a small one that would fit, until the large one is dropped.
#[tokio::test(start_paused = true)]
async fn what_was_set_aside_for_one_who_is_cancelled_goes_to_the_next() {
    let budget = budget(10);
    let held = soon(budget.take(8)).await.unwrap();
    let mut large = Box::pin(budget.take(5));
    let mut small = Box::pin(budget.take(2));
    assert!(large.as_mut().now_or_never().is_none());
    assert!(small.as_mut().now_or_never().is_none());
    drop(large);
    assert_eq!(small.now_or_never().unwrap().unwrap().num_permits(), 2);
    drop(held);
    assert_eq!(budget.free(), 10);
}

/// The ends of an amount: zero units never wait, and `u32::MAX` fits into a semaphore.
#[tokio::test]
async fn a_share_may_be_nothing_or_all() {
    let budget = budget(u32::MAX);
    let all = soon(budget.take(u32::MAX)).await.unwrap();
    assert_eq!((all.num_permits(), budget.free()), (u32::MAX as usize, 0));
    assert_eq!(budget.take(0).now_or_never().unwrap().unwrap().num_permits(), 0);
    let mut one = Box::pin(budget.take(1));
    assert!(one.as_mut().now_or_never().is_none());
    assert_eq!(budget.take(0).now_or_never().unwrap().unwrap().num_permits(), 0, "it passes one who waits");
    drop(all);
    assert_eq!(one.now_or_never().unwrap().unwrap().num_permits(), 1);
    assert_eq!(budget.free(), u32::MAX as usize);
}

/// Random amounts on four threads, some dropped while they wait: never more than ten units are in use.
#[test]
fn on_many_threads_no_unit_is_lost_or_taken_twice() {
    rounds(300, |mut random| async move {
        let (budget, used) = (Arc::new(budget(10)), Arc::new(AtomicU32::new(0)));
        let mut workers = JoinSet::new();
        for _ in 0..4 {
            let (budget, used, mut random) = (budget.clone(), used.clone(), random.fork());
            workers.spawn(async move {
                for _ in 0..10 {
                    let (size, mut inner) = (random.u32(0..=10), random.fork());
                    tokio::select! {
                        biased;
                        share = budget.take(size) => {
                            let _share = share.unwrap();
                            assert!(used.fetch_add(size, SeqCst) + size <= 10);
                            some_turns(&mut inner, 3).await;
                            used.fetch_sub(size, SeqCst);
                        }
                        () = some_turns(&mut random, 3) => {}
                    }
                }
            });
        }
        all(workers).await;
        assert_eq!(budget.free(), 10);
    });
}
