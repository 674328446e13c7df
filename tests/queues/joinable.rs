//! Lessons of the pattern `joinable`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::FutureExt;
use queues::joinable::{
    JoinableQueue, LifoQueue, Order, PriorityQueue, Queue, ShutDown, TaskDoneError, TryGetError, TryPutError,
};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Entries, HUNDRED, ONE, TWO, leaves_others_their_turn, ms, settle, soon};
use crate::work::MILLION;
use crate::work::joinable::drain;

mod order {
    use super::*;
    use std::cmp::Ordering;
    use std::collections::BinaryHeap;

    /// asyncio: `Queue` is FIFO. Tokio: so is every channel.
    #[tokio::test]
    async fn the_first_in_is_the_first_out() {
        let queue = Queue::unbounded();
        for item in [1, 3, 2] {
            queue.put(item).await.unwrap();
        }
        assert_eq!(drain(&queue), [1, 3, 2]);
    }

    /// asyncio: `LifoQueue`. Tokio has no such channel.
    #[tokio::test]
    async fn or_the_last_in_is_the_first_out() {
        let queue = LifoQueue::unbounded();
        for item in [1, 3, 2] {
            queue.put(item).await.unwrap();
        }
        assert_eq!(drain(&queue), [2, 3, 1]);
    }

    /// asyncio: `PriorityQueue` returns the smallest first. Tokio has no such channel.
    #[tokio::test]
    async fn or_the_smallest_priority_is_the_first_out() {
        let queue = PriorityQueue::unbounded();
        for item in [(2, "b"), (1, "a"), (3, "c")] {
            queue.put(item).await.unwrap();
        }
        assert_eq!(drain(&queue), [(1, "a"), (2, "b"), (3, "c")]);
    }

    /// asyncio: entries of one priority are compared by the rest of the tuple, and equal ones come out in no order. Here only
    /// the priority is compared, and equal ones come out FIFO.
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

    /// The hazard: `BinaryHeap` returns the greatest first, and equal ones in no order. asyncio's heap mixes equal ones too.
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

    /// asyncio: entries that cannot be compared raise `TypeError` in `put`, and stay in the queue. Here the compiler asks for
    /// `Ord`, and an `Ord` that panics leaves the queue unchanged.
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

    /// asyncio: with `maxsize` zero or negative, the queue has no bound and is never full. Here `unbounded` makes such a queue,
    /// and a bound of zero does not compile.
    #[tokio::test]
    async fn an_unbounded_queue_is_never_full() {
        let queue = Queue::unbounded();
        for item in 0..10_000 {
            queue.try_put(item).unwrap();
        }
        assert_eq!((queue.is_full(), queue.len(), queue.capacity()), (false, 10_000, None));
        assert_eq!(NonZeroUsize::new(0), None);
    }

    /// The greatest bound works too.
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

    /// asyncio: putters are served FIFO; when one is cancelled, the next in line moves up.
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
        // The slot is promised to a. It is cancelled before it runs, and c is next.
        assert_eq!(queue.try_put("late"), Err(TryPutError::Full("late")));
        putters[0] = None;
        for (index, item) in [(2, "c"), (3, "d")] {
            assert_eq!(putters[index].as_mut().unwrap().now_or_never(), Some(Ok(())));
            assert_eq!(queue.try_get(), Ok(item));
        }
    }

    /// asyncio: a coroutine that puts and gets without waiting never lets others run. Tokio: a task yields after 128
    /// operations.
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

    /// A million items through a hundred slots, FIFO: each is taken once, and none is left.
    #[tokio::test]
    async fn a_million_items_pass_through_a_hundred_places() {
        pass_a_million(Queue::bounded(HUNDRED), |item| item).await;
    }

    /// The same, LIFO.
    #[tokio::test]
    async fn a_million_items_pass_through_a_hundred_places_last_in_first_out() {
        pass_a_million(LifoQueue::bounded(HUNDRED), |item| item).await;
    }

    /// The same, by priority.
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

    /// asyncio: getters are served FIFO.
    #[tokio::test]
    async fn getters_are_served_in_the_order_in_which_they_came() {
        let (queue, log) = (Arc::new(Queue::unbounded()), Entries::new());
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

    /// asyncio: `get_nowait` may take the item of a getter that was woken for it; that getter then goes on waiting. Here a
    /// promised item stays promised.
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

    /// asyncio: a getter that was woken for an item and is cancelled before it runs leaves that item to the next getter, not a
    /// later one.
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

    /// asyncio: cancelled getters and putters leave no entry behind in the lists of waiters.
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

    /// asyncio: `join` returns when all items are done, not when they are taken.
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

    /// asyncio: `join` returns once the count was zero, even if a new item comes before the joiner runs.
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

    /// The hazard: `wait_for` zero on a count in a `watch` checks only when the waiter runs.
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

    /// asyncio: if several tasks call `join`, it returns in all of them, even if one is cancelled. Tokio: the same.
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
        assert_eq!(queue.task_done(), Err(TaskDoneError));
        queue.put(()).await.unwrap();
        queue.get().await.unwrap();
        assert_eq!(queue.task_done(), Ok(()));
        assert_eq!(queue.task_done(), Err(TaskDoneError));
    }

    /// asyncio: `task_done` is accepted for an item that is still queued, and `join` returns with the item in the
    /// queue. Here it is an error.
    #[tokio::test]
    async fn an_item_that_nobody_has_taken_cannot_be_done() {
        let queue = Queue::unbounded();
        queue.put(()).await.unwrap();
        assert_eq!(queue.task_done(), Err(TaskDoneError));
        assert!(queue.join().now_or_never().is_none());
    }
}

mod ticket {
    use super::*;

    /// asyncio: a worker that dies between `get` and `task_done` leaves `join` waiting forever. Here the same, after
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

    /// The guard is dropped however its worker ends.
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
                let panics = queue.get_guarded().await.unwrap();
                assert!(!*panics, "at work");
                sleep(ms(1_000_000)).await;
            });
        }
        settle().await;
        assert!(queue.join().now_or_never().is_none(), "one still works");
        workers.abort_all();
        soon(queue.join()).await;
        assert_eq!(queue.task_done(), Err(TaskDoneError));
    }

    /// The destructor of an item is part of its work.
    #[tokio::test]
    async fn an_item_is_done_when_it_is_dropped_and_not_before() {
        struct LooksAt(Arc<Queue<LooksAt>>, Entries<bool>);
        impl Drop for LooksAt {
            fn drop(&mut self) {
                self.1.add(self.0.join().now_or_never().is_some());
            }
        }
        let (queue, log) = (Arc::new(Queue::unbounded()), Entries::new());
        queue.try_put(LooksAt(queue.clone(), log.clone())).map_err(drop).unwrap();
        drop(queue.get_guarded().await);
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
            let mut job = queue.get_guarded().await.unwrap();
            assert_eq!(*job, ("job", attempt));
            job.1 += 1;
            job.requeue().unwrap();
            assert!(joiner.as_mut().now_or_never().is_none());
        }
        drop(queue.get_guarded().await);
        assert_eq!(joiner.now_or_never(), Some(()));
        assert_eq!(queue.task_done(), Err(TaskDoneError));
    }

    /// A requeued item takes an extra slot if the queue is full, and the bound holds again afterwards.
    #[tokio::test]
    async fn an_item_goes_back_into_a_full_queue_and_the_bound_holds_afterwards() {
        let queue = Queue::bounded(TWO);
        for item in [1, 2] {
            queue.put(item).await.unwrap();
        }
        let (one, two) = (queue.get_guarded().await.unwrap(), queue.get_guarded().await.unwrap());
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

    /// If the queue is not full, a requeued item takes a free slot.
    #[tokio::test]
    async fn an_item_that_goes_back_takes_its_place_again() {
        let queue = Queue::bounded(ONE);
        queue.put("a").await.unwrap();
        queue.get_guarded().await.unwrap().requeue().unwrap();
        assert_eq!(queue.try_put("b"), Err(TryPutError::Full("b")));
        assert_eq!((queue.try_get(), queue.try_put("b")), (Ok("a"), Ok(())));
    }

    /// A `task_done` for an item that has a guard counts it early. The count stays right.
    #[tokio::test]
    async fn a_task_done_too_many_does_not_break_the_count() {
        let queue = Queue::unbounded();
        queue.put(1).await.unwrap();
        let ticket = queue.get_guarded().await.unwrap();
        queue.task_done().unwrap();
        drop(ticket);
        queue.put(2).await.unwrap();
        let ticket = queue.get_guarded().await.unwrap();
        queue.task_done().unwrap();
        ticket.requeue().unwrap();
        assert!(queue.join().now_or_never().is_none());
        drop(queue.get_guarded().await);
        assert!(queue.join().now_or_never().is_some());
    }
}

mod shutdown {
    use super::*;

    /// asyncio 3.13: a waiting getter raises `QueueShutDown`, and so do `put` and `get` from then on. `join` returns.
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

    /// asyncio 3.13: queued items are still delivered, a waiting `put` fails, and `join` still needs `task_done`. Tokio:
    /// dropping the senders of a channel does the first two.
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

    /// asyncio 3.13: `shutdown(immediate=True)` drops the queued items, and `join` waits only for taken ones. Here
    /// `shutdown_now` returns the queued items.
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

    /// asyncio 3.13: `shutdown(immediate=True)` ends `join` if no item is taken. Here the same.
    #[tokio::test]
    async fn at_once_it_releases_the_joiners_if_nothing_is_taken() {
        let queue = Queue::unbounded();
        queue.put(1).await.unwrap();
        let mut joiner = std::pin::pin!(queue.join());
        assert!(joiner.as_mut().now_or_never().is_none());
        assert_eq!(queue.shutdown_now(), [1]);
        assert_eq!(joiner.now_or_never(), Some(()));
    }

    /// asyncio 3.13: `shutdown` can be called again, and made immediate later.
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

    /// asyncio 3.13: after `shutdown` a taken item cannot be put back. Here it can while the queue drains.
    #[tokio::test]
    async fn a_taken_item_can_go_back_while_the_queue_drains_but_not_after() {
        let queue = Queue::unbounded();
        queue.put("a").await.unwrap();
        let ticket = queue.get_guarded().await.unwrap();
        queue.shutdown();
        ticket.requeue().unwrap();
        let ticket = queue.get_guarded().await.unwrap();
        assert_eq!(queue.shutdown_now(), [""; 0]);
        assert_eq!(ticket.requeue(), Err(ShutDown("a")));
        assert_eq!(queue.join().now_or_never(), Some(()), "given back, so done");
    }

    /// Of a getter that was promised an item and a later one, the first that runs gets it; the other gets `ShutDown`.
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

    /// The hazard: a closed semaphore fails every acquire, even if it still has permits.
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

    /// A reserved slot counts as taken until it is used or dropped.
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

    /// A slot that was reserved before a shutdown and is used after it returns the item.
    #[tokio::test]
    async fn a_slot_that_is_used_after_a_shutdown_gives_the_item_back() {
        let queue = Queue::bounded(TWO);
        let slot = queue.reserve().await.unwrap();
        queue.shutdown();
        assert_eq!(slot.put("a"), Err(ShutDown("a")));
        assert!(queue.reserve().await.is_err());
        assert_eq!(queue.join().now_or_never(), Some(()));
    }
}

mod many_threads {
    use super::*;
    use fastrand::Rng;
    use tokio::runtime::Builder;

    const ROUNDS: u64 = 500;

    const PRODUCERS: u64 = 3;

    const ITEMS: u64 = 8;

    /// Records the owner of each item at the end of a round.
    type Ledger = Entries<u64>;

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
                    // Cancelled after a while, unless it is quicker. A dropped put has put no item in.
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
                2 => match queue.get_guarded().await {
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
                        ticket = queue.get_guarded() => match ticket {
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
        assert_eq!((queue.len(), queue.task_done()), (0, Err(TaskDoneError)), "seed {seed}");
    }

    /// Producers give up, consumers requeue, a shutdown comes in the middle: at the end each item has exactly one owner.
    #[test]
    fn every_item_is_in_one_hand_at_the_end_of_each_round() {
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
        runtime.block_on(async {
            for seed in 0..ROUNDS {
                let ended = timeout(Duration::from_secs(20), tokio::spawn(round(seed))).await;
                ended.unwrap_or_else(|_| panic!("seed {seed}: a task waits forever")).unwrap();
            }
        });
    }

    /// Two tasks put and join, and a worker takes: a `join` waits for the task's own item, not only for an earlier one.
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
                    while let Ok(item) = queue.get_guarded().await {
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

/// A full queue into which an item was requeued holds one more than its bound. Dropping a slot then frees no room.
#[tokio::test]
async fn a_slot_given_up_over_the_bound_is_not_free() {
    let queue = Queue::bounded(ONE);
    queue.put("a").await.unwrap();
    let item = soon(queue.get_guarded()).await.unwrap();
    let slot = soon(queue.reserve()).await.unwrap();
    item.requeue().unwrap();
    drop(slot);
    assert_eq!(queue.try_put("b"), Err(TryPutError::Full("b")));
    assert_eq!((queue.len(), queue.is_full()), (1, true));
    assert_eq!(drain(&queue), ["a"]);
    assert_eq!(queue.try_put("b"), Ok(()), "the place is free when the item is taken");
}

/// The same holds for a producer that was woken for the slot and is cancelled before it runs.
#[tokio::test]
async fn a_waiter_that_leaves_over_the_bound_frees_no_place() {
    let queue = Queue::bounded(ONE);
    queue.put("a").await.unwrap();
    let mut waiter = Box::pin(queue.reserve());
    assert!((&mut waiter).now_or_never().is_none());
    let item = soon(queue.get_guarded()).await.unwrap(); // the waiter is woken
    item.requeue().unwrap();
    drop(waiter);
    assert!(queue.is_full());
    assert_eq!(queue.try_put("b"), Err(TryPutError::Full("b")));
    assert_eq!(drain(&queue), ["a"]);
    assert_eq!(queue.try_put("b"), Ok(()));
}

/// asyncio: a woken `put` checks whether there is room, and otherwise waits again, behind the others. Here too: the bound
/// holds whether the woken producer is cancelled or stays.
#[tokio::test]
async fn a_slot_that_goes_back_to_the_item_is_not_passed_on() {
    for leaves in [true, false] {
        let queue = Queue::bounded(ONE);
        queue.put("a").await.unwrap();
        let mut woken = Some(Box::pin(queue.put("b")));
        let mut other = Box::pin(queue.put("c"));
        assert!(woken.as_mut().unwrap().now_or_never().is_none());
        assert!((&mut other).now_or_never().is_none());
        let item = soon(queue.get_guarded()).await.unwrap(); // the first of the two is woken
        item.requeue().unwrap();
        if leaves {
            woken = None;
        }
        assert!(woken.as_mut().and_then(|put| put.now_or_never()).is_none());
        assert!((&mut other).now_or_never().is_none());
        assert_eq!((queue.len(), queue.is_full()), (1, true));

        assert_eq!(soon(queue.get()).await, Ok("a"));
        soon(other).await.unwrap();
        assert_eq!(soon(queue.get()).await, Ok("c"));
        if let Some(woken) = woken {
            soon(woken).await.unwrap();
            assert_eq!(soon(queue.get()).await, Ok("b"));
        }
    }
}

/// asyncio: a loop over `get` of a queue that is shut down lets no other task run. Here it does.
#[tokio::test]
async fn a_queue_that_drains_leaves_others_their_turn() {
    let queue = Queue::unbounded();
    (0..100_000).for_each(|item| queue.try_put(item).unwrap());
    queue.shutdown();
    leaves_others_their_turn(async { while queue.get_guarded().await.is_ok() {} }).await;
}
