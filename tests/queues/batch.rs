//! Lessons of the pattern `batch`.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures::FutureExt;
use queues::batch::Batches;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Entries, THREE, ms, soon};
use crate::work::batch::at;

/// Returns all batches, each with the time when it came.
async fn all(mut batches: Batches<u32>) -> Vec<(Vec<u32>, Duration)> {
    let start = Instant::now();
    let mut all = Vec::new();
    while let Some(batch) = batches.next().await {
        all.push((batch, start.elapsed()));
    }
    all
}

/// asyncio: a loop around `queue.get()` under one `asyncio.timeout`. Tokio: three items, or the items that came within 100 ms.
#[tokio::test(start_paused = true)]
async fn a_batch_is_full_or_it_is_due() {
    let events = at([(0, 1), (10, 2), (20, 3), (50, 4), (120, 5), (500, 6)]);
    let batches = all(Batches::new(events, THREE, ms(100))).await;
    assert_eq!(
        batches,
        [(vec![1, 2, 3], ms(20)), (vec![4, 5], ms(150)), (vec![6], ms(500))],
        "full; due 100 ms after item 4; the last one, because the channel is closed"
    );
}

/// asyncio: a timeout around the first `get` too would give empty batches. Tokio: the timer starts with the first item.
#[tokio::test(start_paused = true)]
async fn the_timer_starts_with_the_first_item() {
    let batches = all(Batches::new(at([(1_000, 1), (1_099, 2), (2_000, 3)]), THREE, ms(100))).await;
    assert_eq!(batches[0], (vec![1, 2], ms(1_100)));
}

/// asyncio and Tokio: items that are queued already go into one batch, without a wait for each item.
#[tokio::test(start_paused = true)]
async fn what_is_queued_fills_the_batch_at_once() {
    let (sender, receiver) = mpsc::channel(10);
    (1..=7).for_each(|item| sender.try_send(item).unwrap());
    let mut batches = Batches::new(receiver, THREE, ms(100));
    assert_eq!(batches.next().now_or_never(), Some(Some(vec![1, 2, 3])));
    assert_eq!(batches.next().now_or_never(), Some(Some(vec![4, 5, 6])));
    let start = Instant::now();
    assert_eq!((batches.next().await, start.elapsed()), (Some(vec![7]), ms(100)));
}

/// asyncio and Tokio: when more items come than fit into a batch, the rest goes into the next one.
#[tokio::test(start_paused = true)]
async fn a_batch_is_never_too_large() {
    let batches = all(Batches::new(at([(0, 1), (10, 2), (10, 3), (10, 4), (10, 5)]), THREE, ms(100))).await;
    assert_eq!(batches, [(vec![1, 2, 3], ms(10)), (vec![4, 5], ms(10))]);
}

/// asyncio (3.13): `get` raises `QueueShutDown` when a queue is shut down and empty. Tokio: the rest comes at once,
/// then `None`.
#[tokio::test(start_paused = true)]
async fn closing_gives_the_last_batch_at_once() {
    let (sender, receiver) = mpsc::channel(10);
    let mut batches = Batches::new(receiver, THREE, Duration::MAX);
    sender.try_send(1).unwrap();
    let closes = async {
        sleep(ms(10)).await;
        sender.try_send(2).unwrap();
        drop(sender);
    };
    let start = Instant::now();
    assert_eq!(soon(async { tokio::join!(batches.next(), closes) }).await, (Some(vec![1, 2]), ()));
    assert_eq!(start.elapsed(), ms(10));
    assert_eq!((batches.next().await, batches.next().await), (None, None));
}

/// asyncio: a cancelled `get` leaves its item in the queue, but the list of the batch is lost. Tokio: nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_cancelled_next_keeps_items_and_deadline() {
    let events = at([(0, 1), (30, 2), (90, 3), (200, 4)]);
    let start = Instant::now();
    let mut batches = Batches::new(events, NonZeroUsize::MAX, ms(100));
    for _ in 0..4 {
        assert!(timeout(ms(20), batches.next()).await.is_err());
    }
    assert_eq!((batches.next().await, start.elapsed()), (Some(vec![1, 2, 3]), ms(100)));
    assert_eq!(batches.next().await, Some(vec![4]));
}

/// Tokio: a deadline that passed between two calls counts. The items queued by then go into the batch.
#[tokio::test(start_paused = true)]
async fn an_overdue_batch_takes_what_is_queued() {
    let (sender, receiver) = mpsc::channel(10);
    let mut batches = Batches::new(receiver, THREE, ms(100));
    sender.try_send(1).unwrap();
    assert!(timeout(ms(10), batches.next()).await.is_err());
    sleep(ms(500)).await;
    sender.try_send(2).unwrap();
    assert_eq!(batches.next().now_or_never(), Some(Some(vec![1, 2])));
}

/// The hazard: a list in the future, and not in the value, is lost when the future is dropped. asyncio loses it too.
#[tokio::test(start_paused = true)]
async fn but_a_batch_inside_a_future_is_lost() {
    let mut events = at([(0, 1), (30, 2), (90, 3)]);
    let batch = async {
        let mut batch = Vec::new();
        while batch.len() < 3 {
            batch.extend(events.recv().await);
        }
        batch
    };
    assert!(timeout(ms(50), batch).await.is_err());
    assert_eq!(events.recv().await, Some(3), "1 and 2 are gone");
}

/// With a size of one, each item comes at once, without a wait.
#[tokio::test(start_paused = true)]
async fn a_batch_of_one_never_waits() {
    let batches = all(Batches::new(at([(0, 1), (0, 2), (50, 3)]), NonZeroUsize::MIN, ms(100))).await;
    assert_eq!(batches, [(vec![1], ms(0)), (vec![2], ms(0)), (vec![3], ms(50))]);
}

/// asyncio: `timeout(0)` still returns an item that is there. Tokio: without a delay, a batch takes the queued items and
/// does not wait, not even for the next tick of the real clock.
#[tokio::test]
async fn without_a_delay_it_takes_what_is_queued() {
    let (sender, receiver) = mpsc::channel(10);
    (1..=5).for_each(|item| sender.try_send(item).unwrap());
    let mut batches = Batches::new(receiver, THREE, Duration::ZERO);
    assert_eq!(batches.next().now_or_never(), Some(Some(vec![1, 2, 3])));
    assert_eq!(batches.next().now_or_never(), Some(Some(vec![4, 5])));
    assert_eq!(batches.next().now_or_never(), None, "it waits for the first item");
}

/// asyncio: `timeout(None)` never ends. Tokio: `Duration::MAX`; every batch is full, except for the last one.
#[tokio::test(start_paused = true)]
async fn an_endless_delay_waits_until_the_batch_is_full() {
    const DAY: u64 = 24 * 60 * 60 * 1_000;
    let events = at([(0, 1), (DAY, 2), (2 * DAY, 3), (3 * DAY, 4)]);
    let batches = all(Batches::new(events, THREE, Duration::MAX)).await;
    assert_eq!(batches, [(vec![1, 2, 3], ms(2 * DAY)), (vec![4], ms(3 * DAY))]);
}

/// asyncio: a loop over a queue that is never empty blocks other tasks. Tokio: the loop yields after 128 batches.
#[tokio::test]
async fn a_queue_that_is_never_empty_lets_others_run() {
    let (sender, receiver) = mpsc::channel(1_000);
    (0..1_000).for_each(|item| sender.try_send(item).unwrap());
    let mut batches = Batches::new(receiver, NonZeroUsize::MIN, ms(100));
    let seen = Entries::new();
    let other = tokio::spawn({
        let (seen, sender) = (seen.clone(), sender.clone());
        async move { seen.add(sender.capacity()) }
    });
    for _ in 0..1_000 {
        batches.next().await;
    }
    other.await.unwrap();
    assert_eq!(seen.take(), [128]);
}
