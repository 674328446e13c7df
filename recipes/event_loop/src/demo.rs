//! What `demo.py` does, with the patterns of this recipe.

use std::any::Any;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::{FutureExt, stream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info, instrument};

use crate::callbacks::Callbacks;
use crate::from_a_thread::{submit, wait};
use crate::not_send::word_counts;
use crate::shutdown::{End, Grace, Jobs, serve};
use crate::signals::Signal;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Stands for a request: takes its time, and fails for a page that is missing.
#[instrument(skip(millis), ret, err)]
async fn fetch(page: &'static str, millis: u64) -> anyhow::Result<String> {
    sleep(ms(millis)).await;
    let text = match page {
        "home" => "to be or not to be",
        "news" => "all is well",
        "help" => "to err is human",
        _ => bail!("{page} not found"),
    };
    Ok(text.to_owned())
}

/// Shows what an event loop does, one thing after the other.
///
/// # Errors
///
/// When a thread cannot be started, or something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    callbacks().await?;
    another_thread().await?;
    // These tasks are not `Send`, and this keeps them where they are.
    LocalSet::new().run_until(shared_table()).await?;
    graceful_shutdown().await;
    Ok(())
}

#[instrument(ret, err)]
async fn callbacks() -> anyhow::Result<()> {
    info!("callbacks: soon, later, and at a time; one is cancelled, one has a bug");
    let callbacks = Callbacks::new();
    callbacks.call_at(Instant::now() + ms(200), || info!("  at 200 ms"))?;
    callbacks.call_later(Duration::from_micros(100_800), || info!("  after 100.8 ms"))?;
    callbacks.call_later(Duration::from_micros(100_600), || info!("  after 100.6 ms"))?;
    let reminder = callbacks.call_later(ms(150), || info!("  a reminder"))?;
    callbacks.call_later(ms(120), move || {
        reminder.cancel();
    })?;
    callbacks.call_soon(|| info!("  soon"))?;
    callbacks.call_soon(|| panic!("'no-such-key'"))?;
    callbacks.call_soon(|| info!("  after the bug"))?;
    let all_called = callbacks.clone();
    callbacks.call_later(ms(300), move || all_called.stop())?;
    callbacks.run(|panic| info!("  handler: {}", text(&*panic))).await?;
    Ok(())
}

/// The text of a panic whose message was fixed.
fn text(panic: &(dyn Any + Send)) -> &'static str {
    panic.downcast_ref().copied().unwrap_or("another panic")
}

#[instrument(ret, err)]
async fn another_thread() -> anyhow::Result<()> {
    info!("another thread: it hands in two requests, and waits for each");
    let (runtime, span) = (Handle::current(), Span::current());
    let ask = move |page| -> anyhow::Result<String> {
        let answer = wait(submit(&runtime, fetch(page, 100).instrument(span.clone())))?;
        Ok(answer.unwrap_or_else(|error| format!("error: {error}")))
    };
    let (answers, answered) = oneshot::channel();
    // A thread of its own: while one of `spawn_blocking` is at work, the clock of a lesson stands still.
    thread::Builder::new().spawn(move || answers.send(["home", "missing"].map(ask)))?;
    for answer in answered.await.context("the thread has panicked")? {
        info!("  {}", answer?);
    }
    Ok(())
}

#[instrument(ret, err)]
async fn shared_table() -> anyhow::Result<()> {
    info!("three tasks of one thread: they count words in one table, without a lock");
    let pages = [("home", 100), ("news", 200), ("help", 300)];
    let counts = word_counts(pages, |(page, millis)| {
        fetch(page, millis).in_current_span().map(Result::unwrap_or_default)
    })
    .await?;
    let [to, be, is] = ["to", "be", "is"].map(|word| counts.get(word).copied().unwrap_or_default());
    info!("  to: {to}, be: {be}, is: {is}");
    Ok(())
}

/// Takes its time; when it is cancelled, it saves what it has.
#[instrument(skip(millis, cancel), ret)]
async fn job(name: &'static str, millis: u64, cancel: CancellationToken) {
    if cancel.run_until_cancelled(sleep(ms(millis))).await.is_none() {
        info!("  {name} saves its work");
        sleep(ms(50)).await;
    }
}

/// Does not look at its token.
#[instrument(skip(_cancel), ret)]
async fn stubborn_job(name: &'static str, _cancel: CancellationToken) {
    sleep(Duration::from_secs(10)).await;
}

#[instrument(ret)]
async fn graceful_shutdown() {
    info!("a service: a job each 100 ms; SIGTERM comes after 350 ms");
    // Stands for the stream of `signals()`.
    let sigterm = stream::once(Box::pin(async {
        sleep(ms(350)).await;
        info!("  {}: nothing new, 250 ms to finish, then 150 ms to clean up", Signal::Terminate);
        Signal::Terminate
    }));
    let grace = Grace { to_finish: ms(250), to_clean_up: ms(150) };
    let account = |name: &str, end: &End| match end {
        End::Finished => info!("  {name} has finished"),
        End::Cancelled => info!("  {name} was cancelled"),
        End::Failed(error) => info!("  {name} has failed: {error}"),
        End::Panicked(text) => info!("  {name} has panicked: {text}"),
    };
    let summary = serve(sigterm, grace, take_in, account).await;
    let left = summary.stragglers.join(", ");
    info!("  {} finished, {} cancelled, left: {left}", summary.finished, summary.cancelled);
    // Those that are left have been aborted. Their end is a part of the picture.
    tokio::task::yield_now().await;
}

async fn take_in(jobs: Jobs) {
    for (name, millis) in
        [("job-1", Some(250)), ("job-2", Some(400)), ("job-3", Some(10_000)), ("job-4", None)]
    {
        let span = Span::current();
        // Refused only after the end, and then this is dropped.
        let _started = jobs.start(name, move |cancel| async move {
            match millis {
                Some(millis) => job(name, millis, cancel).instrument(span).await,
                None => stubborn_job(name, cancel).instrument(span).await,
            }
            Ok(())
        });
        sleep(ms(100)).await;
    }
    std::future::pending().await
}
