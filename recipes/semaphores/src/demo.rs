//! The same program as `demo.py`, with the patterns of this recipe.

use std::convert::Infallible;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use anyhow::Context;
use futures::future::join_all;
use governor::Quota;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{info, instrument};

use crate::barrier::{Barrier, BrokenBarrier};
use crate::condition::Condition;
use crate::event::Event;
use crate::exclusive::update;
use crate::limit::Limit;
use crate::rate_limit::RateLimit;

const TWO: NonZeroU32 = NonZeroU32::new(2).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Imitates a request: takes its time.
#[instrument(skip(millis), ret)]
async fn work(on: String, millis: u64) {
    sleep(ms(millis)).await;
}

/// Shows the patterns of the recipe, one after the other.
///
/// # Errors
///
/// If the quota of the rate limit takes more than a hundred years.
pub async fn run() -> anyhow::Result<()> {
    three_at_a_time().await;
    one_at_a_time().await;
    event().await;
    condition().await;
    barrier().await;
    so_many_a_second().await?;
    Ok(())
}

async fn three_at_a_time() {
    info!("Semaphore(3): ten fetches of 100 ms, three at a time");
    let (limit, mut fetches) = (Limit::new(THREE), JoinSet::new());
    for number in 1..=10 {
        limit.spawn(&mut fetches, work(format!("page-{number}"), 100)).await;
    }
    fetches.join_all().await;
    info!("  all ten are there");
}

async fn one_at_a_time() {
    info!("Lock: 100 tasks raise a counter; each reads, awaits, and writes");
    info!("  without a lock it is {}", raise_without_a_lock().await);
    info!("  with a lock it is {}", raise_with_a_lock().await);
}

#[instrument(ret)]
async fn raise_without_a_lock() -> u32 {
    let count = AtomicU32::new(0);
    let raise_by_one = |_| async {
        let value = count.load(SeqCst);
        sleep(ms(1)).await; // imitates a database
        count.store(value + 1, SeqCst);
    };
    join_all((0..100).map(raise_by_one)).await;
    count.into_inner()
}

#[instrument(ret)]
async fn raise_with_a_lock() -> u32 {
    let count = Mutex::new(0);
    let raise_by_one = |_| {
        update(&count, |value| async move {
            sleep(ms(1)).await; // imitates a database
            Ok::<u32, Infallible>(value + 1)
        })
    };
    join_all((0..100).map(raise_by_one)).await;
    count.into_inner()
}

#[instrument(skip(opened), ret)]
async fn visitor(name: &'static str, opened: Arc<Event>) {
    opened.wait().await;
    info!("  {name} goes in");
}

async fn event() {
    info!("Event: two wait, one comes when it is set; then a pulse");
    let (opened, mut visitors) = (Arc::new(Event::new()), JoinSet::new());
    for name in ["early-1", "early-2"] {
        visitors.spawn(visitor(name, opened.clone()));
    }
    sleep(ms(100)).await;
    opened.set();
    sleep(ms(50)).await;
    visitors.spawn(visitor("late", opened.clone()));
    sleep(ms(50)).await;
    opened.clear();
    visitors.spawn(visitor("next", opened.clone()));
    sleep(ms(100)).await;
    opened.set();
    opened.clear();
    visitors.join_all().await;
}

#[derive(Default)]
struct Bakery {
    loaves: Mutex<u32>,
    more: Condition,
}

#[instrument(skip(bakery, patience), ret)]
async fn buy(who: &'static str, bakery: Arc<Bakery>, patience: u64) {
    let loaves = bakery.loaves.lock().await;
    let bread = bakery.more.wait_for(loaves, |loaves| *loaves > 0);
    let Ok(mut loaves) = timeout(ms(patience), bread).await else {
        return info!("  {who} gives up");
    };
    *loaves -= 1;
    info!("  {who} has bread, {loaves} left");
}

async fn condition() {
    info!("Condition: four customers, one of them in a hurry, and two loaves every 200 ms");
    let (bakery, mut customers) = (Arc::new(Bakery::default()), JoinSet::new());
    for (name, patience) in
        [("customer-1", 1_000), ("customer-2", 50), ("customer-3", 1_000), ("customer-4", 1_000)]
    {
        customers.spawn(buy(name, bakery.clone(), patience));
    }
    for _ in 0..2 {
        sleep(ms(200)).await;
        *bakery.loaves.lock().await += 2;
        bakery.more.notify(2);
    }
    customers.join_all().await;
}

/// `second` is how long the second phase takes; `None` if it fails.
async fn load(
    name: &str,
    phase_done: &Barrier,
    first: u64,
    second: Option<u64>,
) -> Result<(), BrokenBarrier> {
    work(name.to_owned(), first).await;
    info!("  {name} has index {}", phase_done.wait().await?);
    work(name.to_owned(), second.unwrap_or(250)).await;
    if second.is_none() {
        info!("  {name} fails, and aborts the barrier");
        phase_done.abort();
        return Ok(());
    }
    phase_done.wait().await?;
    Ok(())
}

async fn barrier() {
    info!("Barrier(3): three loaders meet after each phase, and loader-b fails in the second");
    let (phase_done, mut loaders) = (Arc::new(Barrier::new(THREE)), JoinSet::new());
    for (name, first, second) in
        [("loader-a", 300, Some(50)), ("loader-b", 100, None), ("loader-c", 200, Some(150))]
    {
        let phase_done = phase_done.clone();
        loaders.spawn(async move {
            if load(name, &phase_done, first, second).await.is_err() {
                info!("  {name} finds it broken");
            }
        });
    }
    loaders.join_all().await;
}

async fn so_many_a_second() -> anyhow::Result<()> {
    info!("a rate limit: two at once, then one each 100 ms; each takes 250 ms");
    let quota = Quota::with_period(ms(100)).context("a period of nothing")?.allow_burst(TWO);
    let limit = RateLimit::new(quota)?;
    let request = |number| {
        let (limit, name) = (&limit, format!("request-{number}"));
        async move {
            limit.until_ready().await;
            info!("  {name} starts");
            work(name, 250).await;
        }
    };
    join_all((1..=5).map(request)).await;
    info!("  all five are answered");
    Ok(())
}
