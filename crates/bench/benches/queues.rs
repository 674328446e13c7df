//! What the queues of `recipes/queues` cost an item: a million numbers from one producer, through a hundred slots.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bench::{asyncio, measure, print_ratios};
use queues::batch::Batches;
use queues::joinable::{JoinableQueue, LifoQueue, Order, PriorityQueue, Queue};
use queues::many_consumers::SharedReceiver;
use queues::tracked::{Tracked, Unfinished};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const ITEMS: usize = 1_000_000;
const ROUNDS: usize = 5;
const HUNDRED: NonZeroUsize = NonZeroUsize::new(100).unwrap();
const SUM: usize = ITEMS * (ITEMS - 1) / 2;

/// Runs the producer and the consumers as tasks, and checks that every item was consumed.
fn run<P, C>(runtime: &Runtime, producer: P, consumers: impl IntoIterator<Item = C>)
where
    P: Future<Output = ()> + Send + 'static,
    C: Future<Output = usize> + Send + 'static,
{
    runtime.block_on(async {
        let mut tasks: JoinSet<_> = consumers.into_iter().collect();
        tokio::spawn(producer);
        let mut sum = 0;
        while let Some(part) = tasks.join_next().await {
            sum += part.unwrap_or_default();
        }
        assert_eq!(sum, SUM);
    });
}

fn tokio_mpsc(runtime: &Runtime) {
    let (sender, mut receiver) = mpsc::channel(HUNDRED.get());
    let consumer = async move {
        let mut sum = 0;
        while let Some(item) = receiver.recv().await {
            sum += item;
        }
        sum
    };
    run(runtime, send_all(sender), [consumer]);
}

fn shared_receiver(runtime: &Runtime, consumers: usize) {
    let (sender, receiver) = mpsc::channel(HUNDRED.get());
    let queue = SharedReceiver::from(receiver);
    let consumers = (0..consumers).map(move |_| {
        let queue = queue.clone();
        async move {
            let mut sum = 0;
            while let Some(item) = queue.recv().await {
                sum += item;
            }
            sum
        }
    });
    run(runtime, send_all(sender), consumers);
}

async fn send_all(queue: mpsc::Sender<usize>) {
    for item in 0..ITEMS {
        if queue.send(item).await.is_err() {
            return;
        }
    }
}

fn async_channel(runtime: &Runtime, consumers: usize) {
    let (sender, receiver) = async_channel::bounded(HUNDRED.get());
    let producer = async move {
        for item in 0..ITEMS {
            if sender.send(item).await.is_err() {
                return;
            }
        }
    };
    let consumers = (0..consumers).map(move |_| {
        let queue = receiver.clone();
        async move {
            let mut sum = 0;
            while let Ok(item) = queue.recv().await {
                sum += item;
            }
            sum
        }
    });
    run(runtime, producer, consumers);
}

fn tracked(runtime: &Runtime, consumers: usize) {
    let (sender, receiver) = async_channel::bounded(HUNDRED.get());
    let producer = async move {
        let unfinished = Unfinished::new();
        for item in 0..ITEMS {
            if sender.send(unfinished.track(item)).await.is_err() {
                return;
            }
        }
        unfinished.join().await;
    };
    let consumers = (0..consumers).map(move |_| {
        let queue: async_channel::Receiver<Tracked<usize>> = receiver.clone();
        async move {
            let mut sum = 0;
            while let Ok(item) = queue.recv().await {
                sum += *item;
            }
            sum
        }
    });
    run(runtime, producer, consumers);
}

fn tracked_mpsc(runtime: &Runtime) {
    let (sender, mut receiver) = mpsc::channel(HUNDRED.get());
    let producer = async move {
        let unfinished = Unfinished::new();
        for item in 0..ITEMS {
            if sender.send(unfinished.track(item)).await.is_err() {
                return;
            }
        }
        unfinished.join().await;
    };
    let consumer = async move {
        let mut sum = 0;
        while let Some(item) = receiver.recv().await {
            let item: Tracked<usize> = item;
            sum += *item;
        }
        sum
    };
    run(runtime, producer, [consumer]);
}

fn batch(runtime: &Runtime) {
    let (sender, receiver) = mpsc::channel(HUNDRED.get());
    let consumer = async move {
        let mut batches = Batches::new(receiver, HUNDRED, Duration::from_secs(1));
        let mut sum = 0;
        while let Some(batch) = batches.next().await {
            sum += batch.into_iter().sum::<usize>();
        }
        sum
    };
    run(runtime, send_all(sender), [consumer]);
}

fn joinable<O>(
    runtime: &Runtime,
    queue: JoinableQueue<O>,
    consumers: usize,
    wrap: impl Fn(usize) -> O::Item + Send + 'static,
    unwrap: impl Fn(&O::Item) -> usize + Copy + Send + 'static,
) where
    O: Order + Send + 'static,
    O::Item: Send,
{
    let queue = Arc::new(queue);
    let producer = {
        let queue = queue.clone();
        async move {
            for item in 0..ITEMS {
                if queue.put(wrap(item)).await.is_err() {
                    return;
                }
            }
            queue.join().await;
            queue.shutdown();
        }
    };
    let consumers = (0..consumers).map(move |_| {
        let queue = queue.clone();
        async move {
            let mut sum = 0;
            while let Ok(item) = queue.get_guarded().await {
                sum += unwrap(&item);
            }
            sum
        }
    });
    run(runtime, producer, consumers);
}

fn main() -> anyhow::Result<()> {
    let one = Builder::new_current_thread().enable_time().build()?;
    for consumers in [1, 4] {
        let mut rows = vec![
            measure("Queue, with guards and join", ITEMS, ROUNDS, || {
                joinable(&one, Queue::bounded(HUNDRED), consumers, |item| item, |item| *item);
            }),
            measure("LifoQueue, with guards and join", ITEMS, ROUNDS, || {
                joinable(&one, LifoQueue::bounded(HUNDRED), consumers, |item| item, |item| *item);
            }),
            measure("PriorityQueue, with guards and join", ITEMS, ROUNDS, || {
                joinable(
                    &one,
                    PriorityQueue::bounded(HUNDRED),
                    consumers,
                    |item| (item % 7, item),
                    |(_, item)| *item,
                );
            }),
            measure("async_channel", ITEMS, ROUNDS, || async_channel(&one, consumers)),
            measure("async_channel, tracked and join", ITEMS, ROUNDS, || tracked(&one, consumers)),
            measure("SharedReceiver (tokio's mpsc behind a lock)", ITEMS, ROUNDS, || {
                shared_receiver(&one, consumers)
            }),
        ];
        if consumers == 1 {
            rows.insert(0, measure("tokio's mpsc", ITEMS, ROUNDS, || tokio_mpsc(&one)));
            rows.push(measure("tokio's mpsc, tracked and join", ITEMS, ROUNDS, || tracked_mpsc(&one)));
            rows.push(measure("tokio's mpsc, in batches of 100", ITEMS, ROUNDS, || batch(&one)));
        }
        rows.extend(asyncio("queues.py", &[ITEMS, ROUNDS, consumers])?);
        print_ratios(&format!("queues, {consumers} consumers on one thread"), &rows);
    }

    let two = Builder::new_multi_thread().worker_threads(2).build()?;
    let rows = [
        measure("tokio's mpsc, one consumer", ITEMS, ROUNDS, || tokio_mpsc(&two)),
        measure("async_channel, one consumer", ITEMS, ROUNDS, || async_channel(&two, 1)),
        measure("async_channel, four", ITEMS, ROUNDS, || async_channel(&two, 4)),
        measure("SharedReceiver, four", ITEMS, ROUNDS, || shared_receiver(&two, 4)),
        measure("Queue, four", ITEMS, ROUNDS, || {
            joinable(&two, Queue::bounded(HUNDRED), 4, |item| item, |item| *item);
        }),
    ];
    print_ratios("queues on two threads", &rows);
    Ok(())
}
