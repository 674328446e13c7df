//! The same program as `demo.py`, with the patterns of this recipe.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tracing::{info, instrument, warn};

use crate::cancel_anywhere::cancel_anywhere;
use crate::captured_log::CapturedLog;
use crate::eventually::eventually;
use crate::fixture::with_fixture;
use crate::mock::Mock;

/// Imitates work that waits.
#[instrument(ret)]
async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// The code under test: tries three times, with pauses of 100 ms and of 200 ms.
#[instrument(skip(fetch), ret, err)]
async fn retry(fetch: &Mock<(), Result<&'static str, &'static str>>) -> anyhow::Result<&'static str> {
    for number in 1..=3 {
        match fetch.call(()).await {
            Ok(answer) => {
                info!("  call {number}: {answer}");
                return Ok(answer);
            }
            Err(error) => {
                info!("  call {number}: {error}");
                sleep(100 * number).await;
            }
        }
    }
    bail!("no answer in three calls")
}

/// Shows the patterns, one after the other.
///
/// # Errors
///
/// If one of the tests does not end as it should.
pub async fn run() -> anyhow::Result<()> {
    answers_in_order().await?;
    a_fixture().await;
    kept_calls().await;
    not_yet().await?;
    a_peer_in_memory().await?;
    a_condition().await?;
    a_log().await?;
    each_await().await;
    Ok(())
}

#[instrument(ret, err)]
async fn answers_in_order() -> anyhow::Result<()> {
    info!("mock: two failures, then an answer");
    let fetch = Mock::in_order([Err("no answer"), Err("no answer"), Ok("21 degrees")]);
    let start = Instant::now();
    retry(&fetch).await?;
    let is_late = start.elapsed() >= Duration::from_millis(300);
    info!("  {} calls, and pauses of 300 ms: {is_late}", fetch.calls().len());
    Ok(())
}

#[instrument(ret)]
async fn set_up() -> Vec<&'static str> {
    sleep(50).await;
    info!("  set up");
    vec!["ada", "bob"]
}

#[instrument(skip_all, ret)]
async fn tear_down(_rows: Vec<&'static str>) {
    sleep(50).await;
    info!("  torn down");
}

#[instrument(ret)]
async fn a_fixture() {
    info!("fixture: torn down after a failure, too");
    let test = async |rows: &mut Vec<&str>| {
        sleep(100).await;
        info!("  {} rows", rows.len());
        ensure!(rows.len() == 3, "three rows are expected");
        Ok(())
    };
    if let Err(error) = with_fixture(set_up(), test, async |rows| tear_down(rows).await).await {
        info!("  the test has failed: {error}");
    }
}

#[instrument(ret)]
async fn kept_calls() {
    info!("mock: what it was called with");
    let send = Mock::returning(());
    for name in ["ada", "bob"] {
        send.call(name).await;
    }
    info!("  {}", send.calls().join(", "));
}

#[instrument(ret, err)]
async fn not_yet() -> anyhow::Result<()> {
    info!("not yet: a bell that rings after 250 ms");
    let bell = Arc::new(Notify::new());
    let rope = bell.clone();
    let ringing = tokio::spawn(async move {
        sleep(250).await;
        rope.notify_one();
    });
    if timeout(Duration::from_millis(100), bell.notified()).await.is_err() {
        info!("  silence for 100 ms");
    }
    bell.notified().await;
    info!("  it rings");
    ringing.await?;
    Ok(())
}

#[instrument(ret, err)]
async fn a_peer_in_memory() -> anyhow::Result<()> {
    info!("a peer in memory: its answer comes in two pieces");
    let (ours, mut theirs) = duplex(64);
    let answering = tokio::spawn(async move {
        for piece in ["po", "ng\n"] {
            sleep(50).await;
            theirs.write_all(piece.as_bytes()).await?;
        }
        std::io::Result::Ok(())
    });
    let mut answer = String::new();
    BufReader::new(ours).read_line(&mut answer).await?;
    info!("  {}", answer.trim_end());
    answering.await??;
    Ok(())
}

#[instrument(ret, err)]
async fn a_condition() -> anyhow::Result<()> {
    info!("eventually: a job that no one can wait for");
    let done = Arc::new(AtomicBool::new(false));
    let finished = done.clone();
    let working = tokio::spawn(async move {
        sleep(20).await;
        finished.store(true, SeqCst);
    });
    eventually(Duration::from_secs(10), || done.load(SeqCst)).await?;
    info!("  done");
    working.await?;
    Ok(())
}

/// Has no span, because the span's return value would be a line of the captured log.
async fn poll() {
    tokio::time::sleep(Duration::from_millis(50)).await;
    warn!("no answer");
}

#[instrument(ret, err)]
async fn a_log() -> anyhow::Result<()> {
    info!("captured log: what a task has logged");
    let (log, capturing) = CapturedLog::start();
    let polled = tokio::spawn(poll()).await;
    drop(capturing);
    for line in log.lines() {
        info!("  {line}");
    }
    Ok(polled?)
}

#[instrument(ret)]
async fn each_await() {
    info!("cancel anywhere: 30 of 100 are moved");
    let accounts = [Cell::new(100), Cell::new(0)];
    let left = || accounts[0].get() + accounts[1].get();
    let transfer = async || {
        accounts[0].set(70);
        accounts[1].set(0);
        sleep(50).await;
        accounts[1].set(30);
        sleep(50).await;
    };
    cancel_anywhere(transfer, |at| info!("  dropped at await {at}: {} are left", left())).await;
    info!("  finished: {} are left", left());
}
