//! Lessons of the pattern `cancel_anywhere`.

use std::cell::Cell;

use testing::cancel_anywhere::cancel_anywhere;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::support::{Count, ms, panics};
use crate::work::panic_of;

/// asyncio: a `CancelledError` at each await, one test for each. Tokio: one call drops the future at each of them.
#[tokio::test(start_paused = true)]
async fn each_await_is_tried_and_the_last_run_ends() {
    let (begun, finished) = (Count::default(), Count::default());
    let work = async || {
        begun.add();
        sleep(ms(10)).await;
        sleep(ms(10)).await;
        finished.add();
    };
    let mut dropped_at = Vec::new();
    assert_eq!(cancel_anywhere(work, |at| dropped_at.push(at)).await, 2);
    assert_eq!((begun.get(), finished.get(), dropped_at), (3, 1, vec![1, 2]));
}

/// A permit that is returned by hand is lost at one await in two. The check finds the loss, and a guard prevents it.
#[tokio::test(start_paused = true)]
async fn it_finds_the_await_where_a_permit_is_lost() {
    let limit = Semaphore::new(1);
    let broken = async || {
        limit.acquire().await.unwrap().forget();
        sleep(ms(10)).await;
        limit.add_permits(1);
    };
    let check = |at| assert_eq!(limit.available_permits(), 1, "lost at suspension {at}");
    let found = panic_of(cancel_anywhere(broken, check)).await.unwrap();
    assert!(found.contains("lost at suspension 1"), "{found}");

    limit.add_permits(1);
    let fixed = async || {
        let _permit = limit.acquire().await.unwrap();
        sleep(ms(10)).await;
    };
    assert_eq!(cancel_anywhere(fixed, check).await, 1);
}

/// A timeout stops work at one await. This one stops it at the second, where all is well.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_tries_one_await() {
    let open = Cell::new(0);
    let work = async || {
        open.set(1);
        sleep(ms(10)).await; // dropped here, it stays open
        open.set(0);
        sleep(ms(1_000)).await;
    };
    assert!(timeout(ms(50), work()).await.is_err());
    assert_eq!(open.get(), 0);
    let found = panic_of(cancel_anywhere(work, |_at| assert_eq!(open.get(), 0, "it is open"))).await;
    assert!(found.unwrap().contains("it is open"));
}

/// Work that never waits cannot be cancelled: it ends in its first run, and nothing is checked.
#[tokio::test]
async fn work_that_never_waits_ends_at_once() {
    let runs = Count::default();
    assert_eq!(cancel_anywhere(async || runs.add(), |_at| panics("no drop")).await, 0);
    assert_eq!(runs.get(), 1);
}

/// A hundred awaits are a hundred and one runs, on paused time within a moment.
#[tokio::test(start_paused = true)]
async fn a_hundred_awaits_are_a_hundred_and_one_runs() {
    let runs = Count::default();
    let work = async || {
        runs.add();
        for _ in 0..100 {
            sleep(ms(60_000)).await;
        }
    };
    assert_eq!(cancel_anywhere(work, |_at| ()).await, 100);
    assert_eq!(runs.get(), 101);
}
