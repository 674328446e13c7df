//! Numbers and durations at their ends: zero, one and the greatest.

use std::num::NonZeroUsize;
use std::time::Duration;

use queues::batch::Batches;
use queues::joinable::{JoinableQueue, Queue};
use queues::producer_consumer::produce_and_consume;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::{Count, ms, soon};
use crate::work::producer_consumer::produce;

/// A queue of one slot, and a queue that is never full.
#[tokio::test]
async fn a_bound_at_its_ends() {
    for bound in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        let consumed = Count::default();
        let counts = consumed.clone();
        let consume = move |_| {
            counts.add();
            std::future::ready(())
        };
        assert_eq!(soon(produce_and_consume(bound, |queue| produce(100, queue), [consume])).await, Ok(()));
        assert_eq!(consumed.get(), 100);
        let queue: Queue<_> = JoinableQueue::bounded(bound);
        assert_eq!(queue.capacity(), Some(bound));
        for item in 0..100 {
            assert_eq!(queue.try_put(item).is_ok(), item == 0 || bound > NonZeroUsize::MIN);
        }
    }
}

/// Batches of one item and of any size, with no delay and with an endless one.
#[tokio::test(start_paused = true)]
async fn a_batch_at_its_ends() {
    for size in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        for delay in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let (sender, receiver) = mpsc::channel(5);
            for item in 0..3 {
                sender.send(item).await.unwrap();
            }
            let mut batches = Batches::new(receiver, size, delay);
            let first = timeout(ms(60_000), batches.next()).await.ok().flatten().map(|batch| batch.len());
            let all = (delay < Duration::MAX).then_some(3);
            assert_eq!(first, if size == NonZeroUsize::MIN { Some(1) } else { all });
            drop(sender);
            let mut left = 3 - first.unwrap_or(0);
            while let Some(batch) = soon(batches.next()).await {
                left -= batch.len();
            }
            assert_eq!(left, 0);
        }
    }
}
