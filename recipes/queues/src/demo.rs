//! What `demo.py` does, with the patterns of this recipe.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use async_channel::Sender;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{info, instrument};

use crate::broadcast::{Heard, follow};
use crate::joinable::{PriorityQueue, Queue, Ticket};
use crate::producer_consumer::produce_and_consume;
use crate::watch::follow_newest;

const FIVE: NonZeroUsize = NonZeroUsize::new(5).unwrap();

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Stands for a request: takes its time, and fails if it has to.
#[instrument(skip(millis, fails), ret, err)]
async fn work(on: &str, millis: u64, fails: bool) -> anyhow::Result<()> {
    sleep(ms(millis)).await;
    ensure!(!fails, "{on} failed");
    Ok(())
}

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// When a queue is closed too early.
pub async fn run() -> anyhow::Result<()> {
    producer_and_consumers().await?;
    all_jobs_done().await?;
    most_urgent_first().await?;
    every_price().await;
    newest_price().await;
    Ok(())
}

async fn producer_and_consumers() -> anyhow::Result<()> {
    info!("Queue(maxsize=5): one producer of 10 items, two consumers");
    let consumers = [("consumer-1", 150), ("consumer-2", 205)]
        .map(|(name, millis)| move |item: String| consume(name, item, millis));
    let produced = produce_and_consume(FIVE, produce_ten, consumers).await;
    info!("  the consumers have ended");
    produced
}

async fn produce_ten(queue: Sender<String>) -> anyhow::Result<()> {
    for number in 1..=10 {
        put(&format!("item-{number}"), &queue).await?;
    }
    info!("  the producer has ended: it closes the queue");
    Ok(())
}

#[instrument(skip(queue), ret, err)]
async fn put(item: &str, queue: &Sender<String>) -> anyhow::Result<()> {
    sleep(ms(10)).await; // stands for making it
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
    info!("join: six jobs, three workers, and job-2 fails the first time");
    let queue = Arc::new(Queue::unbounded());
    for number in 1..=6 {
        let (name, millis) = (format!("job-{number}"), 60 + 20 * number);
        queue.try_put(Job { name, millis, fails: number == 2 })?;
    }
    let mut workers = JoinSet::new();
    for _ in 0..3 {
        let queue = queue.clone();
        workers.spawn(async move {
            while let Ok(job) = queue.get_ticket().await {
                try_job(job).await?;
            }
            anyhow::Ok(())
        });
    }
    queue.join().await;
    info!("  join: all six are done");
    if let Err(error) = queue.task_done() {
        info!("  once more: {error}");
    }
    queue.shutdown();
    workers.join_all().await.into_iter().collect()
}

/// The ticket goes out of scope at the end, and with it the job is done.
async fn try_job(mut job: Ticket<'_, VecDeque<Job>>) -> anyhow::Result<()> {
    match work(&job.name, job.millis, job.fails).await {
        Ok(()) => info!("  {} is done", job.name),
        Err(error) => {
            info!("  {error} and goes back into the queue");
            job.fails = false;
            job.requeue().map_err(|_| error)?;
        }
    }
    Ok(())
}

async fn most_urgent_first() -> anyhow::Result<()> {
    info!("PriorityQueue: an alarm comes while the worker is busy");
    let queue = PriorityQueue::unbounded();
    for (priority, job) in [(3, "statistics"), (2, "backup"), (2, "report")] {
        queue.try_put((priority, job))?;
    }
    let worker = async {
        while let Ok(job) = queue.get_ticket().await {
            let (priority, name) = *job;
            work(name, 40, false).await?;
            info!("  {priority} {name}");
        }
        anyhow::Ok(())
    };
    let alarm = async {
        sleep(ms(60)).await;
        queue.put((1, "alarm")).await.context("an alarm that comes too late")?;
        queue.shutdown();
        anyhow::Ok(())
    };
    tokio::try_join!(worker, alarm)?;
    Ok(())
}

#[instrument(ret)]
async fn slowly(price: String) {
    sleep(ms(140)).await;
    info!("  slow: {price}");
}

/// Six prices, one every 40 ms.
async fn prices(mut send: impl FnMut(String)) {
    for number in 1..=6 {
        sleep(ms(40)).await;
        send(format!("price-{number}"));
    }
}

async fn every_price() {
    info!("broadcast: six prices, a buffer of two, a quick subscriber and a slow one");
    let (sender, mut feed) = broadcast::channel(2);
    let mut slow_feed = sender.subscribe();
    tokio::join!(
        async {
            // Moved in here, so that the feeds end with it.
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
    info!("watch: six prices, and a slow subscriber who wants the newest");
    let (sender, mut newest) = watch::channel("price-0".to_owned());
    tokio::join!(
        async {
            let sender = sender; // moved in here as well
            prices(|price| drop(sender.send_replace(price))).await;
        },
        follow_newest(&mut newest, slowly),
    );
}
