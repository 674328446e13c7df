//! Lessons of `recipes/queues`: what asyncio's queues promise, and what Tokio's channels do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::future::{Ready, ready};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cancel_sweep::Outcome::{self, Cancelled, Finished};
use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const FIVE: NonZeroUsize = NonZeroUsize::new(5).unwrap();
const HUNDRED: NonZeroUsize = NonZeroUsize::new(100).unwrap();
const MILLION: u32 = 1_000_000;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What happened, in its order, told from many places.
#[derive(Debug)]
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Log<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn add(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    /// Adds the entry now; the future that a consumer has to return is ready.
    fn added(&self, entry: T) -> Ready<()> {
        self.add(entry);
        ready(())
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A lesson that would wait for ever fails instead.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(ms(60_000), work).await.expect("it ends")
}

/// Lets every other task of this thread run until it waits.
async fn settle() {
    sleep(ms(1)).await;
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

mod producer_consumer {
    use super::*;
    use async_channel::Sender;
    use queues::producer_consumer::produce_and_consume;

    async fn produce(count: u32, queue: Sender<u32>) -> Result<(), u32> {
        for item in 1..=count {
            queue.send(item).await.map_err(|unsent| unsent.0)?;
        }
        Ok(())
    }

    /// The classic: a producer of ten items, two consumers, a bound of five. asyncio and Tokio: first in, first out;
    /// each item goes to one consumer, and the consumers work at the same time.
    #[tokio::test(start_paused = true)]
    async fn each_item_goes_to_one_consumer_and_the_consumers_overlap() {
        let (start, log) = (Instant::now(), Log::new());
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
        let (start, log) = (Instant::now(), Log::new());
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
        // Two fit into the queue; the consumer takes one at once and one each 10 ms after that.
        assert_eq!(sent, [ms(0), ms(0), ms(0), ms(10), ms(20)]);
        assert_eq!((log.take(), start.elapsed()), (vec![1, 2, 3, 4, 5], ms(50)));
    }

    /// asyncio 3.11: a sentinel for each consumer. Tokio: the queue closes with its last sender, and what is in it is
    /// still received.
    #[tokio::test(start_paused = true)]
    async fn closing_ends_any_number_of_consumers_after_the_last_item() {
        let log = Log::new();
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

    /// asyncio and Tokio: with sentinels it takes one for each consumer; whoever gets one leaves the others waiting.
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

    /// asyncio: a producer that raises has put no sentinel, and its consumers wait for ever. Tokio: however it ends, its
    /// sender is dropped.
    #[tokio::test(start_paused = true)]
    async fn a_producer_that_fails_ends_the_consumers_all_the_same() {
        async fn half(queue: Sender<u32>) -> Result<(), String> {
            queue.send(1).await.map_err(|error| error.to_string())?;
            Err("no more".to_owned())
        }
        let log = Log::new();
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

    /// The hazard: a clone of the sender that nobody uses keeps the queue open.
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

    /// asyncio: `put` into a queue with room does not let others run. Tokio's own channels do, after 128 operations;
    /// those of `async_channel` know nothing of Tokio.
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

    /// asyncio: a producer whose consumers have all died waits for room for ever. Tokio: its `send` fails.
    #[tokio::test(start_paused = true)]
    async fn a_send_fails_when_no_consumer_is_left() {
        let none: [fn(u32) -> Ready<()>; 0] = [];
        assert_eq!(produce_and_consume(FIVE, |queue| produce(3, queue), none).await, Err(1));

        let produced = Log::new();
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
        assert!(matches!(produced.take()[..], [Err(_)]), "and it was told");
    }

    /// asyncio: one dead consumer is noticed when somebody awaits it. Tokio: the same; here the caller does.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_one_consumer_goes_on_in_the_caller_after_the_others_have_done_the_rest() {
        let log = Log::new();
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

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_producer_aborts_the_consumers() {
        let panics = |_queue: Sender<u32>| async { panic!("no more") };
        let all = produce_and_consume::<_, _, _, _>(FIVE, panics, [|_| async {}]);
        let ended: Result<(), _> = std::panic::AssertUnwindSafe(all).catch_unwind().await;
        assert!(ended.is_err());
        settle().await;
        assert_eq!(alive_tasks(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn of_nothing_it_ends_at_once() {
        assert_eq!(soon(produce_and_consume(ONE, |queue| produce(0, queue), [|_| async {}])).await, Ok(()));
    }

    #[tokio::test]
    async fn a_million_items_pass_through_a_hundred_places() {
        let produce = |queue: Sender<u32>| async move {
            for item in 0..MILLION {
                queue.send(item).await.unwrap();
                assert!(item % 1_000 > 0 || queue.len() <= 100);
            }
        };
        let (log, mut expected) = (Log::new(), 0);
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

    /// Cancelled anywhere, it leaves no task behind, and no item that was consumed twice or out of order.
    #[test]
    fn cancelled_anywhere_it_leaves_nothing_behind() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::new();
                let consumed = log.clone();
                let consume = move |item| {
                    let consumed = consumed.clone();
                    async move {
                        sleep(ms(10)).await;
                        consumed.add(item);
                    }
                };
                (log, produce_and_consume(TWO, |queue| produce(6, queue), [consume]))
            },
            |log, outcome| {
                let consumed = log.take();
                assert!(consumed.iter().copied().eq(1..=consumed.len() as u32), "{consumed:?}");
                if let Finished(produced) = outcome {
                    assert_eq!((produced, consumed.len()), (Ok(()), 6));
                }
                assert_eq!(alive_tasks(), 0);
            },
        );
        assert!(swept.points >= 4, "{swept:?}");
    }
}

mod many_consumers {
    use super::*;
    use queues::many_consumers::SharedReceiver;
    use tokio::sync::mpsc::error::{TryRecvError, TrySendError};

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
        let (start, queue, log) = (Instant::now(), SharedReceiver::from(nine_jobs()), Log::new());
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

    /// asyncio: getters are served in the order in which they came. Tokio: the lock is fair.
    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_served_in_the_order_in_which_they_came() {
        let (sender, receiver) = mpsc::channel(3);
        let (queue, log) = (SharedReceiver::from(receiver), Log::new());
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

    #[tokio::test(start_paused = true)]
    async fn a_closed_and_empty_channel_is_the_end_for_every_consumer() {
        let queue = SharedReceiver::from(nine_jobs());
        let worker = || async { while queue.recv().await.is_some() {} };
        soon(async { tokio::join!(worker(), worker(), worker()) }).await;
        assert_eq!(queue.recv().await, None);
    }

    /// asyncio: `get_nowait` raises `QueueEmpty`, `put_nowait` raises `QueueFull`. Tokio: errors, which tell a closed
    /// channel apart, and give the item back.
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

    /// asyncio: `maxsize=0` is a queue without a bound. Tokio: a channel without places panics.
    #[tokio::test]
    #[should_panic(expected = "mpsc bounded channel requires buffer > 0")]
    async fn but_a_channel_with_a_bound_of_zero_panics() {
        let _ends = mpsc::channel::<()>(0);
    }

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

    /// Two consumers, one of them cancelled anywhere: together they receive every item once, in order.
    #[test]
    fn a_cancelled_recv_loses_no_item() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (sender, receiver) = mpsc::channel(2);
                let (queue, log) = (SharedReceiver::from(receiver), Log::new());
                let other = queue.clone();
                tokio::spawn(async move {
                    for item in 0..6 {
                        sleep(ms(10)).await;
                        sender.send(item).await.unwrap();
                    }
                });
                let received = log.clone();
                ((other, log), async move {
                    while let Some(item) = queue.recv().await {
                        received.add(item);
                    }
                })
            },
            |(other, log), _| {
                while let Some(Some(item)) = other.recv().now_or_never() {
                    log.add(item);
                }
                let received = log.take();
                assert!(received.iter().copied().eq(0..received.len()), "{received:?}");
                assert!(received.len() == 6 || alive_tasks() == 1, "a place is lost: {received:?}");
            },
        );
        assert_eq!(swept.points, 6, "six items; the end comes with the last");
    }
}

mod joinable {
    use super::*;
    use queues::joinable::{
        DoneTooOften, JoinableQueue, LifoQueue, Order, PriorityQueue, Queue, ShutDown, TryGetError,
        TryPutError,
    };

    /// Everything that can be taken now.
    fn drain<O: Order>(queue: &JoinableQueue<O>) -> Vec<O::Item> {
        std::iter::from_fn(|| queue.try_get().ok()).collect()
    }

    mod order {
        use super::*;
        use std::cmp::Ordering;
        use std::collections::BinaryHeap;

        /// asyncio: `Queue` is first in, first out. Tokio: so is every channel.
        #[tokio::test]
        async fn the_first_in_is_the_first_out() {
            let queue = Queue::unbounded();
            for item in [1, 3, 2] {
                queue.put(item).await.unwrap();
            }
            assert_eq!(drain(&queue), [1, 3, 2]);
        }

        /// asyncio: `LifoQueue`. Tokio has none.
        #[tokio::test]
        async fn or_the_last_in_is_the_first_out() {
            let queue = LifoQueue::unbounded();
            for item in [1, 3, 2] {
                queue.put(item).await.unwrap();
            }
            assert_eq!(drain(&queue), [2, 3, 1]);
        }

        /// asyncio: `PriorityQueue` gives the smallest first. Tokio has none.
        #[tokio::test]
        async fn or_the_smallest_priority_is_the_first_out() {
            let queue = PriorityQueue::unbounded();
            for item in [(2, "b"), (1, "a"), (3, "c")] {
                queue.put(item).await.unwrap();
            }
            assert_eq!(drain(&queue), [(1, "a"), (2, "b"), (3, "c")]);
        }

        /// asyncio: entries of one priority are compared by what comes after it in the tuple, and equal ones come in no
        /// order. Here they come in the order in which they were put in, and nothing but the priority is compared.
        #[tokio::test]
        async fn of_one_priority_the_first_in_is_the_first_out() {
            #[derive(Debug)]
            struct NotOrdered(u32);
            let queue = PriorityQueue::unbounded();
            for number in 0..100 {
                queue.put((number % 2, NotOrdered(number))).await.unwrap();
            }
            let numbers: Vec<_> = drain(&queue).into_iter().map(|(_, value)| value.0).collect();
            assert_eq!(numbers, (0..100).step_by(2).chain((1..100).step_by(2)).collect::<Vec<_>>());
        }

        /// The hazard: `BinaryHeap` gives the greatest first, and of equal ones any. asyncio's heap mixes them up too.
        #[test]
        fn but_a_binary_heap_gives_the_greatest_first_and_equal_ones_in_no_order() {
            assert_eq!(BinaryHeap::from([2, 1, 3]).pop(), Some(3));

            struct Entry(u32);
            impl PartialEq for Entry {
                fn eq(&self, _: &Self) -> bool {
                    true
                }
            }
            impl Eq for Entry {}
            impl PartialOrd for Entry {
                fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                    Some(self.cmp(other))
                }
            }
            impl Ord for Entry {
                fn cmp(&self, _: &Self) -> Ordering {
                    Ordering::Equal
                }
            }
            let mut heap: BinaryHeap<_> = (0..5).map(Entry).collect();
            let order: Vec<_> = std::iter::from_fn(|| heap.pop()).map(|entry| entry.0).collect();
            assert_eq!(order, [0, 2, 4, 1, 3]);
        }

        /// asyncio: entries that cannot be compared raise `TypeError` in `put`, and are in the queue all the same. Here
        /// the compiler asks for `Ord`; one that panics leaves the queue as it was.
        #[tokio::test]
        async fn a_priority_that_panics_when_compared_is_not_put_in() {
            #[derive(Debug, PartialEq, Eq)]
            struct Moody(bool);
            impl PartialOrd for Moody {
                fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                    Some(self.cmp(other))
                }
            }
            impl Ord for Moody {
                fn cmp(&self, other: &Self) -> Ordering {
                    assert!(!self.0 && !other.0, "moody");
                    Ordering::Equal
                }
            }
            let queue = PriorityQueue::bounded(TWO);
            queue.put((Moody(false), "a")).await.unwrap();
            let put = std::panic::AssertUnwindSafe(queue.put((Moody(true), "b")));
            assert!(put.catch_unwind().await.is_err());
            assert_eq!((queue.len(), queue.is_full()), (1, false));
            queue.put((Moody(false), "c")).await.unwrap();
            assert_eq!(queue.try_put((Moody(false), "d")).map_err(|_| ()), Err(()), "two places, as before");
            assert_eq!(drain(&queue).into_iter().map(|(_, value)| value).collect::<Vec<_>>(), ["a", "c"]);
            queue.task_done().unwrap();
            queue.task_done().unwrap();
            soon(queue.join()).await;
        }
    }

    mod room {
        use super::*;

        /// asyncio: with `maxsize` zero or negative the queue has no bound and is never full. Here that is a function of
        /// its own, and a bound of zero does not compile.
        #[tokio::test]
        async fn an_unbounded_queue_is_never_full() {
            let queue = Queue::unbounded();
            for item in 0..10_000 {
                queue.try_put(item).unwrap();
            }
            assert_eq!((queue.is_full(), queue.len(), queue.capacity()), (false, 10_000, None));
            assert_eq!(NonZeroUsize::new(0), None);
        }

        /// The greatest bound is no trouble either.
        #[test]
        fn a_bound_may_be_any_number_but_zero() {
            let queue = Queue::bounded(NonZeroUsize::MAX);
            assert_eq!((queue.try_put(1), queue.is_full()), (Ok(()), false));
        }

        /// asyncio: `put` to a full queue waits for a `get`.
        #[tokio::test(start_paused = true)]
        async fn a_put_waits_until_there_is_room() {
            let queue = Queue::bounded(ONE);
            queue.put(1).await.unwrap();
            assert!(queue.is_full());
            let mut put = std::pin::pin!(queue.put(2));
            assert!(timeout(ms(1_000), put.as_mut()).await.is_err());
            assert_eq!(queue.get().await, Ok(1));
            assert_eq!(soon(put).await, Ok(()));
            assert_eq!(queue.get().await, Ok(2));
        }

        /// asyncio: `get_nowait` raises `QueueEmpty`, `put_nowait` raises `QueueFull`.
        #[tokio::test]
        async fn without_waiting_empty_and_full_are_errors_and_the_item_comes_back() {
            let queue = Queue::bounded(ONE);
            assert!(queue.is_empty());
            assert_eq!(queue.try_get(), Err(TryGetError::Empty));
            assert_eq!(queue.try_put("a"), Ok(()));
            assert_eq!(queue.try_put("b"), Err(TryPutError::Full("b")));
            assert_eq!((queue.len(), queue.is_empty(), queue.capacity()), (1, false, Some(ONE)));
            assert_eq!(queue.try_get(), Ok("a"));
        }

        /// asyncio: putters are served in the order in which they came; a cancelled one makes way.
        #[tokio::test]
        async fn putters_are_served_in_the_order_in_which_they_came() {
            let queue = Queue::bounded(ONE);
            queue.put("first").await.unwrap();
            let mut putters = ["a", "b", "c", "d"].map(|item| Some(Box::pin(queue.put(item))));
            for put in putters.iter_mut().flatten() {
                assert!(put.as_mut().now_or_never().is_none());
            }
            putters[1] = None;
            assert_eq!(queue.get().await, Ok("first"));
            // The place is promised to a. It is cancelled before it runs, and c is next.
            assert_eq!(queue.try_put("late"), Err(TryPutError::Full("late")));
            putters[0] = None;
            for (index, item) in [(2, "c"), (3, "d")] {
                assert_eq!(putters[index].as_mut().unwrap().now_or_never(), Some(Ok(())));
                assert_eq!(queue.try_get(), Ok(item));
            }
        }

        /// asyncio: a coroutine that puts and gets without having to wait keeps the loop to itself, however long. Tokio:
        /// after 128 operations a task lets others run.
        #[tokio::test]
        async fn a_producer_with_room_lets_others_run_all_the_same() {
            let turns = Arc::new(AtomicUsize::new(0));
            let other = tokio::spawn({
                let turns = turns.clone();
                async move {
                    loop {
                        turns.fetch_add(1, SeqCst);
                        yield_now().await;
                    }
                }
            });
            let queue = Queue::unbounded();
            for item in 0..1_000 {
                queue.put(item).await.unwrap();
            }
            other.abort();
            assert_eq!(turns.load(SeqCst), 1_000 / 128);
        }

        #[tokio::test]
        async fn a_million_items_pass_through_a_hundred_places() {
            pass_a_million(Queue::bounded(HUNDRED), |item| item).await;
        }

        #[tokio::test]
        async fn a_million_items_pass_through_a_hundred_places_last_in_first_out() {
            pass_a_million(LifoQueue::bounded(HUNDRED), |item| item).await;
        }

        #[tokio::test]
        async fn a_million_items_pass_through_a_hundred_places_by_priority() {
            pass_a_million(PriorityQueue::bounded(HUNDRED), |item| (item % 3, item)).await;
        }

        async fn pass_a_million<O: Order>(queue: JoinableQueue<O>, wrap: impl Fn(u32) -> O::Item) {
            let places = queue.capacity().unwrap().get();
            let producer = async {
                for item in 0..MILLION {
                    if let Err(TryPutError::Full(item)) = queue.try_put(wrap(item)) {
                        assert_eq!(queue.len(), places);
                        queue.put(item).await.unwrap_or_else(|_| panic!("it is open"));
                    }
                }
                queue.shutdown();
            };
            let consumer = async {
                let mut taken = 0;
                while queue.get().await.is_ok() {
                    let waiting = std::iter::from_fn(|| queue.try_get().ok()).count();
                    for _ in 0..=waiting {
                        queue.task_done().unwrap();
                    }
                    taken += 1 + waiting;
                }
                taken
            };
            assert_eq!(tokio::join!(producer, consumer), ((), MILLION as usize));
            queue.join().await;
        }
    }

    mod get {
        use super::*;

        /// asyncio: getters are served in the order in which they came.
        #[tokio::test]
        async fn getters_are_served_in_the_order_in_which_they_came() {
            let (queue, log) = (Arc::new(Queue::unbounded()), Log::new());
            let mut getters = JoinSet::new();
            for name in ["a", "b", "c"] {
                let (queue, log) = (queue.clone(), log.clone());
                getters.spawn(async move { log.add((name, queue.get().await)) });
            }
            yield_now().await;
            for item in 1..=3 {
                queue.put(item).await.unwrap();
            }
            getters.join_all().await;
            assert_eq!(log.take(), [("a", Ok(1)), ("b", Ok(2)), ("c", Ok(3))]);
        }

        /// asyncio: `get_nowait` may take the item from a getter that was woken for it, which then waits on. Here an
        /// item that is promised stays promised.
        #[tokio::test]
        async fn nobody_jumps_the_line() {
            let queue = Queue::unbounded();
            let mut getter = std::pin::pin!(queue.get());
            assert!(getter.as_mut().now_or_never().is_none());
            queue.put("a").await.unwrap();
            assert_eq!((queue.len(), queue.try_get()), (1, Err(TryGetError::Empty)));
            assert_eq!(getter.now_or_never(), Some(Ok("a")));
        }

        /// asyncio: an item that arrives after a getter was cancelled goes to another getter.
        #[tokio::test]
        async fn an_item_goes_to_another_when_the_one_who_waited_first_is_cancelled() {
            let queue = Queue::unbounded();
            let (mut first, mut second) = (Box::pin(queue.get()), Box::pin(queue.get()));
            assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
            drop(first);
            queue.put("a").await.unwrap();
            assert_eq!(second.now_or_never(), Some(Ok("a")));
        }

        /// asyncio: a getter that was woken for an item and is cancelled before it runs leaves it to the next, who gets
        /// this one and not the second.
        #[tokio::test]
        async fn a_getter_that_is_cancelled_when_it_was_woken_leaves_the_first_item_to_the_next() {
            let queue = Queue::unbounded();
            let mut getter = Box::pin(queue.get());
            assert!(getter.as_mut().now_or_never().is_none());
            queue.put("a").await.unwrap();
            queue.put("b").await.unwrap();
            drop(getter);
            assert_eq!(queue.get().now_or_never(), Some(Ok("a")));
            assert_eq!(queue.get().now_or_never(), Some(Ok("b")));
        }

        /// asyncio: cancelled getters and putters leave no entry behind in the lists of those who wait.
        #[tokio::test]
        async fn a_thousand_cancelled_getters_and_putters_leave_nothing_behind() {
            let queue = Queue::bounded(ONE);
            for _ in 0..1_000 {
                assert!(queue.get().now_or_never().is_none());
            }
            assert_eq!(queue.try_put("a"), Ok(()));
            assert_eq!(queue.try_get(), Ok("a"), "promised to none of them");
            queue.try_put("b").unwrap();
            for _ in 0..1_000 {
                assert!(queue.put("c").now_or_never().is_none());
            }
            assert_eq!(queue.try_get(), Ok("b"));
            assert_eq!(queue.try_put("d"), Ok(()), "kept for none of them");
        }

        /// Tokio makes a task yield after 128 operations, so a `get` may have to wait although there are items. Cancelled
        /// there, it has taken none.
        #[test]
        fn a_get_that_is_cancelled_before_it_has_its_permit_has_taken_nothing() {
            let swept = cancel_sweep::sweep_with(
                || {
                    let (queue, log) = (Arc::new(Queue::unbounded()), Log::new());
                    (0..300).for_each(|item| queue.try_put(item).unwrap());
                    let (getter, taken) = (queue.clone(), log.clone());
                    ((queue, log), async move {
                        for _ in 0..300 {
                            taken.add(getter.get().await.unwrap());
                        }
                    })
                },
                |(queue, log), _| {
                    let mut taken = log.take();
                    taken.extend(drain(&queue));
                    assert!(taken.iter().copied().eq(0..300), "{} of 300", taken.len());
                },
            );
            assert_eq!(swept.points, 300 / 128);
        }

        /// The item stays in the queue, or it is in the hands of the one who waited: never in between.
        #[test]
        fn a_cancelled_get_loses_no_item() {
            let swept = cancel_sweep::sweep_with(
                || {
                    let (queue, log) = (Arc::new(Queue::bounded(TWO)), Log::new());
                    let (theirs, getter, taken) = (queue.clone(), queue.clone(), log.clone());
                    tokio::spawn(async move {
                        for item in 0..4 {
                            sleep(ms(10)).await;
                            theirs.put(item).await.unwrap();
                        }
                        theirs.shutdown();
                    });
                    ((queue, log), async move {
                        while let Ok(item) = getter.get().await {
                            taken.add(item);
                            getter.task_done().unwrap();
                        }
                    })
                },
                |(queue, log), _| {
                    // Draining makes room for the producer, which then puts the rest.
                    while let Some(Ok(item)) = queue.get().now_or_never() {
                        log.add(item);
                        queue.task_done().unwrap();
                    }
                    let taken = log.take();
                    assert!(taken.iter().copied().eq(0..taken.len()), "{taken:?}");
                    assert!(taken.len() == 4 || alive_tasks() == 1, "an item is lost: {taken:?}");
                    assert!(queue.join().now_or_never().is_some(), "one is unfinished for ever");
                },
            );
            assert_eq!(swept.points, 4, "four items; the end comes with the last");
        }
    }

    mod join {
        use super::*;
        use tokio::sync::watch;

        /// asyncio: `join` on a queue without unfinished items returns at once, as often as it is called.
        #[tokio::test]
        async fn of_an_empty_queue_returns_at_once_again_and_again() {
            let queue = Queue::<()>::unbounded();
            assert_eq!(queue.join().now_or_never(), Some(()));
            assert_eq!(queue.join().now_or_never(), Some(()));
        }

        /// asyncio: `join` returns when all items are processed, not when they are taken.
        #[tokio::test(start_paused = true)]
        async fn returns_when_everything_is_done_and_not_when_it_is_taken() {
            let (start, queue, done) = (Instant::now(), Queue::unbounded(), AtomicUsize::new(0));
            for item in 0..100 {
                queue.try_put(item).unwrap();
            }
            let worker = || async {
                while let Ok(_item) = queue.get().await {
                    sleep(ms(10)).await;
                    done.fetch_add(1, SeqCst);
                    queue.task_done().unwrap();
                }
            };
            let all_done = async {
                queue.join().await;
                assert_eq!((done.load(SeqCst), start.elapsed()), (100, ms(500)));
                queue.shutdown();
            };
            tokio::join!(worker(), worker(), all_done);
        }

        /// asyncio: the joiner is released when the count touches zero, even if there is a new item before it runs.
        #[tokio::test]
        async fn returns_although_a_new_item_came_before_it_could_run() {
            let queue = Queue::unbounded();
            queue.put("first").await.unwrap();
            let mut joiner = std::pin::pin!(queue.join());
            assert!(joiner.as_mut().now_or_never().is_none());
            let _first = queue.get().await.unwrap();
            queue.task_done().unwrap();
            queue.put("second").await.unwrap();
            assert_eq!(joiner.now_or_never(), Some(()));
            assert!(queue.join().now_or_never().is_none(), "a new joiner waits for the second");
        }

        /// The hazard: a count in a `watch`, and `wait_for` zero, which looks when the waiter runs.
        #[tokio::test]
        async fn but_a_count_in_a_watch_has_risen_again_when_the_waiter_looks() {
            let unfinished = watch::Sender::new(1);
            let mut seen = unfinished.subscribe();
            let mut joiner = std::pin::pin!(seen.wait_for(|count| *count == 0));
            assert!(joiner.as_mut().now_or_never().is_none());
            unfinished.send_modify(|count| *count -= 1);
            unfinished.send_modify(|count| *count += 1);
            assert!(joiner.now_or_never().is_none());
        }

        #[tokio::test]
        async fn releases_every_joiner_and_an_aborted_one_hinders_nobody() {
            let queue = Queue::unbounded();
            queue.put(()).await.unwrap();
            let mut joiners: Vec<_> = (0..3).map(|_| Box::pin(queue.join())).collect();
            assert!(joiners.iter_mut().all(|joiner| joiner.as_mut().now_or_never().is_none()));
            joiners.pop();
            queue.get().await.unwrap();
            queue.task_done().unwrap();
            assert!(joiners.into_iter().all(|joiner| joiner.now_or_never().is_some()));
        }

        /// asyncio: `ValueError` when `task_done` is called more often than there are unfinished items.
        #[tokio::test]
        async fn a_task_done_too_many_is_an_error() {
            let queue = Queue::unbounded();
            assert_eq!(queue.task_done(), Err(DoneTooOften));
            queue.put(()).await.unwrap();
            queue.get().await.unwrap();
            assert_eq!(queue.task_done(), Ok(()));
            assert_eq!(queue.task_done(), Err(DoneTooOften));
        }

        /// asyncio: `task_done` is accepted for an item that nobody has taken, and `join` returns with the item in the
        /// queue. Here it is an error.
        #[tokio::test]
        async fn an_item_that_nobody_has_taken_cannot_be_done() {
            let queue = Queue::unbounded();
            queue.put(()).await.unwrap();
            assert_eq!(queue.task_done(), Err(DoneTooOften));
            assert!(queue.join().now_or_never().is_none());
        }

        #[test]
        fn a_cancelled_join_changes_nothing() {
            let swept = cancel_sweep::sweep_with(
                || {
                    let queue = Arc::new(Queue::unbounded());
                    queue.try_put(()).unwrap();
                    let (worker, joiner) = (queue.clone(), queue.clone());
                    tokio::spawn(async move {
                        sleep(ms(10)).await;
                        drop(worker.get_ticket().await);
                    });
                    (queue, async move { joiner.join().await })
                },
                |queue, _| assert_eq!(queue.join().now_or_never(), Some(())),
            );
            assert_eq!(swept.points, 1);
        }
    }

    mod ticket {
        use super::*;

        /// asyncio: a worker that dies between `get` and `task_done` leaves `join` waiting for ever. Here the same, after
        /// a plain `get`.
        #[tokio::test(start_paused = true)]
        async fn without_one_a_worker_that_panics_leaves_join_waiting_for_ever() {
            let queue = Arc::new(Queue::unbounded());
            queue.put(()).await.unwrap();
            let worker = tokio::spawn({
                let queue = queue.clone();
                async move {
                    queue.get().await.unwrap();
                    panic!("before task_done");
                }
            });
            assert!(worker.await.is_err());
            assert!(timeout(ms(1_000), queue.join()).await.is_err());
        }

        /// A ticket is dropped however its worker ends.
        #[tokio::test(start_paused = true)]
        async fn a_worker_that_panics_or_is_aborted_is_done_with_its_item() {
            let queue = Arc::new(Queue::unbounded());
            for panics in [true, false] {
                queue.put(panics).await.unwrap();
            }
            let mut workers = JoinSet::new();
            for _ in 0..2 {
                let queue = queue.clone();
                workers.spawn(async move {
                    let panics = queue.get_ticket().await.unwrap();
                    assert!(!*panics, "at work");
                    sleep(ms(1_000_000)).await;
                });
            }
            settle().await;
            assert!(queue.join().now_or_never().is_none(), "one still works");
            workers.abort_all();
            soon(queue.join()).await;
            assert_eq!(queue.task_done(), Err(DoneTooOften));
        }

        /// The destructor of an item is part of its work.
        #[tokio::test]
        async fn an_item_is_done_when_it_is_dropped_and_not_before() {
            struct LooksAt(Arc<Queue<LooksAt>>, Log<bool>);
            impl Drop for LooksAt {
                fn drop(&mut self) {
                    self.1.add(self.0.join().now_or_never().is_some());
                }
            }
            let (queue, log) = (Arc::new(Queue::unbounded()), Log::new());
            queue.try_put(LooksAt(queue.clone(), log.clone())).map_err(drop).unwrap();
            drop(queue.get_ticket().await);
            assert_eq!((log.take(), queue.join().now_or_never()), (vec![false], Some(())));
        }

        /// asyncio: a failed item is put back with `put`, which counts it once more. Here it stays unfinished.
        #[tokio::test(start_paused = true)]
        async fn a_requeued_item_stays_unfinished_and_comes_again() {
            let queue = Queue::unbounded();
            queue.put(("job", 1)).await.unwrap();
            let mut joiner = std::pin::pin!(queue.join());
            assert!(joiner.as_mut().now_or_never().is_none());
            for attempt in 1..=3 {
                let mut job = queue.get_ticket().await.unwrap();
                assert_eq!(*job, ("job", attempt));
                job.1 += 1;
                job.requeue().unwrap();
                assert!(joiner.as_mut().now_or_never().is_none());
            }
            drop(queue.get_ticket().await);
            assert_eq!(joiner.now_or_never(), Some(()));
            assert_eq!(queue.task_done(), Err(DoneTooOften));
        }

        /// It takes a place of its own if it must, and the bound holds again afterwards.
        #[tokio::test]
        async fn an_item_goes_back_into_a_full_queue_and_the_bound_holds_afterwards() {
            let queue = Queue::bounded(TWO);
            for item in [1, 2] {
                queue.put(item).await.unwrap();
            }
            let (one, two) = (queue.get_ticket().await.unwrap(), queue.get_ticket().await.unwrap());
            for item in [3, 4] {
                queue.put(item).await.unwrap();
            }
            one.requeue().unwrap();
            two.requeue().unwrap();
            assert_eq!((queue.len(), queue.is_full()), (4, true));
            for item in [3, 4] {
                assert_eq!(queue.try_get(), Ok(item));
                assert_eq!(queue.try_put(9), Err(TryPutError::Full(9)), "still two items");
            }
            assert_eq!(queue.try_get(), Ok(1));
            assert_eq!((queue.try_put(5), queue.try_put(9)), (Ok(()), Err(TryPutError::Full(9))));
        }

        /// Without a rival it takes a place that is free.
        #[tokio::test]
        async fn an_item_that_goes_back_takes_its_place_again() {
            let queue = Queue::bounded(ONE);
            queue.put("a").await.unwrap();
            queue.get_ticket().await.unwrap().requeue().unwrap();
            assert_eq!(queue.try_put("b"), Err(TryPutError::Full("b")));
            assert_eq!((queue.try_get(), queue.try_put("b")), (Ok("a"), Ok(())));
        }

        #[tokio::test]
        async fn a_task_done_too_many_does_not_break_the_count() {
            let queue = Queue::unbounded();
            queue.put(1).await.unwrap();
            let ticket = queue.get_ticket().await.unwrap();
            queue.task_done().unwrap();
            drop(ticket);
            queue.put(2).await.unwrap();
            let ticket = queue.get_ticket().await.unwrap();
            queue.task_done().unwrap();
            ticket.requeue().unwrap();
            assert!(queue.join().now_or_never().is_none());
            drop(queue.get_ticket().await);
            assert!(queue.join().now_or_never().is_some());
        }

        #[test]
        fn cancelled_anywhere_its_item_is_done_or_in_the_queue() {
            let swept = cancel_sweep::sweep_with(
                || {
                    let queue = Arc::new(Queue::unbounded());
                    let (producer, worker) = (queue.clone(), queue.clone());
                    tokio::spawn(async move {
                        for item in 0..3 {
                            sleep(ms(10)).await;
                            producer.put(item).await.unwrap();
                        }
                        producer.shutdown();
                    });
                    (queue, async move {
                        let mut again = true;
                        while let Ok(item) = worker.get_ticket().await {
                            sleep(ms(5)).await;
                            if *item == 1 && std::mem::take(&mut again) {
                                item.requeue().unwrap();
                            }
                        }
                    })
                },
                |queue, _| {
                    drain(&queue).iter().for_each(|_| queue.task_done().unwrap());
                    assert_eq!(queue.task_done(), Err(DoneTooOften));
                    assert!(queue.join().now_or_never().is_some(), "one is unfinished for ever");
                },
            );
            assert_eq!(swept.points, 7, "three items are waited for, and worked on in four attempts");
        }
    }

    mod shutdown {
        use super::*;

        /// asyncio 3.13: a getter that waits raises `QueueShutDown`; so do `put` and `get` from then on; `join` returns.
        #[tokio::test(start_paused = true)]
        async fn of_an_empty_queue_tells_those_who_wait_and_all_who_come_later() {
            let queue = Queue::<&str>::bounded(ONE);
            let mut getters: Vec<_> = (0..100).map(|_| Box::pin(queue.get())).collect();
            assert!(getters.iter_mut().all(|getter| getter.as_mut().now_or_never().is_none()));
            queue.shutdown();
            for getter in getters {
                assert_eq!(getter.now_or_never(), Some(Err(ShutDown(()))));
            }
            assert_eq!(queue.put("a").await, Err(ShutDown("a")));
            assert_eq!(queue.try_put("a"), Err(TryPutError::ShutDown("a")));
            assert_eq!(queue.get().await, Err(ShutDown(())));
            assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
            assert_eq!(queue.join().now_or_never(), Some(()));
        }

        /// asyncio 3.13: what is queued is still delivered, a `put` that waits fails, `join` still needs `task_done`.
        /// Tokio: dropping the senders of a channel does the first two.
        #[tokio::test(start_paused = true)]
        async fn what_is_queued_is_still_delivered_and_joined() {
            let queue = Queue::bounded(TWO);
            for item in ["a", "b"] {
                queue.put(item).await.unwrap();
            }
            let mut put = std::pin::pin!(queue.put("c"));
            assert!(put.as_mut().now_or_never().is_none());
            queue.shutdown();
            assert_eq!(put.now_or_never(), Some(Err(ShutDown("c"))), "and the item comes back");
            let mut joiner = std::pin::pin!(queue.join());
            for item in ["a", "b"] {
                assert!(joiner.as_mut().now_or_never().is_none());
                assert_eq!(queue.get().await, Ok(item));
                assert!(joiner.as_mut().now_or_never().is_none());
                queue.task_done().unwrap();
            }
            assert_eq!(joiner.now_or_never(), Some(()));
            assert_eq!(queue.get().await, Err(ShutDown(())));
        }

        /// asyncio 3.13: `shutdown(immediate=True)` throws away what is queued, and `join` waits only for what is taken.
        /// Here what was queued comes back.
        #[tokio::test]
        async fn at_once_it_hands_back_what_is_queued_and_join_waits_for_what_is_taken() {
            let queue = PriorityQueue::unbounded();
            for item in [(3, "c"), (1, "a"), (2, "b")] {
                queue.put(item).await.unwrap();
            }
            assert_eq!(queue.get().await, Ok((1, "a")));
            let mut joiner = std::pin::pin!(queue.join());
            assert!(joiner.as_mut().now_or_never().is_none());
            assert_eq!(queue.shutdown_now(), [(2, "b"), (3, "c")]);
            assert!(joiner.as_mut().now_or_never().is_none(), "a is taken and not done");
            assert_eq!((queue.len(), queue.try_get()), (0, Err(TryGetError::ShutDown)));
            queue.task_done().unwrap();
            assert_eq!(joiner.now_or_never(), Some(()));
        }

        #[tokio::test]
        async fn at_once_it_releases_the_joiners_if_nothing_is_taken() {
            let queue = Queue::unbounded();
            queue.put(1).await.unwrap();
            let mut joiner = std::pin::pin!(queue.join());
            assert!(joiner.as_mut().now_or_never().is_none());
            assert_eq!(queue.shutdown_now(), [1]);
            assert_eq!(joiner.now_or_never(), Some(()));
        }

        /// asyncio 3.13: it can be called again, and made immediate later.
        #[tokio::test]
        async fn may_be_called_again_and_at_once_later() {
            let queue = Queue::unbounded();
            queue.put(1).await.unwrap();
            queue.shutdown();
            queue.shutdown();
            assert_eq!(queue.len(), 1);
            assert_eq!(queue.shutdown_now(), [1]);
            queue.shutdown();
            assert_eq!(queue.shutdown_now(), [0; 0]);
            assert_eq!(queue.get().await, Err(ShutDown(())));
        }

        /// asyncio 3.13: a taken item can no more be put back. Here it can while the queue drains.
        #[tokio::test]
        async fn a_taken_item_can_go_back_while_the_queue_drains_but_not_after() {
            let queue = Queue::unbounded();
            queue.put("a").await.unwrap();
            let ticket = queue.get_ticket().await.unwrap();
            queue.shutdown();
            ticket.requeue().unwrap();
            let ticket = queue.get_ticket().await.unwrap();
            assert_eq!(queue.shutdown_now(), [""; 0]);
            assert_eq!(ticket.requeue(), Err(ShutDown("a")));
            assert_eq!(queue.join().now_or_never(), Some(()), "given back, so done");
        }

        /// A getter that was promised an item and one who comes later: both are served, or told.
        #[tokio::test]
        async fn a_promised_item_is_left_to_whoever_comes_first() {
            let queue = Queue::unbounded();
            let mut getter = std::pin::pin!(queue.get());
            assert!(getter.as_mut().now_or_never().is_none());
            queue.put("a").await.unwrap();
            queue.shutdown();
            assert_eq!(queue.try_get(), Ok("a"));
            assert_eq!(getter.now_or_never(), Some(Err(ShutDown(()))));
        }

        /// The hazard: a closed semaphore turns everybody away, also from the permits that it still has.
        #[tokio::test]
        async fn but_a_closed_semaphore_has_permits_that_nobody_gets() {
            let items = tokio::sync::Semaphore::new(3);
            items.close();
            assert_eq!(items.available_permits(), 3);
            assert!(items.acquire().await.is_err());
        }
    }

    mod reserve {
        use super::*;

        #[tokio::test]
        async fn a_slot_keeps_its_place_and_gives_it_back() {
            let queue = Queue::bounded(ONE);
            let slot = queue.reserve().await.unwrap();
            assert_eq!((queue.len(), queue.is_full()), (0, true));
            assert_eq!(queue.try_put("b"), Err(TryPutError::Full("b")));
            drop(slot);
            let slot = queue.reserve().await.unwrap();
            assert_eq!(slot.put("a"), Ok(()));
            assert_eq!(queue.try_get(), Ok("a"));
        }

        #[tokio::test]
        async fn a_slot_that_is_used_after_a_shutdown_gives_the_item_back() {
            let queue = Queue::bounded(TWO);
            let slot = queue.reserve().await.unwrap();
            queue.shutdown();
            assert_eq!(slot.put("a"), Err(ShutDown("a")));
            assert!(queue.reserve().await.is_err());
            assert_eq!(queue.join().now_or_never(), Some(()));
        }

        /// What is to be put in stays with the caller until there is room: cancelled anywhere, it has it still, or the
        /// queue has it.
        #[test]
        fn a_cancelled_reserve_loses_neither_item_nor_place() {
            let swept = sweep_producer(|queue, left| async move {
                while !left.0.lock().unwrap().is_empty() {
                    let slot = queue.reserve().await.unwrap();
                    slot.put(left.0.lock().unwrap().remove(0)).unwrap();
                }
            });
            assert_eq!(swept.0, 2);
            assert!(swept.1, "nothing is ever lost");
        }

        /// The hazard: a put that waits owns its item, and takes it with it. asyncio: the caller still has it.
        #[test]
        fn but_a_cancelled_put_takes_its_item_with_it() {
            let swept = sweep_producer(|queue, left| async move {
                while !left.0.lock().unwrap().is_empty() {
                    let item = left.0.lock().unwrap().remove(0);
                    queue.put(item).await.unwrap();
                }
            });
            assert_eq!(swept.0, 2);
            assert!(!swept.1, "the item that was waiting is gone, its place is not");
        }

        /// Three items for one place, taken one every 10 ms. Tells how often the producer waited, and whether all three
        /// items were always accounted for.
        fn sweep_producer<F: Future<Output = ()>>(
            produce: impl Fn(Arc<Queue<u32>>, Log<u32>) -> F,
        ) -> (usize, bool) {
            let mut all_there = true;
            let swept = cancel_sweep::sweep_with(
                || {
                    let (queue, left, taken) = (Arc::new(Queue::bounded(ONE)), Log::new(), Log::new());
                    (0..3).for_each(|item| left.add(item));
                    let (consumer, consumed) = (queue.clone(), taken.clone());
                    tokio::spawn(async move {
                        loop {
                            sleep(ms(10)).await;
                            let item = consumer.get_ticket().await.unwrap();
                            consumed.add(*item);
                        }
                    });
                    ((queue.clone(), left.clone(), taken), produce(queue, left))
                },
                |(queue, left, taken), _| {
                    let (mut all, rest) = (taken.take(), left.take());
                    all.extend(rest);
                    all_there &= all == [0, 1, 2];
                    assert!(all.is_sorted() && all.len() >= 2, "{all:?}");
                    assert_eq!(queue.try_put(9), Ok(()), "the place is free again");
                },
            );
            (swept.points, all_there)
        }
    }

    mod many_threads {
        use super::*;
        use fastrand::Rng;
        use tokio::runtime::Builder;

        const ROUNDS: u64 = 500;
        const PRODUCERS: u64 = 3;
        const ITEMS: u64 = 8;

        /// Whoever has an item at the end of a round writes it down here.
        type Ledger = Log<u64>;

        async fn pause(random: &mut Rng) {
            for _ in 0..random.usize(0..3) {
                yield_now().await;
            }
        }

        async fn produce(queue: Arc<Queue<u64>>, who: u64, mut random: Rng, ledger: Ledger) {
            for item in who * ITEMS..(who + 1) * ITEMS {
                pause(&mut random).await;
                match random.u8(0..4) {
                    0 => {
                        if let Err(ShutDown(item)) = queue.put(item).await {
                            ledger.add(item);
                        }
                    }
                    1 => {
                        let mut unsent = Some(item);
                        while let Some(item) = unsent.take() {
                            match queue.try_put(item) {
                                Ok(()) => {}
                                Err(TryPutError::Full(item)) => unsent = Some(item),
                                Err(TryPutError::ShutDown(item)) => ledger.add(item),
                            }
                            yield_now().await;
                        }
                    }
                    2 => {
                        if let Ok(slot) = queue.reserve().await {
                            pause(&mut random).await;
                            if random.bool() {
                                drop(slot);
                                ledger.add(item);
                            } else if let Err(ShutDown(item)) = slot.put(item) {
                                ledger.add(item);
                            }
                        } else {
                            ledger.add(item);
                        }
                    }
                    _ => {
                        // Cancelled after a while, unless it is quicker. A put that is dropped has put nothing in.
                        tokio::select! {
                            biased;
                            put = queue.put(item) => if let Err(ShutDown(item)) = put { ledger.add(item) },
                            () = pause(&mut random) => ledger.add(item),
                        }
                    }
                }
            }
        }

        async fn consume(queue: Arc<Queue<u64>>, mut random: Rng, ledger: Ledger) {
            loop {
                match random.u8(0..4) {
                    0 => match queue.get().await {
                        Ok(item) => {
                            pause(&mut random).await;
                            ledger.add(item);
                            queue.task_done().unwrap();
                        }
                        Err(ShutDown(())) => return,
                    },
                    1 => match queue.try_get() {
                        Ok(item) => {
                            ledger.add(item);
                            queue.task_done().unwrap();
                        }
                        Err(TryGetError::Empty) => yield_now().await,
                        Err(TryGetError::ShutDown) => return,
                    },
                    2 => match queue.get_ticket().await {
                        Ok(ticket) => {
                            pause(&mut random).await;
                            if random.bool() {
                                ledger.add(*ticket);
                            } else if let Err(ShutDown(item)) = ticket.requeue() {
                                ledger.add(item);
                            }
                        }
                        Err(ShutDown(())) => return,
                    },
                    _ => {
                        tokio::select! {
                            biased;
                            ticket = queue.get_ticket() => match ticket {
                                Ok(ticket) => ledger.add(*ticket),
                                Err(ShutDown(())) => return,
                            },
                            () = pause(&mut random) => {}
                        }
                    }
                }
            }
        }

        async fn round(seed: u64) {
            let mut random = Rng::with_seed(seed);
            let places = NonZeroUsize::new(random.usize(1..4)).unwrap();
            let (queue, ledger) = (Arc::new(Queue::bounded(places)), Ledger::new());
            let mut producers = JoinSet::new();
            for who in 0..PRODUCERS {
                producers.spawn(produce(queue.clone(), who, random.fork(), ledger.clone()));
            }
            let mut consumers = JoinSet::new();
            for _ in 0..3 {
                consumers.spawn(consume(queue.clone(), random.fork(), ledger.clone()));
            }
            match random.u8(0..3) {
                0 => {
                    while let Some(ended) = producers.join_next().await {
                        ended.unwrap();
                    }
                    queue.join().await;
                    queue.shutdown();
                }
                1 => {
                    pause(&mut random).await;
                    queue.shutdown();
                }
                _ => {
                    pause(&mut random).await;
                    queue.shutdown_now().into_iter().for_each(|item| ledger.add(item));
                }
            }
            while let Some(ended) = producers.join_next().await {
                ended.unwrap();
            }
            queue.join().await;
            while let Some(ended) = consumers.join_next().await {
                ended.unwrap();
            }
            let mut items = ledger.take();
            items.sort_unstable();
            assert_eq!(items, (0..PRODUCERS * ITEMS).collect::<Vec<_>>(), "seed {seed}: each item once");
            assert_eq!((queue.len(), queue.task_done()), (0, Err(DoneTooOften)), "seed {seed}");
        }

        /// Producers that give up, consumers that put back, a shutdown in the midst: each item is in one hand at the end.
        #[test]
        fn every_item_is_in_one_hand_at_the_end_of_each_round() {
            let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
            runtime.block_on(async {
                for seed in 0..ROUNDS {
                    let ended = timeout(Duration::from_secs(20), tokio::spawn(round(seed))).await;
                    ended.unwrap_or_else(|_| panic!("seed {seed}: somebody waits for ever")).unwrap();
                }
            });
        }

        /// Two who put and join, and a worker: a join returns for its own item, not for the end of an earlier one.
        #[test]
        fn a_join_never_returns_before_what_was_put_in_before_it_is_done() {
            let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
            runtime.block_on(async {
                let queue = Arc::new(Queue::<Arc<AtomicUsize>>::unbounded());
                let mut joiners = JoinSet::new();
                for _ in 0..2 {
                    let queue = queue.clone();
                    joiners.spawn(async move {
                        for _ in 0..5_000 {
                            let done = Arc::new(AtomicUsize::new(0));
                            queue.try_put(done.clone()).unwrap();
                            queue.join().await;
                            assert_eq!(done.load(SeqCst), 1);
                        }
                    });
                }
                let worker = tokio::spawn({
                    let queue = queue.clone();
                    async move {
                        while let Ok(item) = queue.get_ticket().await {
                            item.fetch_add(1, SeqCst);
                        }
                    }
                });
                while let Some(ended) = joiners.join_next().await {
                    ended.unwrap();
                }
                queue.shutdown();
                worker.await.unwrap();
            });
        }
    }
}

mod reserve {
    use super::*;
    use queues::reserve::{TargetClosed, Unsent, forward, send_unless};

    /// Moved, or still in the source: cancelled anywhere, `forward` has nothing in its hands.
    #[test]
    fn a_cancelled_forward_loses_nothing() {
        let swept = sweep_forward(|source, target| async move {
            let mut source = source.0.try_lock_owned().unwrap();
            forward(&mut source, &target).await.unwrap();
        });
        assert!(swept.0 >= 4, "{swept:?}");
        assert!(swept.1, "nothing is ever lost");
    }

    /// The hazard: receive, then wait for room with the item in hand.
    #[test]
    fn but_a_cancelled_send_takes_its_item_with_it() {
        let swept = sweep_forward(|source, target| async move {
            let mut source = source.0.try_lock_owned().unwrap();
            while let Some(item) = source.recv().await {
                target.send(item).await.unwrap();
            }
        });
        assert!(!swept.1);
    }

    #[derive(Clone)]
    struct Source(Arc<tokio::sync::Mutex<mpsc::Receiver<u32>>>);

    /// Four items, the later ones 10 ms apart, through a target of one place that is read every 25 ms. Tells how often
    /// the forwarding waited, and whether all items were always accounted for.
    fn sweep_forward<F: Future<Output = ()>>(
        forward: impl Fn(Source, mpsc::Sender<u32>) -> F,
    ) -> (usize, bool) {
        let mut all_there = true;
        let swept = cancel_sweep::sweep_with(
            || {
                let (sender, source) = mpsc::channel(4);
                let (target, mut received) = mpsc::channel(1);
                let (source, log) = (Source(Arc::new(tokio::sync::Mutex::new(source))), Log::new());
                let consumed = log.clone();
                tokio::spawn(async move {
                    for item in 0..4 {
                        sender.send(item).await.unwrap();
                        sleep(ms(10)).await;
                    }
                });
                tokio::spawn(async move {
                    while let Some(item) = received.recv().await {
                        consumed.add(item);
                        sleep(ms(25)).await;
                    }
                });
                ((source.clone(), log), forward(source, target))
            },
            |(source, log), _| {
                let mut all = log.take();
                let mut source = source.0.try_lock().expect("the cancelled one has let go");
                all.extend(std::iter::from_fn(|| source.try_recv().ok()));
                assert!(all.is_sorted(), "{all:?}");
                all_there &= all == [0, 1, 2, 3];
            },
        );
        (swept.points, all_there)
    }

    /// What is not moved is still in the source: nothing is sent to nobody.
    #[tokio::test]
    async fn a_forward_whose_target_is_gone_stops_before_it_takes_an_item() {
        let (sender, mut source) = mpsc::channel(4);
        let (target, received) = mpsc::channel(1);
        let mut moves = Box::pin(forward(&mut source, &target));
        assert!(moves.as_mut().now_or_never().is_none(), "it waits for an item");
        drop(received);
        sender.try_send("a").unwrap();
        assert_eq!(moves.as_mut().now_or_never(), Some(Err(TargetClosed)));
        drop(moves);
        assert_eq!(forward(&mut source, &target).await, Err(TargetClosed));
        assert_eq!(source.try_recv(), Ok("a"));
    }

    /// The price of a promise: its place is taken, used or not.
    #[tokio::test]
    async fn a_forward_that_waits_for_an_item_keeps_a_place_of_the_target() {
        let (_sender, mut source) = mpsc::channel(4);
        let (target, _received) = mpsc::channel(2);
        let mut moves = Box::pin(forward(&mut source, &target));
        assert!(moves.as_mut().now_or_never().is_none());
        assert_eq!(target.capacity(), 1);
        drop(moves);
        assert_eq!(target.capacity(), 2);
        target.try_send(1).unwrap();
    }

    #[tokio::test]
    async fn a_hundred_thousand_items_are_forwarded_in_order() {
        let (sender, mut source) = mpsc::channel(100);
        let (target, mut received) = mpsc::channel(100);
        let produce = async move {
            for item in 0..100_000 {
                sender.send(item).await.unwrap();
            }
        };
        let moves = async move { forward(&mut source, &target).await };
        let consume = async {
            let mut expected = 0;
            while let Some(item) = received.recv().await {
                assert_eq!(item, expected);
                expected += 1;
            }
            expected
        };
        assert_eq!(tokio::join!(produce, moves, consume), ((), Ok(()), 100_000));
    }

    /// asyncio: a `put` that is cancelled leaves the item with its caller. Tokio: a `send` in a `timeout` does not; this
    /// gives it back.
    #[tokio::test(start_paused = true)]
    async fn an_item_that_is_not_sent_in_time_comes_back() {
        let (queue, mut received) = mpsc::channel(1);
        queue.try_send("a").unwrap();
        assert_eq!(send_unless(&queue, "b", sleep(ms(100))).await, Err(Unsent::Stopped("b")));
        let late = tokio::spawn(async move {
            sleep(ms(50)).await;
            let first = received.recv().await;
            (first, received.recv().await)
        });
        assert_eq!(send_unless(&queue, "b", sleep(ms(100))).await, Ok(()));
        assert_eq!(late.await.unwrap(), (Some("a"), Some("b")));
        assert_eq!(send_unless(&queue, "c", sleep(ms(100))).await, Err(Unsent::Closed("c")));
    }

    #[tokio::test(start_paused = true)]
    async fn room_that_comes_in_the_instant_of_the_stop_is_used() {
        let (queue, mut received) = mpsc::channel(1);
        queue.try_send("a").unwrap();
        let mut sends = std::pin::pin!(send_unless(&queue, "b", sleep(ms(100))));
        assert!(sends.as_mut().now_or_never().is_none());
        tokio::time::advance(ms(100)).await;
        received.recv().await;
        assert_eq!(sends.await, Ok(()));
        assert_eq!(send_unless(&queue, "c", ready(())).await, Err(Unsent::Stopped("c")));
    }

    /// Sent once, or dropped once, and no place is lost.
    #[test]
    fn a_cancelled_send_unless_loses_no_place() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (queue, mut received) = mpsc::channel(1);
                queue.try_send("a").unwrap();
                let log = Log::new();
                let consumed = log.clone();
                tokio::spawn(async move {
                    loop {
                        sleep(ms(50)).await;
                        consumed.add(received.recv().await);
                    }
                });
                let sender = queue.clone();
                ((queue, log), async move { send_unless(&sender, "b", sleep(ms(100))).await })
            },
            |(queue, log), outcome: Outcome<_>| {
                let sent = match outcome {
                    Finished(sent) => {
                        assert_eq!(sent, Ok(()));
                        vec![Some("a"), Some("b")]
                    }
                    Cancelled(_) => vec![Some("a")],
                };
                assert_eq!((log.take(), queue.capacity()), (sent, 1));
            },
        );
        assert_eq!(swept.points, 1);
    }
}

mod broadcast {
    use super::*;
    use queues::broadcast::Heard::{self, Item, Missed};
    use queues::broadcast::follow;
    use tokio::sync::broadcast;
    use tokio::sync::broadcast::error::RecvError;

    /// asyncio: a queue for each subscriber. Tokio: one channel, and each receiver gets a clone of each item.
    #[tokio::test]
    async fn every_receiver_gets_every_item() {
        let (sender, mut a) = broadcast::channel(4);
        let mut b = sender.subscribe();
        for item in 1..=3 {
            assert_eq!(sender.send(item).unwrap(), 2, "the number of receivers");
        }
        drop(sender);
        for feed in [&mut a, &mut b] {
            let log = Log::new();
            follow(feed, |heard| log.added(heard)).await;
            assert_eq!(log.take(), [Item(1), Item(2), Item(3)]);
        }
    }

    /// A receiver that is slower than the buffer is long loses the oldest items, and is told how many. The sender does
    /// not wait for it, and the others do not notice.
    #[tokio::test(start_paused = true)]
    async fn a_slow_receiver_misses_the_oldest_and_is_told_how_many() {
        let (start, log) = (Instant::now(), Log::new());
        let (sender, mut quick) = broadcast::channel(2);
        let mut slow = sender.subscribe();
        let hear = |name, millis| {
            let log = &log;
            move |heard: Heard<u32>| async move {
                if let Item(_) = heard {
                    sleep(ms(millis)).await;
                }
                log.add((name, heard));
            }
        };
        let sends = async {
            let sender = sender;
            for item in 1..=6 {
                sender.send(item).unwrap();
                sleep(ms(10)).await;
            }
            assert_eq!(start.elapsed(), ms(60));
        };
        tokio::join!(sends, follow(&mut quick, hear("quick", 1)), follow(&mut slow, hear("slow", 35)));
        let (quick, slow): (Vec<_>, Vec<_>) = log.take().into_iter().partition(|(name, _)| *name == "quick");
        assert_eq!(quick.len(), 6);
        let slow: Vec<_> = slow.into_iter().map(|(_, heard)| heard).collect();
        assert_eq!(slow, [Item(1), Missed(1), Item(3), Missed(1), Item(5), Item(6)]);
    }

    /// The hazard: to have missed something is an `Err`, and not the end.
    #[tokio::test]
    async fn but_a_loop_over_ok_ends_where_something_was_missed() {
        let (sender, mut feed) = broadcast::channel(2);
        for item in 1..=3 {
            sender.send(item).unwrap();
        }
        let mut heard = Vec::new();
        while let Ok(item) = feed.recv().await {
            heard.push(item);
        }
        assert_eq!(heard, [0; 0]);
        assert_eq!((feed.recv().await, feed.recv().await), (Ok(2), Ok(3)), "it was there all the time");
    }

    /// The capacity is a power of two.
    #[tokio::test]
    async fn the_buffer_may_keep_more_than_was_asked_for() {
        let (sender, mut feed) = broadcast::channel(5);
        for item in 1..=9 {
            sender.send(item).unwrap();
        }
        assert_eq!(
            (feed.recv().await, feed.recv().await),
            (Err(RecvError::Lagged(1)), Ok(2)),
            "8 of 9 are left"
        );
    }

    #[tokio::test]
    async fn a_late_receiver_hears_only_what_is_sent_after_it_came() {
        let (sender, _first) = broadcast::channel(4);
        sender.send(1).unwrap();
        let mut late = sender.subscribe();
        sender.send(2).unwrap();
        assert_eq!(late.recv().await, Ok(2));
    }

    /// Nobody listens: an error, and the item comes back.
    #[tokio::test]
    async fn without_a_receiver_an_item_cannot_be_sent() {
        let (sender, feed) = broadcast::channel(4);
        drop(feed);
        assert_eq!(sender.send("a").map_err(|unsent| unsent.0), Err("a"));
    }

    #[tokio::test]
    async fn a_million_items_are_sent_past_a_receiver_that_sleeps() {
        let (log, (sender, mut feed)) = (Log::new(), broadcast::channel(128));
        for item in 0..u64::from(MILLION) {
            sender.send(item).unwrap();
        }
        assert_eq!(sender.len(), 128);
        drop(sender);
        follow(&mut feed, |heard| log.added(heard)).await;
        let heard = log.take();
        assert_eq!((heard[0], heard.len()), (Missed(999_872), 129));
        assert_eq!((heard[1], heard[128]), (Item(999_872), Item(999_999)));
    }

    /// Cancelled anywhere and called again, it goes on with the next item: heard or missed, each counts once.
    #[test]
    fn a_cancelled_follow_goes_on_where_it_was() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (sender, feed) = broadcast::channel(4);
                let (feed, log) = (Arc::new(tokio::sync::Mutex::new(feed)), Log::new());
                let (mine, heard) = (feed.clone(), log.clone());
                tokio::spawn(async move {
                    for item in 0..4 {
                        sleep(ms(10)).await;
                        sender.send(item).unwrap();
                    }
                });
                ((feed, log), async move {
                    follow(&mut *mine.lock().await, |item| heard.added(item)).await;
                })
            },
            |(feed, log), _| {
                let mut feed = feed.try_lock().expect("the cancelled one has let go");
                let rest = follow(&mut feed, |item| log.added(item));
                assert!(rest.now_or_never().is_some(), "the sender has ended");
                assert_eq!(log.take(), [0, 1, 2, 3].map(Item));
            },
        );
        assert_eq!(swept.points, 4, "four items; the end comes with the last");
    }
}

mod watch {
    use super::*;
    use queues::watch::follow_newest;
    use tokio::sync::watch;

    /// asyncio: a variable and a `Condition`. Tokio: a receiver that was busy sees the newest value, and the last one is
    /// never skipped.
    #[tokio::test(start_paused = true)]
    async fn a_slow_receiver_skips_to_the_newest_and_sees_the_last() {
        let log = Log::new();
        let (sender, mut newest) = watch::channel(0);
        tokio::join!(
            async {
                let sender = sender;
                for value in 1..=6 {
                    sleep(ms(10)).await;
                    sender.send(value).unwrap();
                }
            },
            follow_newest(&mut newest, |value| {
                log.add(value);
                sleep(ms(35))
            }),
        );
        assert_eq!(log.take(), [1, 4, 6]);
    }

    #[tokio::test]
    async fn the_value_that_is_there_is_new_only_if_the_receiver_says_so() {
        let (sender, mut newest) = watch::channel("first");
        let mut from_the_first = newest.clone();
        from_the_first.mark_changed();
        drop(sender);
        for (receiver, expected) in [(&mut newest, vec![]), (&mut from_the_first, vec!["first"])] {
            let log = Log::new();
            follow_newest(receiver, |value| log.added(value)).await;
            assert_eq!(log.take(), expected);
        }
    }

    #[tokio::test]
    async fn of_a_hundred_thousand_values_a_receiver_that_sleeps_sees_the_last() {
        let (log, (sender, mut newest)) = (Log::new(), watch::channel(0));
        for value in 1..100_000 {
            sender.send_replace(value);
        }
        drop(sender);
        follow_newest(&mut newest, |value| log.added(value)).await;
        assert_eq!(log.take(), [99_999]);
    }

    /// Cancelled anywhere and called again, it sees each value at most once, and the last one.
    #[test]
    fn a_cancelled_follow_newest_still_sees_the_last() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (sender, newest) = watch::channel(0);
                let (newest, log) = (Arc::new(tokio::sync::Mutex::new(newest)), Log::new());
                let (mine, seen) = (newest.clone(), log.clone());
                tokio::spawn(async move {
                    for value in 1..=4 {
                        sleep(ms(10)).await;
                        sender.send(value).unwrap();
                    }
                });
                ((newest, log), async move {
                    follow_newest(&mut *mine.lock().await, |value| seen.added(value)).await;
                })
            },
            |(newest, log), _| {
                let mut newest = newest.try_lock().expect("the cancelled one has let go");
                let rest = follow_newest(&mut newest, |value| log.added(value));
                assert!(rest.now_or_never().is_some(), "the sender has ended");
                let seen = log.take();
                assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
                assert_eq!(seen.last(), Some(&4));
            },
        );
        assert_eq!(swept.points, 4, "four values; the end comes with the last");
    }
}

/// A caller may itself be a task: each pattern's future is `Send` when what it runs is.
#[tokio::test(start_paused = true)]
async fn every_pattern_can_run_inside_a_spawned_task() {
    let all = tokio::spawn(async {
        let log = Log::new();
        let consumed = log.clone();
        let consume = move |item| {
            let consumed = consumed.clone();
            async move { consumed.add(item) }
        };
        let produce = |queue: async_channel::Sender<u32>| async move { queue.send(1).await };
        queues::producer_consumer::produce_and_consume(FIVE, produce, [consume]).await.unwrap();

        let queue = queues::joinable::PriorityQueue::bounded(ONE);
        queue.put((1, 2)).await.unwrap();
        drop(queue.get_ticket().await.unwrap());
        queue.reserve().await.unwrap().put((1, 3)).unwrap();
        assert_eq!(queue.get().await, Ok((1, 3)));
        queue.task_done().unwrap();
        queue.join().await;

        let (sender, mut source) = mpsc::channel(2);
        let (target, received) = mpsc::channel(2);
        queues::reserve::send_unless(&sender, 4, sleep(ms(1))).await.unwrap();
        drop(sender);
        queues::reserve::forward(&mut source, &target).await.unwrap();
        log.add(queues::many_consumers::SharedReceiver::from(received).recv().await.unwrap());

        let (sender, mut feed) = tokio::sync::broadcast::channel(2);
        sender.send(5).unwrap();
        drop(sender);
        let heard = log.clone();
        queues::broadcast::follow(&mut feed, |_| heard.added(5)).await;

        let (sender, mut newest) = tokio::sync::watch::channel(0);
        sender.send_replace(6);
        drop(sender);
        queues::watch::follow_newest(&mut newest, |value| heard.added(value)).await;
        log.take()
    });
    assert_eq!(all.await.unwrap(), [1, 4, 5, 6]);
}

mod demo {
    use expect_test::expect_file;
    use queues::demo;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/queues/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/queues/timeline.svg"].assert_eq(&rehearsal.timeline.svg("queues"));
    }
}
