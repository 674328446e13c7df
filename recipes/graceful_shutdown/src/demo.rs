//! Does what `demo.py` does, with the patterns of this recipe.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use futures::{FutureExt, Stream, stream};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info, instrument};

use crate::interrupt::{MainEnded, interruptible};
use crate::shutdown::{Grace, JobEnd, Jobs, serve};
use crate::signals::Signal;
use crate::until_signal::serve_until;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Simulates the stream of `signals()`. The time counts from the end of `begin`.
fn signal_after(
    begin: impl Future<Output = ()>,
    millis: u64,
    signal: Signal,
    line: &'static str,
) -> impl Stream<Item = Signal> {
    stream::once(Box::pin(async move {
        begin.await;
        sleep(ms(millis)).await;
        info!("  {signal}: {line}");
        signal
    }))
}

/// Shows how programs end, one after the other.
///
/// # Errors
///
/// If something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    one_deadline().await;
    two_deadlines().await;
    interrupted_main().await
}

/// Simulates the answer to a request.
#[instrument(skip(millis), ret)]
async fn handle(name: &'static str, millis: u64) {
    sleep(ms(millis)).await;
    info!("  {name} is answered");
}

#[instrument(ret)]
async fn one_deadline() {
    info!("until a signal: three requests, and a fourth after a second; SIGTERM comes after 200 ms");
    // Simulates `stop_signal()`. The time counts from the first answer, so the order is the same on a slow machine.
    let first = Arc::new(Notify::new());
    let stop = async {
        first.notified().await;
        sleep(ms(100)).await;
        info!("  {}: nothing new, and a second for what is in flight", Signal::Terminate);
    };
    let served = serve_until(stop, ms(1_000), async |tasks, _stopping| {
        for (name, millis) in [("request-1", 100), ("request-2", 700), ("request-3", 800)] {
            let (answer, first) = (handle(name, millis), first.clone());
            tasks.spawn(async move { answer.map(|()| first.notify_one()).await }.in_current_span());
        }
        sleep(ms(1_000)).await;
        tasks.spawn(handle("request-4", 100).in_current_span());
    });
    info!("  {} left", served.await.left);
}

/// Takes its time; saves its work when it is cancelled.
#[instrument(skip(millis, cancel), ret)]
async fn job(name: &'static str, millis: u64, cancel: CancellationToken) {
    if cancel.run_until_cancelled(sleep(ms(millis))).await.is_none() {
        info!("  {name} saves its work");
        sleep(ms(50)).await;
    }
}

/// Does not watch its token.
#[instrument(skip(_cancel), ret)]
async fn stubborn_job(name: &'static str, _cancel: CancellationToken) {
    sleep(Duration::from_secs(10)).await;
}

#[instrument(ret)]
async fn two_deadlines() {
    info!("a service: four jobs; SIGTERM comes after 200 ms");
    let line = "nothing new, 800 ms to finish, then 450 ms to clean up";
    // The time counts from the end of job-1, so the order is the same on a slow machine.
    let first = Notify::new();
    let sigterm = signal_after(first.notified(), 100, Signal::Terminate, line);
    let grace = Grace { to_finish: ms(800), to_clean_up: ms(450) };
    let account = |name: &str, end: &JobEnd<Infallible>| {
        match end {
            JobEnd::Finished => info!("  {name} has finished"),
            JobEnd::Cancelled => info!("  {name} was cancelled"),
            JobEnd::Failed(never) => match *never {},
            JobEnd::Panicked(error) => info!("  {name} has failed: {error}"),
        }
        first.notify_one();
    };
    let summary = serve(sigterm, grace, take_in, account).await;
    let left = summary.stragglers.join(", ");
    info!("  {} finished, {} cancelled, left: {left}", summary.finished, summary.cancelled);
    // The remaining jobs have been aborted. Their end is a part of the picture.
    tokio::task::yield_now().await;
}

async fn take_in(jobs: Jobs<Infallible>) {
    for (name, millis) in
        [("job-1", Some(100)), ("job-2", Some(600)), ("job-3", Some(10_000)), ("job-4", None)]
    {
        let span = Span::current();
        // A start is refused only after the end, when this future is dropped.
        let _started = jobs.start(name, move |cancel| async move {
            match millis {
                Some(millis) => job(name, millis, cancel).instrument(span).await,
                None => stubborn_job(name, cancel).instrument(span).await,
            }
            Ok(())
        });
    }
    std::future::pending().await
}

/// Works until its token is cancelled, then saves its state.
#[instrument(skip(cancel), ret)]
async fn work(cancel: CancellationToken) -> &'static str {
    if cancel.run_until_cancelled(sleep(Duration::from_secs(10))).await.is_none() {
        sleep(ms(100)).await;
    }
    "the state is saved"
}

#[instrument(ret, err)]
async fn interrupted_main() -> anyhow::Result<()> {
    info!("a main that is interrupted: Ctrl-C comes after 100 ms");
    match interruptible(signal_after(ready(()), 100, Signal::Interrupt, "main cleans up"), work).await {
        MainEnded::Interrupted(_signal, saved) => info!("  {saved}"),
        other => bail!("it ended as {other:?}"),
    }
    Ok(())
}
