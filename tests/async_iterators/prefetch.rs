//! Lessons of the pattern `prefetch`.

use std::num::NonZeroUsize;
use std::pin::pin;

use async_iterators::prefetch::prefetch;
use futures::stream::{self};
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep};

use crate::support::{Count, Gauge, alive_tasks, limit, ms, settle};
use crate::work::prefetch::numbers;
use crate::work::{ROUNDS, pause, until};

/// asyncio: a task that fills a queue of one. Making an item takes 100 ms and so does handling it; together they take
/// 100 ms.
#[tokio::test(start_paused = true)]
async fn the_next_item_is_made_while_this_one_is_handled() {
    let start = Instant::now();
    let mut ahead = pin!(prefetch(numbers(&Count::default()), limit(1)).take(3));
    while ahead.next().await.is_some() {
        sleep(ms(100)).await;
    }
    assert_eq!(start.elapsed(), ms(400));

    let start = Instant::now();
    let mut plain = pin!(numbers(&Count::default()).take(3));
    while plain.next().await.is_some() {
        sleep(ms(100)).await;
    }
    assert_eq!(start.elapsed(), ms(600));
}

/// The limit counts the items that are made or being made, and not yet taken.
#[tokio::test(start_paused = true)]
async fn no_item_is_made_past_the_limit() {
    for ahead in [1, 2, 5] {
        let made = Count::default();
        let mut numbers = pin!(prefetch(numbers(&made), limit(ahead)));
        sleep(ms(10_000)).await;
        assert_eq!(made.get(), ahead);
        for taken in 1..=3 {
            assert_eq!(numbers.next().await, Some(taken));
            sleep(ms(10_000)).await;
            assert_eq!(made.get(), taken + ahead);
        }
    }
}

/// The hazard: an item that is made before a slot is free. asyncio's `await queue.put(item)` does the same.
#[tokio::test(start_paused = true)]
async fn but_an_item_made_before_it_has_a_place_is_one_too_many() {
    let made = Count::default();
    let mut source = Box::pin(numbers(&made));
    let (sender, _receiver) = tokio::sync::mpsc::channel(1);
    let task = tokio::spawn(async move {
        while let Some(item) = source.next().await {
            if sender.send(item).await.is_err() {
                break;
            }
        }
    });
    sleep(ms(10_000)).await;
    assert_eq!(made.get(), 2);
    task.abort();
}

/// asyncio: a task also starts by itself. The stream alone would wait for the first `next()`.
#[tokio::test(start_paused = true)]
async fn it_starts_at_the_call() {
    let made = Count::default();
    let _ahead = prefetch(numbers(&made), limit(1));
    settle().await;
    assert_eq!(made.get(), 1);
}

/// The source runs on another task: its panic comes after the items before it.
#[tokio::test(start_paused = true)]
async fn a_panic_comes_after_the_items_before_it_and_then_the_end() {
    let numbers = stream::iter(1..).map(|number| if number == 3 { panic!("three") } else { number });
    let mut ahead = prefetch(numbers, limit(5));
    settle().await;
    assert_eq!((ahead.next().await, ahead.next().await), (Some(1), Some(2)));
    let panic = std::panic::AssertUnwindSafe(ahead.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"three"));
    for _ in 0..3 {
        assert_eq!(ahead.next().now_or_never(), Some(None));
    }
}

/// asyncio: a task that fills a queue outlives its reader. Here: the drop aborts it, and drops the items that wait.
#[tokio::test(start_paused = true)]
async fn dropping_it_drops_the_stream_and_the_items_that_wait() {
    let (sources, waiting) = (Gauge::default(), Gauge::default());
    let (source, gauge) = (sources.enter(), waiting.clone());
    let items = stream::iter(0..).map(move |_| (&source, gauge.enter()).1);
    let mut ahead = prefetch(items, limit(3));
    let first = ahead.next().await;
    settle().await;
    assert_eq!((sources.now(), waiting.now()), (1, 4));
    drop(ahead);
    settle().await;
    assert_eq!((sources.now(), waiting.now(), alive_tasks()), (0, 1, 0), "all but the one taken");
    drop(first);
}

/// The task waits for an item that never comes: only an abort ends it.
#[tokio::test(start_paused = true)]
async fn dropping_it_drops_a_stream_that_waits() {
    let sources = Gauge::default();
    let source = sources.enter();
    let ahead = prefetch(stream::pending::<()>().map(move |()| (&source, ()).1), limit(1));
    settle().await;
    drop(ahead);
    settle().await;
    assert_eq!((sources.now(), alive_tasks()), (0, 0));
}

/// It is fused. The largest limit does not panic, as it would with a bare channel.
#[tokio::test]
async fn polled_after_the_end_it_stays_at_the_end_and_of_nothing_it_ends() {
    let mut ahead = prefetch(stream::iter(1..3), NonZeroUsize::MAX);
    assert_eq!((ahead.next().await, ahead.next().await), (Some(1), Some(2)));
    for _ in 0..3 {
        assert_eq!(ahead.next().await, None);
    }
    assert_eq!(prefetch(stream::empty::<()>(), limit(1)).next().await, None);
}

/// The limit bounds the memory: a hundred items ahead, and the one that the consumer holds.
#[tokio::test]
async fn of_two_hundred_thousand_items_no_more_than_the_limit_and_one_in_hand_are_in_memory() {
    let alive = Gauge::default();
    let gauge = alive.clone();
    let numbers = stream::iter(0..200_000_u64).map(move |number| (number, gauge.enter()));
    let mut numbers = prefetch(numbers, limit(100));
    let mut sum = 0;
    while let Some((number, _alive)) = numbers.next().await {
        sum += number;
        if number % 1_000 == 0 {
            tokio::task::yield_now().await; // the task that is ahead runs meanwhile
        }
    }
    assert_eq!(sum, 19_999_900_000);
    assert_eq!((alive.peak(), alive.now()), (101, 0));
}

/// Source and consumer run on threads of their own; each yields at random to the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_each_item_comes_once_in_order_and_none_past_the_limit() {
    for round in 0..ROUNDS {
        let mut random = fastrand::Rng::with_seed(round);
        let (ahead, length, leave_at) = (random.usize(1..=4), random.usize(0..60), random.usize(0..80));
        let (asked, alive) = (Count::default(), Gauge::default());
        let source = {
            let (asked, mut random, one) = (asked.clone(), random.fork(), alive.enter());
            stream::iter(0..length).then(move |number| {
                let _held = &one;
                // The item that the consumer asks for now may be taken already, but not counted yet.
                assert!(number < asked.get() + ahead, "{number} is past the limit of round {round}");
                pause(&mut random).map(move |()| number)
            })
        };
        let mut numbers = prefetch(source, limit(ahead));
        let consumer = tokio::spawn(async move {
            for taken in 0.. {
                if taken == leave_at {
                    return taken;
                }
                asked.add();
                match numbers.next().await {
                    Some(number) => assert_eq!(number, taken),
                    None => return taken,
                }
                pause(&mut random).await;
            }
            unreachable!("no round is endless")
        });
        assert_eq!(consumer.await.unwrap(), length.min(leave_at), "round {round}");
        until(|| alive.now() == 0).await;
    }
}
