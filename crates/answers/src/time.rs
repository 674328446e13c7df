//! Sleeps, timeouts, timers.
use std::time::Duration;

use tokio::time::Instant;

use crate::{Page, fetch, load};

/// `sleep`.
pub async fn sleep_for() {
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::task::yield_now().await; // sleep(0)
}

/// `wait_for`.
pub async fn wait_for() -> anyhow::Result<()> {
    match tokio::time::timeout(Duration::from_secs(5), fetch(1)).await {
        Ok(page) => println!("{page}"),
        Err(_elapsed) => println!("too late: the work was dropped"),
    }
    Ok(())
}

/// `async with asyncio.timeout(5)`.
pub async fn timeout_block() -> anyhow::Result<Page> {
    let work = async {
        let page = load(1).await?;
        load(page.len() as u32).await
    };
    tokio::time::timeout(Duration::from_secs(5), work).await?
}

/// `timeout_at`.
pub async fn timeout_until() -> anyhow::Result<()> {
    // one deadline, and the second step has what is left of it
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    let first = tokio::time::timeout_at(deadline, load(1)).await??;
    let second = tokio::time::timeout_at(deadline, load(2)).await??;
    Ok(())
}

/// `move_on_after`.
pub async fn move_on_after() {
    let page =
        tokio::time::timeout(Duration::from_secs(5), fetch(1)).await.ok();
}

/// `reschedule`.
pub async fn reschedule(mut news: tokio::sync::mpsc::Receiver<Page>) {
    let quiet = Duration::from_secs(1);
    let mut timer = std::pin::pin!(tokio::time::sleep(quiet));
    loop {
        tokio::select! {
            Some(_) = news.recv() => {
                timer.as_mut().reset(Instant::now() + quiet);
            }
            () = &mut timer => break, // one second without news
        }
    }
}

/// `loop.time`.
pub async fn loop_time() {
    let start = tokio::time::Instant::now();
    fetch(1).await;
    println!("{:?}", start.elapsed());
}

/// `call_later`.
pub fn call_later() {
    let timer = tokio::spawn(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("now");
    });
    timer.abort(); // TimerHandle.cancel
}

/// `call_at`.
pub fn call_at(when: Instant) {
    tokio::spawn(async move {
        tokio::time::sleep_until(when).await;
        println!("now");
    });
}

/// Every five seconds.
pub async fn every() {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await; // the first one at once
        fetch(1).await;
    }
}
