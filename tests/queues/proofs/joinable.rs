//! Proofs of the pattern `joinable`.

use std::sync::Arc;

use futures::FutureExt;
use queues::joinable::{Queue, TaskDoneError};
use tokio::time::sleep;

use crate::support::{Entries, ONE, TWO, alive_tasks, ms};
use crate::work::joinable::drain;

mod get {
    use super::*;

    /// Tokio makes a task yield after 128 operations, so a `get` may have to wait although there are items. Cancelled
    /// there, it has taken no item.
    #[test]
    fn a_get_that_is_cancelled_before_it_has_its_permit_has_taken_nothing() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (queue, log) = (Arc::new(Queue::unbounded()), Entries::new());
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

    /// The item stays in the queue, or the getter has it: it is never lost between.
    #[test]
    fn a_cancelled_get_loses_no_item() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (queue, log) = (Arc::new(Queue::bounded(TWO)), Entries::new());
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
                assert!(queue.join().now_or_never().is_some(), "one is unfinished forever");
            },
        );
        assert_eq!(swept.points, 4, "four items; the end comes with the last");
    }
}

mod join {
    use super::*;

    /// A `join` that is dropped at any suspension changes nothing for the next one.
    #[test]
    fn a_cancelled_join_changes_nothing() {
        let swept = cancel_sweep::sweep_with(
            || {
                let queue = Arc::new(Queue::unbounded());
                queue.try_put(()).unwrap();
                let (worker, joiner) = (queue.clone(), queue.clone());
                tokio::spawn(async move {
                    sleep(ms(10)).await;
                    drop(worker.get_guarded().await);
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

    /// A worker with a guard is dropped at any suspension: its item is done, or back in the queue.
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
                    while let Ok(item) = worker.get_guarded().await {
                        sleep(ms(5)).await;
                        if *item == 1 && std::mem::take(&mut again) {
                            item.requeue().unwrap();
                        }
                    }
                })
            },
            |queue, _| {
                drain(&queue).iter().for_each(|_| queue.task_done().unwrap());
                assert_eq!(queue.task_done(), Err(TaskDoneError));
                assert!(queue.join().now_or_never().is_some(), "one is unfinished forever");
            },
        );
        assert_eq!(swept.points, 7, "three items are waited for, and worked on in four attempts");
    }
}

mod reserve {
    use super::*;

    /// The caller keeps its item until there is room. Cancelled at any point, the caller or the queue has the item.
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

    /// The hazard: a waiting `put` owns its item, and drops it when it is dropped. asyncio: the caller still has the item.
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

    /// Puts three items into one slot, taken one every 10 ms. Returns how often the producer waited, and whether all three
    /// items were always accounted for.
    fn sweep_producer<F: Future<Output = ()>>(
        produce: impl Fn(Arc<Queue<u32>>, Entries<u32>) -> F,
    ) -> (usize, bool) {
        let mut all_there = true;
        let swept = cancel_sweep::sweep_with(
            || {
                let (queue, left, taken) = (Arc::new(Queue::bounded(ONE)), Entries::new(), Entries::new());
                (0..3).for_each(|item| left.add(item));
                let (consumer, consumed) = (queue.clone(), taken.clone());
                tokio::spawn(async move {
                    loop {
                        sleep(ms(10)).await;
                        let item = consumer.get_guarded().await.unwrap();
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
