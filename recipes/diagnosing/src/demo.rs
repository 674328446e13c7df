//! The same program as `demo.py`, with the patterns of this recipe.

use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;
use tracing::{Instrument, info, instrument};

use crate::counted::{Counts, One};
use crate::lock_order::{LockOrder, Mutex};
use crate::panics::report_panics;
use crate::stuck::{Tasks, at};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Shows one fault after the other, and what the patterns report about it.
///
/// # Errors
///
/// If something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    hangs().await?;
    lock_order().await?;
    blocks().await?;
    leaks().await?;
    queues().await?;
    fails().await?;
    does_not_end().await
}

/// Each task with the names of its waits.
fn waiting(tasks: &Tasks) -> String {
    let task = |task: crate::stuck::Task| {
        let waits: Vec<_> = task.waits.into_iter().map(|wait| wait.what).collect();
        format!("{} waits for {}", task.name, waits.join(", "))
    };
    tasks.list().into_iter().map(task).collect::<Vec<_>>().join(", ")
}

#[instrument(ret, err)]
async fn hangs() -> anyhow::Result<()> {
    info!("it hangs: each of two tasks waits for the other's word");
    #[instrument(skip(hears, says), ret, err)]
    async fn friend(
        name: &'static str,
        what: &'static str,
        hears: oneshot::Receiver<()>,
        says: oneshot::Sender<()>,
    ) -> anyhow::Result<()> {
        at(what, hears).await?;
        says.send(()).ok().context("the other one is gone")
    }
    let (tasks, mut running) = (Tasks::default(), JoinSet::new());
    let ((ann_says, anns_word), (bob_says, bobs_word)) = (oneshot::channel(), oneshot::channel());
    running.spawn(tasks.watch("ann", friend("ann", "word_of_bob", bobs_word, ann_says).in_current_span()));
    running.spawn(tasks.watch("bob", friend("bob", "word_of_ann", anns_word, bob_says).in_current_span()));
    sleep(ms(1_000)).await;
    info!("  {}", waiting(&tasks));
    running.shutdown().await;
    Ok(())
}

#[instrument(ret, err)]
async fn lock_order() -> anyhow::Result<()> {
    info!("it hangs now and then: two transfers take two locks in opposite orders");
    #[instrument(skip(source, target), ret)]
    async fn transfer(name: &'static str, source: &Mutex<u32>, target: &Mutex<u32>) {
        let _source = source.lock().await;
        sleep(ms(100)).await;
        let _target = target.lock().await;
        info!("  {name} is done");
    }
    let order = LockOrder::new(|cycle| {
        let steps = cycle.steps.iter().map(|step| format!("{} before {}", step.held, step.wanted));
        info!("  {}", steps.collect::<Vec<_>>().join(", and elsewhere "));
    });
    let (ann, bob) = (order.mutex("ann", 100), order.mutex("bob", 100));
    // One after the other: there is no deadlock, and the orders are still recorded.
    transfer("ann to bob", &ann, &bob).await;
    transfer("bob to ann", &bob, &ann).await;
    Ok(())
}

#[instrument(ret, err)]
async fn blocks() -> anyhow::Result<()> {
    info!("one request holds up all: a heart should beat five times meanwhile");
    #[instrument(ret)]
    async fn computes(yields: bool) -> u64 {
        let mut sum = 0;
        for _ in 0..5 {
            sum += (0..100).sum::<u64>();
            if yields {
                yield_now().await;
            }
        }
        sum
    }
    for (yields, how) in [(false, "without an await"), (true, "with an await in its loop")] {
        let (beat, mut beats) = mpsc::channel(100);
        let heart = tokio::spawn(async move {
            while beat.send(()).await.is_ok() {
                yield_now().await;
            }
        });
        computes(yields).await;
        info!("  {how}: it has beaten {} times", beats.len());
        beats.close();
        heart.await?;
    }
    Ok(())
}

#[instrument(ret, err)]
async fn leaks() -> anyhow::Result<()> {
    info!("memory grows: each session starts a heartbeat");
    #[instrument(skip_all)]
    async fn heartbeat(_one: One) {
        loop {
            sleep(ms(10_000)).await;
        }
    }
    #[instrument(skip(counts), ret, err)]
    async fn session(owns: bool, counts: &Counts) -> anyhow::Result<JoinSet<()>> {
        let mut hearts = JoinSet::new();
        hearts.spawn(heartbeat(counts.one("heartbeat")));
        sleep(ms(100)).await;
        if owns {
            hearts.shutdown().await;
        }
        Ok(hearts)
    }
    let (counts, mut left) = (Counts::default(), Vec::new());
    for (owns, how) in [(false, "detached"), (true, "owned by its session")] {
        let before = counts.alive();
        for _ in 0..3 {
            left.push(session(owns, &counts).await?);
        }
        let more: usize = counts.grown_since(&before).into_iter().map(|grown| grown.more).sum();
        info!("  {how}: {more} more after 3 sessions");
    }
    for mut hearts in left {
        hearts.shutdown().await;
    }
    Ok(())
}

#[instrument(ret, err)]
async fn queues() -> anyhow::Result<()> {
    info!("memory grows: the producer is quicker than the consumer");
    #[instrument(skip_all, fields(limit = queue.max_capacity()))]
    async fn produce(queue: mpsc::Sender<&'static str>) {
        for _ in 0..100 {
            if queue.send("item").await.is_err() {
                break;
            }
        }
    }
    for (limit, how) in [(1_000_000, "without a limit"), (10, "with a limit of 10")] {
        let (queue, mut items) = mpsc::channel(limit);
        let mut producer = JoinSet::new();
        producer.spawn(produce(queue.clone()).in_current_span());
        for _ in 0..10 {
            items.recv().await.context("the producer has more")?;
            sleep(ms(100)).await;
        }
        info!("  {how}: {} items wait after ten are handled", queue.max_capacity() - queue.capacity());
        producer.shutdown().await;
    }
    Ok(())
}

#[instrument(ret, err)]
async fn fails() -> anyhow::Result<()> {
    info!("nothing happens: a task has failed that no other awaits");
    #[instrument]
    async fn poll() {
        sleep(ms(100)).await;
        panic!("no such page");
    }
    let (reports, mut reported) = mpsc::channel(10);
    // A report that does not fit is one too many for this demo.
    report_panics(move |panic| drop(reports.try_send((panic.task, panic.message.clone()))));
    let polling = tokio::spawn(poll().in_current_span()).id();
    // Another program in this process may panic, too.
    while let Some((task, message)) = reported.recv().await {
        if task == Some(polling) {
            info!("  reported: {message}");
            break;
        }
    }
    Ok(())
}

#[instrument(ret, err)]
async fn does_not_end() -> anyhow::Result<()> {
    info!("it does not end: a loop over a queue, and a sender is left");
    #[instrument(skip_all)]
    async fn collect(mut queue: mpsc::Receiver<&'static str>) {
        while at("next_item", queue.recv()).await.is_some() {}
    }
    #[instrument(skip_all)]
    async fn keep(_sender: mpsc::Sender<&'static str>) {
        at("end_of_keeper", std::future::pending()).await
    }
    let (tasks, mut running) = (Tasks::default(), JoinSet::new());
    let (sender, queue) = mpsc::channel(1);
    sender.send("item").await?;
    running.spawn(tasks.watch("collector", collect(queue).in_current_span()));
    running.spawn(tasks.watch("keeper", keep(sender).in_current_span()));
    sleep(ms(1_000)).await;
    info!("  {}", waiting(&tasks));
    running.shutdown().await;
    Ok(())
}
