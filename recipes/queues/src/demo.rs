//! The same program as `demo.py`, with the patterns of this recipe.

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Context, ensure};
use async_channel::{Receiver, Sender};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;
use tracing::{info, instrument};

use crate::batch::Batches;
use crate::broadcast::{Heard, follow};
use crate::joinable::PriorityQueue;
use crate::producer_consumer::produce_and_consume;
use crate::tracked::{Tracked, Unfinished};
use crate::watch::follow_newest;

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Imitates a request: takes its time, and can fail.
#[instrument(skip(millis, fails), ret, err)]
async fn work(on: &str, millis: u64, fails: bool) -> anyhow::Result<()> {
    sleep(ms(millis)).await;
    ensure!(!fails, "{on} failed");
    Ok(())
}

/// Shows the patterns, one after the other.
///
/// # Errors
///
/// If a queue is closed too early.
pub async fn run() -> anyhow::Result<()> {
    producer_and_consumers().await?;
    all_jobs_done().await?;
    three_at_a_time().await?;
    most_urgent_first().await?;
    every_price().await;
    newest_price().await;
    Ok(())
}

async fn producer_and_consumers() -> anyhow::Result<()> {
    info!("Queue(maxsize=1): one producer of four items, two consumers");
    let consumers = [("consumer-1", 300), ("consumer-2", 500)]
        .map(|(name, millis)| move |item: String| consume(name, item, millis));
    let produced = produce_and_consume(ONE, produce_four, consumers).await;
    info!("  the consumers have ended");
    produced
}

async fn produce_four(queue: Sender<String>) -> anyhow::Result<()> {
    for number in 1..=4 {
        put(&format!("item-{number}"), &queue).await?;
    }
    info!("  the producer has ended: it closes the queue");
    Ok(())
}

#[instrument(skip(queue), ret, err)]
async fn put(item: &str, queue: &Sender<String>) -> anyhow::Result<()> {
    sleep(ms(10)).await; // imitates making it
    if queue.is_full() {
        info!("  {item} waits for room");
    }
    queue.send(item.to_owned()).await?;
    Ok(())
}

#[instrument(skip(millis), ret)]
async fn consume(name: &'static str, item: String, millis: u64) {
    sleep(ms(millis)).await;
    info!("  {name} has done {item}");
}

#[derive(Debug)]
struct Job {
    name: String,
    millis: u64,
    fails: bool,
}

async fn all_jobs_done() -> anyhow::Result<()> {
    info!("join: four jobs, three workers, and job-2 fails the first time");
    let (queue, jobs) = async_channel::bounded(4); // room for all four: no worker waits for itself
    let unfinished = Unfinished::new();
    for (number, millis) in [(1, 100), (2, 200), (3, 300), (4, 600)] {
        let name = format!("job-{number}");
        queue.send(unfinished.track(Job { name, millis, fails: number == 2 })).await?;
    }
    let workers: JoinSet<_> = (0..3).map(|_| worker(jobs.clone(), queue.clone())).collect();
    unfinished.join().await;
    info!("  join: all four are done");
    queue.close(); // each worker has a sender too, so that dropping this one would not close it
    workers.join_all().await.into_iter().collect()
}

async fn worker(jobs: Receiver<Tracked<Job>>, queue: Sender<Tracked<Job>>) -> anyhow::Result<()> {
    while let Ok(mut job) = jobs.recv().await {
        match work(&job.name, job.millis, job.fails).await {
            Ok(()) => info!("  {} is done", job.name),
            Err(error) => {
                info!("  {error} and goes back into the queue");
                job.fails = false;
                queue.send(job).await?; // it stays unfinished
            }
        }
    }
    Ok(())
}

async fn three_at_a_time() -> anyhow::Result<()> {
    info!("batch: three events, or what came within 100 ms of the first");
    let (queue, events) = mpsc::channel(5);
    let mut batches = Batches::new(events, THREE, ms(100));
    let store_all = async {
        while let Some(batch) = batches.next().await {
            store(&batch.join(" ")).await;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(store_all, produce_events(queue))?;
    Ok(())
}

/// Owns the queue, which is closed when this returns.
async fn produce_events(queue: mpsc::Sender<String>) -> anyhow::Result<()> {
    sleep(ms(30)).await;
    for number in 1..=3 {
        queue.send(format!("event-{number}")).await?;
    }
    sleep(ms(100)).await;
    queue.send("event-4".to_owned()).await?;
    sleep(ms(200)).await; // meanwhile the second batch is due
    Ok(())
}

#[instrument(ret)]
async fn store(events: &str) {
    sleep(ms(20)).await;
    info!("  stored {events}");
}

async fn most_urgent_first() -> anyhow::Result<()> {
    info!("PriorityQueue: an alarm comes while the worker is busy");
    let queue = PriorityQueue::unbounded();
    for (priority, job) in [(3, "statistics"), (2, "backup"), (2, "report")] {
        queue.try_put((priority, job))?;
    }
    let worker = async {
        while let Ok(job) = queue.get_guarded().await {
            let (priority, name) = *job;
            work(name, 80, false).await?;
            info!("  {priority} {name}");
        }
        anyhow::Ok(())
    };
    let alarm = async {
        yield_now().await; // meanwhile the worker takes its first job
        queue.put((1, "alarm")).await.context("an alarm that comes too late")?;
        queue.shutdown();
        anyhow::Ok(())
    };
    tokio::try_join!(worker, alarm)?;
    Ok(())
}

#[instrument(ret)]
async fn slowly(price: String) {
    sleep(ms(100)).await;
    info!("  slow: {price}");
}

/// Five prices at once.
async fn prices(mut send: impl FnMut(String)) {
    for number in 1..=5 {
        send(format!("price-{number}"));
        yield_now().await; // lets those run that are not busy
    }
}

async fn every_price() {
    info!("broadcast: five prices at once, a buffer of two, a quick subscriber and a slow one");
    let (sender, mut feed) = broadcast::channel(2);
    let mut slow_feed = sender.subscribe();
    tokio::join!(
        async {
            // Moved in here, so that the feeds end with this block.
            let sender = sender;
            prices(|price| drop(sender.send(price))).await;
        },
        follow(&mut feed, async |heard| match heard {
            Heard::Item(price) => info!("  quick: {price}"),
            Heard::Missed(count) => info!("  quick: missed {count}"),
        }),
        follow(&mut slow_feed, async |heard| match heard {
            Heard::Item(price) => slowly(price).await,
            Heard::Missed(count) => info!("  slow: missed {count}"),
        }),
    );
}

async fn newest_price() {
    info!("watch: five prices at once, and a slow subscriber who wants the newest");
    let (sender, mut newest) = watch::channel("price-0".to_owned());
    tokio::join!(
        async {
            let sender = sender; // moved in here, too
            prices(|price| drop(sender.send_replace(price))).await;
        },
        follow_newest(&mut newest, slowly),
    );
}
