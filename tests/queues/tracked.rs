//! Lessons of the pattern `tracked`.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use queues::tracked::{Tracked, Unfinished};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{Entries, ms, soon};

/// Takes 10 ms for each page.
async fn consumer(
    name: &'static str,
    pages: async_channel::Receiver<Tracked<u32>>,
    log: Entries<(&'static str, u32)>,
) {
    while let Ok(page) = pages.recv().await {
        sleep(ms(10)).await;
        log.add((name, *page));
    }
}

/// asyncio: one producer, consumers A and B, a `task_done` for each item and a `join` for all. Tokio: an item that is
/// dropped is done, and the consumers end when the queue is closed.
#[tokio::test(start_paused = true)]
async fn join_returns_when_every_item_is_done() {
    let (start, log, unfinished) = (Instant::now(), Entries::new(), Unfinished::new());
    let (queue, pages) = async_channel::bounded(5);
    let consumers: JoinSet<_> =
        ["A", "B"].into_iter().map(|name| consumer(name, pages.clone(), log.clone())).collect();
    for page in 1..=6 {
        queue.send(unfinished.track(page)).await.unwrap();
    }
    assert_eq!(unfinished.count(), 6);
    soon(unfinished.join()).await;
    assert_eq!((start.elapsed(), unfinished.count()), (ms(30), 0), "six times 10 ms for two");
    drop(queue);
    consumers.join_all().await;
    assert_eq!(log.take(), [("A", 1), ("B", 2), ("A", 3), ("B", 4), ("A", 5), ("B", 6)]);
}

/// asyncio: `join` on a queue without unfinished items returns at once, as often as it is called. Tokio: the same.
#[tokio::test]
async fn join_of_nothing_returns_at_once() {
    let unfinished = Unfinished::default();
    assert_eq!(unfinished.join().now_or_never(), Some(()));
    drop(unfinished.track("page"));
    assert_eq!(unfinished.join().now_or_never(), Some(()));
}

/// asyncio: a taken item is unfinished until its `task_done`. Tokio: it is unfinished until it is dropped.
#[tokio::test]
async fn an_item_that_is_taken_is_not_done() {
    let unfinished = Unfinished::new();
    let (queue, mut pages) = mpsc::channel(1);
    queue.send(unfinished.track("page")).await.unwrap();
    let page = pages.recv().await;
    assert_eq!(unfinished.join().now_or_never(), None);
    drop(page);
    assert_eq!(unfinished.join().now_or_never(), Some(()));
}

/// asyncio: the count was zero for a moment, so `join` returns although there is a new item. Tokio: the same.
#[tokio::test]
async fn a_new_item_does_not_delay_an_earlier_join() {
    let unfinished = Unfinished::new();
    let first = unfinished.track(1);
    let mut joiners = [Box::pin(unfinished.join()), Box::pin(unfinished.join())];
    assert!(joiners.iter_mut().all(|joiner| joiner.now_or_never().is_none()));
    drop(first);
    let _second = unfinished.track(2);
    assert!(joiners.into_iter().all(|joiner| joiner.now_or_never().is_some()));
    assert_eq!(unfinished.join().now_or_never(), None, "a new joiner waits for the second");
}

/// asyncio: a worker that dies before `task_done` leaves `join` waiting forever. Tokio: a panic and an abort drop the
/// item.
#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_is_done_with_its_item() {
    let unfinished = Unfinished::new();
    let mut workers = JoinSet::new();
    for panics in [true, false] {
        let item = unfinished.track(panics);
        workers.spawn(async move {
            sleep(ms(10)).await;
            assert!(!*item, "at work");
            sleep(Duration::MAX).await;
        });
    }
    sleep(ms(20)).await;
    assert_eq!(unfinished.count(), 1, "the one that panicked is done");
    workers.abort_all();
    soon(unfinished.join()).await;
}

/// asyncio: an item that is put back counts as a new one, and the old one needs its `task_done`. Tokio: it stays the same
/// item.
#[tokio::test]
async fn an_item_sent_again_stays_unfinished() {
    let unfinished = Unfinished::new();
    let (queue, mut jobs) = mpsc::channel(1);
    queue.send(unfinished.track(("job", 1))).await.unwrap();
    let mut joiner = Box::pin(unfinished.join());
    for attempt in 1..=3 {
        let mut job = jobs.recv().await.unwrap();
        assert_eq!((*job, unfinished.count()), (("job", attempt), 1));
        job.1 += 1;
        queue.send(job).await.unwrap();
        assert!(joiner.as_mut().now_or_never().is_none());
    }
    drop(jobs.recv().await);
    assert_eq!(joiner.now_or_never(), Some(()));
}

/// Tokio: the item is dropped first and its token after that, even if the destructor of the item panics.
#[tokio::test]
async fn the_destructor_of_an_item_is_work_too() {
    struct LooksAt(Unfinished, Entries<usize>, bool);
    impl Drop for LooksAt {
        fn drop(&mut self) {
            self.1.add(self.0.count());
            assert!(!self.2, "while it is dropped");
        }
    }
    let (unfinished, log) = (Unfinished::new(), Entries::new());
    drop(unfinished.track(LooksAt(unfinished.clone(), log.clone(), false)));
    let panics = unfinished.track(LooksAt(unfinished.clone(), log.clone(), true));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(panics))).is_err());
    assert_eq!((log.take(), unfinished.join().now_or_never()), (vec![1, 1], Some(())));
}

/// asyncio: a cancelled `put` has not counted. Tokio: a dropped `send` drops its item, which is then done.
#[tokio::test(start_paused = true)]
async fn a_send_that_is_given_up_is_done() {
    let unfinished = Unfinished::new();
    let (queue, _pages) = mpsc::channel(1);
    queue.send(unfinished.track("first")).await.unwrap();
    assert!(timeout(ms(10), queue.send(unfinished.track("second"))).await.is_err());
    assert_eq!(unfinished.count(), 1);
}

/// asyncio: an item counts once it is in the queue. Tokio: it counts from `track` on, so `join` also waits for a waiting
/// `send`.
#[tokio::test(start_paused = true)]
async fn but_an_item_that_waits_for_room_counts() {
    let unfinished = Unfinished::new();
    let (queue, mut pages) = mpsc::channel(1);
    queue.send(unfinished.track("first")).await.unwrap();
    let mut send = Box::pin(queue.send(unfinished.track("second")));
    assert!(send.as_mut().now_or_never().is_none());
    drop(pages.recv().await);
    assert_eq!((pages.len(), unfinished.count()), (0, 1), "it is not in the queue, and it counts");
    assert!(timeout(ms(1_000), unfinished.join()).await.is_err());
    send.await.unwrap();
    drop(pages.recv().await);
    soon(unfinished.join()).await;
}

/// Tokio: `mpsc` drops its queued items with its receiver, so `join` returns. asyncio has no receiver to drop.
#[tokio::test]
async fn items_of_a_dropped_mpsc_receiver_are_done() {
    let unfinished = Unfinished::new();
    let (queue, pages) = mpsc::channel(5);
    queue.send(unfinished.track("page")).await.unwrap();
    drop(pages);
    assert_eq!(unfinished.join().now_or_never(), Some(()));
    assert!(queue.send(unfinished.track("late")).await.is_err());
    assert_eq!(unfinished.join().now_or_never(), Some(()), "the late one came back and was dropped");
}

/// The hazard: `async_channel` keeps its items while a sender lives, even when all workers are gone. asyncio: the same.
#[tokio::test(start_paused = true)]
async fn but_items_left_in_async_channel_hold_join() {
    let unfinished = Unfinished::new();
    let (queue, pages) = async_channel::bounded(5);
    queue.send(unfinished.track("page")).await.unwrap();
    drop(pages);
    assert!(timeout(ms(1_000), unfinished.join()).await.is_err());
    drop(queue);
    soon(unfinished.join()).await;
}

/// The hazard: `join` waits for items and stops no worker. asyncio: the same.
#[tokio::test(start_paused = true)]
async fn but_join_leaves_the_workers_waiting() {
    let unfinished = Unfinished::new();
    let (queue, pages) = async_channel::bounded(5);
    let mut worker = tokio::spawn(consumer("A", pages, Entries::new()));
    queue.send(unfinished.track(1)).await.unwrap();
    soon(unfinished.join()).await;
    assert!(timeout(ms(1_000), &mut worker).await.is_err());
    drop(queue);
    soon(worker).await.unwrap();
}

/// The hazard: an item that was dropped in a panic is done like any other. asyncio: `task_done` in a `finally` does the
/// same.
#[tokio::test(start_paused = true)]
async fn but_join_does_not_say_that_work_failed() {
    let unfinished = Unfinished::new();
    let item = unfinished.track("page");
    let worker = tokio::spawn(async move { panic!("{} is missing", *item) });
    soon(unfinished.join()).await;
    assert!(soon(worker).await.unwrap_err().is_panic(), "the worker's handle says it");
}

/// The hazard: a worker that sends its item back into a full queue waits for room that only it could make. asyncio: so does
/// a worker that calls `put`.
#[tokio::test(start_paused = true)]
async fn but_a_worker_can_wait_for_its_own_queue() {
    let unfinished = Unfinished::new();
    let (queue, mut jobs) = mpsc::channel(1);
    queue.send(unfinished.track("first")).await.unwrap();
    let again = queue.clone();
    tokio::spawn(async move {
        while let Some(job) = jobs.recv().await {
            sleep(ms(10)).await;
            again.send(job).await.unwrap();
        }
    });
    sleep(ms(5)).await;
    queue.send(unfinished.track("second")).await.unwrap();
    assert!(timeout(ms(1_000), unfinished.join()).await.is_err());
    assert_eq!((queue.capacity(), unfinished.count()), (0, 2), "one fills the queue, one waits for room");
}

/// The hazard: `_` binds nothing, so the token of a pair is dropped before the work begins.
#[tokio::test]
async fn but_a_bare_token_is_dropped_at_once() {
    let tracker = TaskTracker::new();
    let (queue, mut pages) = mpsc::channel(2);
    queue.send(("page", tracker.token())).await.unwrap();
    let (page, _) = pages.recv().await.unwrap();
    assert_eq!((page, tracker.len()), ("page", 0), "at work, and done already");

    let unfinished = Unfinished::new();
    let tracked = unfinished.track("page");
    assert_eq!((*tracked, unfinished.count()), ("page", 1));
}

/// The hazard: an open `TaskTracker` never ends its `wait`, even at zero. [`Unfinished`] is closed from the beginning.
#[tokio::test(start_paused = true)]
async fn but_an_open_tracker_waits_forever() {
    let tracker = TaskTracker::new();
    drop(tracker.token());
    assert!(timeout(ms(1_000), tracker.wait()).await.is_err());
    tracker.close();
    assert_eq!(tracker.wait().now_or_never(), Some(()));
    let token = tracker.token();
    assert_eq!(tracker.wait().now_or_never(), None, "a closed one still hands out tokens, and counts them");
    drop(token);
}

/// asyncio and Tokio: an owned part of the item can be taken out; the item is done when it is dropped.
#[tokio::test]
async fn an_owned_part_can_be_taken_out() {
    let unfinished = Unfinished::new();
    let mut page = unfinished.track("<home>".to_owned());
    let text = std::mem::take(&mut *page);
    assert_eq!((text.as_str(), unfinished.count()), ("<home>", 1));
    drop(page);
    assert_eq!(unfinished.count(), 0);
}

/// A hundred thousand items through a hundred slots, four workers on four threads: `join` sees all of them done.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_threads_lose_no_item() {
    let (unfinished, done) = (Unfinished::new(), Arc::new(std::sync::atomic::AtomicU64::new(0)));
    let (queue, items) = async_channel::bounded(100);
    let workers: JoinSet<_> = (0..4)
        .map(|_| {
            let (items, done) = (items.clone(), done.clone());
            async move {
                while let Ok(item) = items.recv().await {
                    let item: Tracked<u64> = item;
                    done.fetch_add(*item, std::sync::atomic::Ordering::SeqCst);
                }
            }
        })
        .collect();
    for item in 0..100_000 {
        queue.send(unfinished.track(item)).await.unwrap();
    }
    soon(unfinished.join()).await;
    assert_eq!(done.load(std::sync::atomic::Ordering::SeqCst), 99_999 * 100_000 / 2);
    drop(queue);
    workers.join_all().await;
}
