//! A service that shows how it ends: `--serve`.

use std::convert::Infallible;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use futures::StreamExt;
use graceful_shutdown::shutdown::{Grace, JobEnd, Jobs, StopReason, serve};
use graceful_shutdown::signals::{exit_after, exit_at_the_second, signals};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, instrument, warn};

/// What a job does, also at the shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// It takes 250 ms: less than it has to finish
    Quick,
    /// It takes a minute, and cleans up when its token is cancelled
    Slow,
    /// It takes a minute, and does not watch its token
    Stubborn,
    /// It blocks the only thread of the runtime: another thread ends the process
    Blocking,
}

/// Serves until a signal comes.
pub(crate) async fn run(kind: Kind, grace: Duration) -> anyhow::Result<ExitCode> {
    let mut is_first = true;
    let signals = signals()?.inspect(move |signal| match std::mem::take(&mut is_first) {
        true => info!("{signal}: no new jobs; {grace:?} to finish, then {grace:?} to clean up"),
        false => info!("{signal}: at once"),
    });
    exit_at_the_second(Duration::from_millis(200))?;
    exit_after(grace.saturating_mul(2).saturating_add(Duration::from_secs(1)))?;
    info!("a job each 200 ms; Ctrl-C ends it, a second one at once");
    let grace = Grace { to_finish: grace, to_clean_up: grace };
    let summary = serve(signals, grace, |jobs| take_in(kind, jobs), account).await;
    info!("{} finished, {} cancelled", summary.finished, summary.cancelled);
    if !summary.stragglers.is_empty() {
        warn!("left: {}", summary.stragglers.join(", "));
    }
    let signal = match (summary.forced, summary.stop) {
        (Some(signal), _) | (None, StopReason::Signal(signal)) => signal,
        (None, StopReason::Intake(never)) => match never {},
    };
    Ok(signal.exit_code().into())
}

fn account(name: &str, end: &JobEnd<Infallible>) {
    match end {
        JobEnd::Finished => info!("{name} has finished"),
        JobEnd::Cancelled => info!("{name} was cancelled"),
        JobEnd::Failed(never) => match *never {},
        JobEnd::Panicked(error) => warn!("{name} has failed: {error}"),
    }
}

/// Starts a job every 200 ms, as long as it is polled.
async fn take_in(kind: Kind, jobs: Jobs<Infallible>) -> Infallible {
    for number in 1_u64.. {
        let name = format!("job-{number}");
        // A start is refused only after the end, when this future is dropped.
        let _started = jobs.start(name.clone(), move |cancel| async move {
            job(&name, kind, cancel).await;
            Ok(())
        });
        sleep(Duration::from_millis(200)).await;
    }
    std::future::pending().await
}

#[instrument(skip(kind, cancel), ret)]
async fn job(name: &str, kind: Kind, cancel: CancellationToken) {
    info!("{name} begins");
    match kind {
        Kind::Quick => sleep(Duration::from_millis(250)).await,
        Kind::Slow => {
            if cancel.run_until_cancelled(sleep(Duration::from_secs(60))).await.is_none() {
                sleep(Duration::from_millis(100)).await;
                info!("{name} has cleaned up");
            }
        }
        Kind::Stubborn => sleep(Duration::from_secs(60)).await,
        Kind::Blocking => loop {
            thread::park();
        },
    }
}
