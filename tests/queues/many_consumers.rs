//! Lessons of the pattern `many_consumers`.

use futures::FutureExt;
use queues::many_consumers::SharedReceiver;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::{Entries, HUNDRED, ms, settle, soon};

/// A closed channel with nine jobs in it.
fn nine_jobs() -> mpsc::Receiver<u32> {
    let (sender, receiver) = mpsc::channel(9);
    for job in 0..9 {
        sender.try_send(job).unwrap();
    }
    receiver
}

/// asyncio: each item of a queue goes to exactly one of its workers, and they overlap. Tokio: an mpsc channel has
/// one receiver; shared like this it does the same.
#[tokio::test(start_paused = true)]
async fn each_item_goes_to_one_consumer_and_the_consumers_overlap() {
    let (start, queue, log) = (Instant::now(), SharedReceiver::from(nine_jobs()), Entries::new());
    let worker = || async {
        while let Some(job) = queue.recv().await {
            sleep(ms(10)).await;
            log.add(job);
        }
    };
    tokio::join!(worker(), worker(), worker());
    let mut done = log.take();
    done.sort_unstable();
    assert_eq!(done, (0..9).collect::<Vec<_>>());
    assert_eq!(start.elapsed(), ms(30), "nine times 10 ms for three");
}

/// The hazard: the guard in the head of a `while let` lives until the end of the body, in edition 2024 too.
#[tokio::test(start_paused = true)]
async fn but_a_lock_held_over_the_work_runs_one_job_at_a_time() {
    let (start, queue) = (Instant::now(), tokio::sync::Mutex::new(nine_jobs()));
    let worker = || async {
        while let Some(_job) = queue.lock().await.recv().await {
            sleep(ms(10)).await;
        }
    };
    tokio::join!(worker(), worker(), worker());
    assert_eq!(start.elapsed(), ms(90));
}

/// asyncio: getters are served FIFO. Tokio: so is the lock.
#[tokio::test(start_paused = true)]
async fn those_who_wait_are_served_in_the_order_in_which_they_came() {
    let (sender, receiver) = mpsc::channel(3);
    let (queue, log) = (SharedReceiver::from(receiver), Entries::new());
    let mut waiting = JoinSet::new();
    for name in ["a", "b", "c"] {
        let (queue, log) = (queue.clone(), log.clone());
        waiting.spawn(async move { log.add((name, queue.recv().await)) });
        settle().await;
    }
    for item in 1..=3 {
        sender.send(item).await.unwrap();
    }
    waiting.join_all().await;
    assert_eq!(log.take(), [("a", Some(1)), ("b", Some(2)), ("c", Some(3))]);
}

/// asyncio: an item that arrives after a getter was cancelled goes to the next getter. Tokio: `recv` is cancel safe.
#[tokio::test(start_paused = true)]
async fn an_item_goes_to_another_when_the_one_who_waited_first_is_cancelled() {
    let (sender, receiver) = mpsc::channel(3);
    let queue = SharedReceiver::from(receiver);
    let mut first = Box::pin(queue.recv());
    let mut second = Box::pin(queue.recv());
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    sender.send(1).await.unwrap();
    drop(first);
    assert_eq!(soon(second).await, Some(1));
}

/// asyncio: a sentinel for each consumer. Tokio: each gets `None` when the channel is closed and empty.
#[tokio::test(start_paused = true)]
async fn a_closed_and_empty_channel_is_the_end_for_every_consumer() {
    let queue = SharedReceiver::from(nine_jobs());
    let worker = || async { while queue.recv().await.is_some() {} };
    soon(async { tokio::join!(worker(), worker(), worker()) }).await;
    assert_eq!(queue.recv().await, None);
}

/// asyncio: `get_nowait` raises `QueueEmpty`, `put_nowait` raises `QueueFull`. Tokio: the errors distinguish a closed
/// channel, and return the item.
#[tokio::test]
async fn without_waiting_empty_and_full_are_errors_and_the_item_comes_back() {
    let (sender, mut receiver) = mpsc::channel(1);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.try_send("a"), Ok(()));
    assert_eq!(sender.try_send("b"), Err(TrySendError::Full("b")));
    receiver.close();
    assert_eq!(sender.try_send("b"), Err(TrySendError::Closed("b")));
    assert_eq!(receiver.try_recv(), Ok("a"));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

/// asyncio: `maxsize=0` makes a queue without a bound. Tokio: a channel without slots panics.
#[tokio::test]
#[should_panic(expected = "mpsc bounded channel requires buffer > 0")]
async fn but_a_channel_with_a_bound_of_zero_panics() {
    let _ends = mpsc::channel::<()>(0);
}

/// A hundred thousand items through a hundred slots: each comes once, in order.
#[tokio::test]
async fn a_hundred_thousand_items_pass_through_a_hundred_places() {
    let (sender, receiver) = mpsc::channel(HUNDRED.get());
    let queue = SharedReceiver::from(receiver);
    let producer = async move {
        for item in 0..100_000 {
            if sender.try_send(item).is_err() {
                sender.send(item).await.unwrap();
            }
        }
    };
    let consumer = async {
        let mut expected = 0;
        while let Some(item) = queue.recv().await {
            assert_eq!(item, expected);
            expected += 1;
        }
        expected
    };
    assert_eq!(tokio::join!(producer, consumer), ((), 100_000));
}
