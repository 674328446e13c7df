//! Lessons of the pattern `first_completed`.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use gather::first_completed::{First, each_as_it_comes, first_completed};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, ms};
use crate::work::first_completed::page;

/// asyncio: `wait(FIRST_COMPLETED)` gives the first, and the other runs on as a task. Tokio: the other is still the
/// caller's, and goes on where it was.
#[tokio::test(start_paused = true)]
async fn the_loser_can_be_awaited_later() {
    let (start, loaded) = (Instant::now(), Count::default());
    let (mut home, mut hint) = (pin!(page(300, &loaded)), pin!(sleep(ms(100))));
    assert_eq!(first_completed(&mut home, &mut hint).await, First::Right(()));
    assert_eq!((home.await, start.elapsed()), ("<home>", ms(300)), "it has not begun anew");
    assert_eq!(loaded.get(), 1);
}

/// The two futures have values of different types, and the result shows which one completed.
#[tokio::test(start_paused = true)]
async fn the_value_tells_which_one_it_is() {
    let mut text = pin!(async { "text" });
    let mut number = pin!(async { 7 });
    assert_eq!(first_completed(&mut text, &mut number).await, First::Left("text"));
    let mut text = pin!(std::future::pending::<&str>());
    assert_eq!(first_completed(&mut text, &mut number).await, First::Right(7));
}

/// asyncio: `wait` reports both if they are done in one instant. Tokio: the left one comes first, and the right one is
/// ready.
#[tokio::test(start_paused = true)]
async fn of_two_in_one_instant_the_left_comes_first() {
    for _ in 0..100 {
        let (start, loaded) = (Instant::now(), Count::default());
        let (mut home, mut hint) = (pin!(page(100, &loaded)), pin!(sleep(ms(100))));
        assert_eq!(first_completed(&mut home, &mut hint).await, First::Left("<home>"));
        assert_eq!((hint.now_or_never(), start.elapsed()), (Some(()), ms(100)));
    }
}

/// The hazard: without `biased`, `select!` begins at a random branch. Of a hundred ties each branch wins some.
#[tokio::test]
async fn but_without_biased_a_tie_is_random() {
    let mut left = 0;
    for _ in 0..100 {
        tokio::select! {
            () = std::future::ready(()) => left += 1,
            () = std::future::ready(()) => {}
        }
    }
    assert!((1..100).contains(&left), "{left}: a hundred equal ones have a chance of one in 2^99");
}

/// The hazard: with `biased`, the branches below one that is always ready are never polled.
#[tokio::test]
async fn but_biased_can_starve_the_branches_below() {
    let mut below = 0;
    for _ in 0..100 {
        tokio::select! {
            biased;
            () = std::future::ready(()) => {}
            () = std::future::ready(()) => below += 1,
        }
    }
    assert_eq!(below, 0);
}

/// The hazard: `select!` drops the futures that it owns, so the load that loses is cancelled. A borrowed load can go
/// on.
#[tokio::test(start_paused = true)]
async fn but_select_drops_what_it_owns() {
    let loaded = Count::default();
    tokio::select! {
        _ = page(300, &loaded) => unreachable!("the hint comes first"),
        () = sleep(ms(100)) => {}
    }
    sleep(ms(500)).await;
    assert_eq!(loaded.get(), 0);

    let mut home = pin!(page(300, &loaded));
    tokio::select! {
        _ = &mut home => unreachable!("the hint comes first"),
        () = sleep(ms(100)) => {}
    }
    home.await;
    assert_eq!(loaded.get(), 1);
}

/// The hazard: a `JoinHandle` that `select!` owns is dropped, and its task runs on without an owner.
#[tokio::test(start_paused = true)]
async fn but_select_detaches_a_handle_that_it_owns() {
    let loaded = Count::default();
    let task = tokio::spawn({
        let loaded = loaded.clone();
        async move { page(300, &loaded).await }
    });
    tokio::select! {
        _ = task => unreachable!("the hint comes first"),
        () = sleep(ms(100)) => {}
    }
    sleep(ms(500)).await;
    assert_eq!(loaded.get(), 1, "it ran on, and its value is lost");
}

/// asyncio: a pending task runs on. Tokio: a borrowed loser pauses until it is awaited; a spawned task runs on.
#[tokio::test(start_paused = true)]
async fn a_lent_loser_stands_still_and_a_task_runs_on() {
    let (polled, spawned) = (Count::default(), Count::default());
    let mut lent = pin!(page(300, &polled));
    let mut task = tokio::spawn({
        let spawned = spawned.clone();
        async move { page(300, &spawned).await }
    });
    let mut either = Box::pin(first_completed(&mut lent, &mut task));
    assert!(timeout(ms(100), &mut either).await.is_err());
    drop(either);
    sleep(ms(1_000)).await;
    assert_eq!((polled.get(), spawned.get()), (0, 1));
    assert_eq!((lent.await, task.await.unwrap()), ("<home>", "<home>"));
}

/// The hazard: an `async fn` that has returned panics when it is polled again. asyncio: a task keeps its result.
#[tokio::test]
#[should_panic(expected = "resumed after completion")]
async fn but_the_winner_must_not_be_awaited_again() {
    let loaded = Count::default();
    let (mut home, mut never) = (pin!(page(0, &loaded)), pin!(std::future::pending::<()>()));
    first_completed(&mut home, &mut never).await;
    home.await;
}

/// asyncio: `wait` again for the pending ones, until none is left. Tokio: `select!` in a loop, with a condition each.
#[tokio::test(start_paused = true)]
async fn each_value_is_handled_when_it_comes() {
    for (left, right) in [(300, 100), (100, 300)] {
        let (start, mut came) = (Instant::now(), Vec::new());
        let left = async {
            sleep(ms(left)).await;
            "text"
        };
        let right = async {
            sleep(ms(right)).await;
            7
        };
        each_as_it_comes(left, right, |value| came.push((value, start.elapsed()))).await;
        came.sort_by_key(|(value, _)| matches!(value, First::Right(_)));
        let times: [Duration; 2] = [came[0].1, came[1].1];
        assert_eq!((came[0].0, came[1].0), (First::Left("text"), First::Right(7)));
        assert_eq!((times[0].min(times[1]), times[0].max(times[1])), (ms(100), ms(300)));
        assert_eq!(start.elapsed(), ms(300));
    }
}

/// Futures that are ready at once take no time, and both values come.
#[tokio::test]
async fn what_is_ready_takes_no_time() {
    let mut came = Vec::new();
    let both = each_as_it_comes(async { 1 }, async { 2 }, |value| came.push(value)).now_or_never();
    assert_eq!((both, came), (Some(()), vec![First::Left(1), First::Right(2)]));
}
