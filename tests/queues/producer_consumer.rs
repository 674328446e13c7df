//! Lessons of the pattern `producer_consumer`.

use std::future::{Ready, ready};
use std::num::NonZeroUsize;

use async_channel::Sender;
use futures::FutureExt;
use queues::producer_consumer::produce_and_consume;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, Entries, HUNDRED, ONE, OnDrop, TWO, alive_tasks, ms, panics, settle, soon};
use crate::work::producer_consumer::produce;
use crate::work::{FIVE, MILLION};

/// The classic: a producer of ten items, two consumers, a bound of five. asyncio and Tokio: items come FIFO, each goes to
/// one consumer, and the consumers work at the same time.
#[tokio::test(start_paused = true)]
async fn each_item_goes_to_one_consumer_and_the_consumers_overlap() {
    let (start, log) = (Instant::now(), Entries::new());
    let consumers = ["a", "b"].map(|name| {
        let log = log.clone();
        move |item| {
            let log = log.clone();
            async move {
                sleep(ms(10)).await;
                log.add((name, item));
            }
        }
    });
    assert_eq!(produce_and_consume(FIVE, |queue| produce(10, queue), consumers).await, Ok(()));
    let log = log.take();
    assert_eq!(log.iter().map(|(_, item)| *item).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    assert_eq!(log.iter().filter(|(name, _)| *name == "a").count(), 5);
    assert_eq!(start.elapsed(), ms(50), "ten times 10 ms for two");
}

/// asyncio: `put` to a full queue waits for a `get`. Tokio: so does `send`.
#[tokio::test(start_paused = true)]
async fn the_producer_waits_while_the_queue_is_full() {
    let (start, log) = (Instant::now(), Entries::new());
    let produce = |queue: Sender<u32>| async move {
        let mut sent = Vec::new();
        for item in 1..=5 {
            queue.send(item).await.unwrap();
            sent.push(start.elapsed());
        }
        sent
    };
    let consume = {
        let log = log.clone();
        move |item| {
            let log = log.clone();
            async move {
                sleep(ms(10)).await;
                log.add(item);
            }
        }
    };
    let sent = produce_and_consume(TWO, produce, [consume]).await;
    // Two fit into the queue; the consumer takes one at once, and then one every 10 ms.
    assert_eq!(sent, [ms(0), ms(0), ms(0), ms(10), ms(20)]);
    assert_eq!((log.take(), start.elapsed()), (vec![1, 2, 3, 4, 5], ms(50)));
}

/// asyncio 3.11: a sentinel for each consumer. Tokio: the queue closes with its last sender, and its items are still
/// received.
#[tokio::test(start_paused = true)]
async fn closing_ends_any_number_of_consumers_after_the_last_item() {
    let log = Entries::new();
    let consumers = (0..100).map(|_| {
        let log = log.clone();
        move |item| log.added(item)
    });
    assert_eq!(soon(produce_and_consume(FIVE, |queue| produce(7, queue), consumers)).await, Ok(()));
    assert_eq!(log.take(), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(alive_tasks(), 0);
}

async fn until_a_sentinel(queue: async_channel::Receiver<Option<u32>>) {
    while let Ok(Some(_item)) = queue.recv().await {}
}

/// asyncio and Tokio: each consumer needs a sentinel; one sentinel ends one consumer, and the others wait.
#[tokio::test(start_paused = true)]
async fn but_one_sentinel_ends_one_consumer_only() {
    let (sender, receiver) = async_channel::bounded(5);
    let mut consumers: JoinSet<_> = (0..2).map(|_| until_a_sentinel(receiver.clone())).collect();
    sender.send(Some(1)).await.unwrap();
    sender.send(None).await.unwrap();
    settle().await;
    assert_eq!(alive_tasks(), 1);
    sender.send(None).await.unwrap();
    while consumers.join_next().await.is_some() {}
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: a producer that raises has put no sentinel, and its consumers wait forever. Tokio: however it ends, its
/// sender is dropped.
#[tokio::test(start_paused = true)]
async fn a_producer_that_fails_ends_the_consumers_all_the_same() {
    async fn half(queue: Sender<u32>) -> Result<(), String> {
        queue.send(1).await.map_err(|error| error.to_string())?;
        Err("no more".to_owned())
    }
    let log = Entries::new();
    let consumed = log.clone();
    let consume = move |item| consumed.added(item);
    assert_eq!(soon(produce_and_consume(FIVE, half, [consume])).await, Err("no more".to_owned()));
    assert_eq!(log.take(), [1]);

    let (sender, receiver) = async_channel::bounded(5);
    let waits = tokio::spawn(until_a_sentinel(receiver));
    let fails = async || {
        sender.send(Some(1)).await.unwrap();
        Err::<(), _>("no more, and no sentinel")
    };
    assert!(fails().await.is_err());
    assert!(timeout(ms(1_000), waits).await.is_err());
}

/// The hazard: a clone of the sender that is never used keeps the queue open.
#[tokio::test(start_paused = true)]
async fn but_a_spare_sender_keeps_the_consumers_waiting() {
    let mut spare = None;
    let all = produce_and_consume(
        FIVE,
        |queue| {
            spare = Some(queue.clone());
            produce(3, queue)
        },
        [|_| async {}],
    );
    let mut all = std::pin::pin!(all);
    assert!(timeout(ms(1_000), all.as_mut()).await.is_err());
    assert!(all.now_or_never().is_none());
}

/// asyncio: `put` into a queue with room does not let others run. Tokio's own channels yield after 128 operations;
/// `async_channel` does not know Tokio and never yields.
#[tokio::test]
async fn but_a_send_with_room_never_lets_others_run() {
    let (sender, receiver) = mpsc::channel(1_000);
    let other = tokio::spawn(async move { (receiver.len(), receiver) });
    for item in 0..1_000 {
        sender.send(item).await.unwrap();
    }
    assert_eq!(other.await.unwrap().0, 128);

    let (sender, receiver) = async_channel::bounded(1_000);
    let other = tokio::spawn(async move { receiver.len() });
    for item in 0..1_000 {
        sender.send(item).await.unwrap();
    }
    assert_eq!(other.await.unwrap(), 1_000);
}

/// asyncio: a producer whose consumers have all died waits for room forever. Tokio: its `send` fails.
#[tokio::test(start_paused = true)]
async fn a_send_fails_when_no_consumer_is_left() {
    let none: [fn(u32) -> Ready<()>; 0] = [];
    assert_eq!(produce_and_consume(FIVE, |queue| produce(3, queue), none).await, Err(1));

    let produced = Entries::new();
    let panics = |item: u32| async move { assert!(item < 2, "item {item}") };
    let all = produce_and_consume(
        ONE,
        |queue| async {
            produced.add(produce(10, queue).await);
        },
        [panics],
    );
    let panic = std::panic::AssertUnwindSafe(soon(all)).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "item 2");
    assert!(matches!(produced.take()[..], [Err(_)]), "and its send failed");
}

/// asyncio: a dead consumer is noticed when it is awaited. Tokio: the same; here the pattern awaits it.
#[tokio::test(start_paused = true)]
async fn a_panic_in_one_consumer_goes_on_in_the_caller_after_the_others_have_done_the_rest() {
    let log = Entries::new();
    let consumers = [1, 0].map(|bad| {
        let log = log.clone();
        move |item: u32| {
            let log = log.clone();
            async move {
                sleep(ms(10)).await;
                assert_ne!(item, bad, "bad item");
                log.add(item);
            }
        }
    });
    let all = produce_and_consume(FIVE, |queue| produce(4, queue), consumers);
    let panic = std::panic::AssertUnwindSafe(soon(all)).catch_unwind().await.unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("bad item"));
    assert_eq!(log.take(), [2, 3, 4]);
}

/// The payload of a second panic may panic when it is dropped. The other consumers still do the rest, and the first panic
/// goes on.
#[tokio::test(start_paused = true)]
async fn of_two_panics_the_first_goes_on_after_the_rest_is_done() {
    let log = Entries::new();
    let consumers = [1, 2, 3].map(|millis| {
        let log = log.clone();
        move |item: u32| {
            let log = log.clone();
            async move {
                sleep(ms(millis)).await;
                match millis {
                    1 => panics("the first"),
                    2 => std::panic::resume_unwind(Box::new(OnDrop(|| panics("dropped")))),
                    _ => log.add(item),
                }
            }
        }
    });
    let all = produce_and_consume(FIVE, |queue| produce(5, queue), consumers);
    let panic = std::panic::AssertUnwindSafe(soon(all)).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the first"));
    assert_eq!(log.take().len(), 3);
}

/// A panic of the producer goes on in the caller at once, and no consumer is left.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_producer_aborts_the_consumers() {
    let panics = |_queue: Sender<u32>| async { panic!("no more") };
    let all = produce_and_consume::<_, _, _, _>(FIVE, panics, [|_| async {}]);
    let ended: Result<(), _> = std::panic::AssertUnwindSafe(all).catch_unwind().await;
    assert!(ended.is_err());
    settle().await;
    assert_eq!(alive_tasks(), 0);
}

/// A producer that sends nothing ends its consumers at once.
#[tokio::test(start_paused = true)]
async fn of_nothing_it_ends_at_once() {
    assert_eq!(soon(produce_and_consume(ONE, |queue| produce(0, queue), [|_| async {}])).await, Ok(()));
}

/// A million items through a hundred slots: each comes once, in order, and the queue never holds more.
#[tokio::test]
async fn a_million_items_pass_through_a_hundred_places() {
    let produce = |queue: Sender<u32>| async move {
        for item in 0..MILLION {
            queue.send(item).await.unwrap();
            assert!(item % 1_000 > 0 || queue.len() <= 100);
        }
    };
    let (log, mut expected) = (Entries::new(), 0);
    let consume = {
        let log = log.clone();
        move |item| {
            assert_eq!(item, expected);
            expected += 1;
            if item == MILLION - 1 {
                log.add(item);
            }
            ready(())
        }
    };
    produce_and_consume(HUNDRED, produce, [consume]).await;
    assert_eq!(log.take(), [MILLION - 1]);
}

/// asyncio: `get` of a queue that holds items never lets others run. Here a consumer does, however many items are queued.
#[tokio::test]
async fn consumers_of_a_full_queue_leave_others_their_turn() {
    let (consumed, seen) = (Count::default(), Count::default());
    let (counts, count_of, sees) = (consumed.clone(), consumed.clone(), seen.clone());
    let fill = async |queue: Sender<u32>| {
        for item in 0..10_000 {
            queue.try_send(item).unwrap();
        }
        tokio::spawn(async move {
            for _ in 0..count_of.get() {
                sees.add();
            }
        });
    };
    let consume = move |_| {
        counts.add();
        ready(())
    };
    produce_and_consume(NonZeroUsize::new(10_000).unwrap(), fill, [consume]).await;
    assert_eq!(consumed.get(), 10_000);
    assert!(seen.get() < 1_000, "the other task ran after {} items", seen.get());
}
