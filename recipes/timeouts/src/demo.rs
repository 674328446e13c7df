//! The same program as `demo.py`, with the patterns of this recipe.

use std::time::Duration;

use anyhow::{bail, ensure};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, instrument};

use crate::cancel_and_confirm::{CancelOutcome, CancellableTask};
use crate::cooperative::work_until_cancelled;
use crate::deadline::{Deadline, DeadlineExpired};
use crate::reschedule::Timeout;
use crate::select_loop::{ConnectionEvent, ReadEnd, read_frames};
use crate::shield::{ShieldFailure, shield};
use crate::time_limit::{LimitError, time_limit};
use crate::timeout_and_wait::{LateValue, TimeLimits, TimeoutFailure, timeout_and_wait};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Imitates a request: takes its time, and fails for a missing page.
#[instrument(skip(millis), ret, err)]
async fn fetch(page: &str, millis: u64) -> anyhow::Result<String> {
    sleep(ms(millis)).await;
    ensure!(page != "missing", "{page} not found");
    Ok(format!("<{page}>"))
}

/// Imitates the end of a session with a database.
#[instrument(ret)]
async fn close() {
    sleep(ms(50)).await;
    info!("  closed");
}

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// If something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    run_among(&TaskTracker::new()).await
}

/// Like [`run`]. If its future is dropped, the clean-up goes on in `tasks`.
///
/// # Errors
///
/// If something fails that should not.
pub async fn run_among(tasks: &TaskTracker) -> anyhow::Result<()> {
    cut_off().await;
    one_deadline().await;
    clean_up_first(tasks).await;
    moved().await?;
    cooperative(tasks).await?;
    cancel_and_confirm(tasks).await;
    shielded(tasks).await;
    one_loop().await?;
    Ok(())
}

#[instrument(ret)]
async fn cut_off() {
    info!("timeout: 200 ms for a page");
    for (page, millis) in [("home", 100), ("slow", 500)] {
        match time_limit(Some(ms(200)), fetch(page, millis)).await {
            Ok(page) => info!("  {page}"),
            Err(LimitError::TimedOut(_)) => info!("  {page}: timed out"),
            Err(LimitError::Failed(error)) => info!("  {page}: {error}"),
        }
    }
}

#[instrument(ret)]
async fn one_deadline() {
    info!("timeout_at, nested: 400 ms for a request, in it 150 ms for a mirror");
    let request = Deadline::after("request", Some(ms(400)));
    if let Err(expired) = from_a_mirror(request).await {
        info!("  {expired}");
    }
}

async fn from_a_mirror(request: Deadline) -> Result<(), DeadlineExpired> {
    for (mirror, millis) in [("near", 500), ("far", 100)] {
        match request.within("mirror", Some(ms(150))).run(fetch(mirror, millis)).await {
            Ok(page) => info!("  {}", page.unwrap_or_default()),
            Err(expired @ DeadlineExpired("mirror")) => info!("  {expired}"),
            Err(expired) => return Err(expired),
        }
    }
    let news = request.run(fetch("news", 500)).await?;
    info!("  {}", news.unwrap_or_default());
    Ok(())
}

/// Runs a query in a session, which is always closed afterwards.
async fn in_session(
    query: impl Future<Output = Option<anyhow::Result<String>>>,
) -> anyhow::Result<Option<String>> {
    let rows = query.await;
    close().await;
    rows.transpose()
}

async fn history(stop: CancellationToken) -> anyhow::Result<Option<String>> {
    in_session(stop.run_until_cancelled(fetch("history", 500))).await
}

async fn half_a_history(stop: CancellationToken) -> anyhow::Result<Option<String>> {
    let rows = history(stop).await?;
    Ok(rows.or(Some("<half of it>".to_owned())))
}

async fn broken_history(stop: CancellationToken) -> anyhow::Result<Option<String>> {
    let _cut_off = stop.run_until_cancelled(fetch("history", 500)).await;
    sleep(ms(50)).await;
    bail!("connection lost")
}

#[instrument(skip_all, ret)]
async fn clean_up_first(tasks: &TaskTracker) {
    info!("wait_for: 100 ms, and it waits for the clean-up");
    within_100_ms(tasks, history).await;
    within_100_ms(tasks, half_a_history).await;
    within_100_ms(tasks, broken_history).await;
}

async fn within_100_ms<F>(tasks: &TaskTracker, work: impl FnOnce(CancellationToken) -> F)
where
    F: Future<Output = anyhow::Result<Option<String>>> + Send + 'static,
{
    // Never cancelled here; in a server, Ctrl-C would cancel it.
    let program = CancellationToken::new();
    let limits = TimeLimits { time: Some(ms(100)), grace: Some(ms(500)), late_value: LateValue::Return };
    let work = |stop| tasks.track_future(work(stop).in_current_span());
    match timeout_and_wait(&program, limits, work).await {
        Ok(rows) => info!("  {rows}"),
        Err(TimeoutFailure::TimedOut { .. }) => info!("  timed out"),
        Err(failure) => info!("  error: {failure}"),
    }
}

#[instrument(ret, err)]
async fn moved() -> anyhow::Result<()> {
    info!("reschedule: 200 ms for each chunk");
    let limit = Timeout::after(ms(200));
    let handle = limit.handle();
    let download = async {
        for (chunk, millis) in [("chunk-1", 100), ("chunk-2", 150), ("chunk-3", 500)] {
            info!("  {}", fetch(chunk, millis).await?);
            handle.reschedule(Some(Instant::now() + ms(200)))?;
        }
        anyhow::Ok(())
    };
    if limit.run(download).await.is_err() {
        info!("  {}", if handle.expired() { "expired" } else { "not expired" });
    }
    Ok(())
}

#[instrument(skip_all, ret, err)]
async fn cooperative(tasks: &TaskTracker) -> anyhow::Result<()> {
    info!("told to stop: five jobs, 150 ms each, and a journal");
    let (sender, mut jobs) = mpsc::channel(5);
    for job in ["job-1", "job-2", "job-3", "job-4", "job-5"] {
        sender.send(job).await?;
    }
    let stop = CancellationToken::new();
    let worker = {
        let stop = stop.clone();
        async move {
            let step = async |job| {
                info!("  {}", fetch(job, 150).await?);
                anyhow::Ok(())
            };
            let report = work_until_cancelled(&stop, &mut jobs, step, |_done| write_journal()).await;
            (report, jobs)
        }
    };
    let worker = tasks.spawn(worker.in_current_span());
    // Cancels the token at the latest when this is dropped.
    let telling = stop.drop_guard();
    sleep(ms(250)).await;
    drop(telling);
    info!("  stop");
    let (report, jobs) = worker.await?;
    info!("  {} done, {} left", report?.done, jobs.len());
    Ok(())
}

#[instrument(ret, err)]
async fn write_journal() -> anyhow::Result<()> {
    sleep(ms(30)).await;
    info!("  journal written");
    Ok(())
}

#[instrument(skip_all, ret)]
async fn cancel_and_confirm(tracker: &TaskTracker) {
    info!("cancel: three tasks, and how each ended");
    let grace = Some(ms(500));
    let tasks = [("home", 40), ("missing", 50)].map(|(page, millis)| {
        let work = async move { fetch(page, millis).await.map(Some) }.in_current_span();
        (page, CancellableTask::spawn(grace, |_stop| work))
    });
    let tracker = tracker.clone();
    let span = tracing::Span::current();
    let history = CancellableTask::spawn(grace, move |stop| {
        tracker.track_future(
            async move { in_session(stop.run_until_requested(fetch("history", 500))).await }.instrument(span),
        )
    });
    sleep(ms(200)).await;
    for (name, task) in tasks.into_iter().chain([("history", history)]) {
        let asked = if task.cancel("shutting down") { "told to stop" } else { "done before" };
        match task.wait().await {
            CancelOutcome::Finished(page) => info!("  {name}, {asked}: {page}"),
            CancelOutcome::Failed(error) => info!("  {name}, {asked}: error: {error}"),
            CancelOutcome::Panicked(message) => info!("  {name}, {asked}: bug: {message}"),
            CancelOutcome::Cancelled { reason, .. } => {
                info!("  {name}, {asked}: cancelled: {}", reason.unwrap_or_default())
            }
        }
    }
}

#[instrument(ret, err)]
async fn pay(card: &str) -> anyhow::Result<String> {
    sleep(ms(200)).await;
    ensure!(card != "old card", "{card} declined");
    Ok(format!("paid by {card}"))
}

#[instrument(skip_all, ret)]
async fn shielded(tasks: &TaskTracker) {
    info!("shield: the caller waits 100 ms, a payment takes 200");
    let unheard = |failure: ShieldFailure<anyhow::Error>| info!("  no caller is left: {failure}");
    let mut payment = shield(tasks, pay("new card").in_current_span(), unheard);
    if timeout(ms(100), &mut payment).await.is_err() {
        info!("  the caller gives up");
    }
    match payment.await {
        Ok(paid) => info!("  later: {paid}"),
        Err(failure) => info!("  later: {failure}"),
    }

    let payment = shield(tasks, pay("old card").in_current_span(), unheard);
    let _gave_up = timeout(ms(100), payment).await;
    sleep(ms(200)).await;
}

#[instrument(ret, err)]
async fn one_loop() -> anyhow::Result<()> {
    info!("a loop over lines, a heartbeat each 250 ms, and an end after 280 ms of silence");
    let (connection, mut peer) = duplex(64);
    let mut lines = FramedRead::new(connection, LinesCodec::new());
    let on_event = |event| match event {
        ConnectionEvent::Frame(line) => info!("  {line}"),
        ConnectionEvent::Heartbeat => info!("  heartbeat"),
    };
    let stop = CancellationToken::new();
    let (end, talked) =
        tokio::join!(read_frames(&mut lines, &stop, ms(250), ms(280), on_event), talk(&mut peer));
    talked?;
    if end? == ReadEnd::Idle {
        info!("  silence");
    }
    Ok(())
}

/// Sends pieces that are not lines, and leaves the connection open.
#[instrument(skip_all, ret, err)]
async fn talk(peer: &mut DuplexStream) -> anyhow::Result<()> {
    for (millis, data) in [(150, "hello\nhalf a "), (150, "line\n"), (10, "bye\n")] {
        sleep(ms(millis)).await;
        peer.write_all(data.as_bytes()).await?;
    }
    Ok(())
}
