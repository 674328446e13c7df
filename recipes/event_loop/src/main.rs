//! Without arguments, the demo. With `--serve`, a service to send signals to.

mod service;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use common::Show;
use event_loop::runner::Runner;
use tokio::runtime::Builder;

use crate::service::Kind;

/// asyncio's event loop on Tokio. Without a flag, the demo
#[derive(Parser)]
#[command(about = env!("CARGO_PKG_DESCRIPTION"))]
struct Flags {
    /// Instead of the demo, serve until Ctrl-C or SIGTERM; a second one ends it at once
    #[arg(long)]
    serve: bool,
    /// What the jobs of --serve are like
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Kind::Slow, requires = "serve")]
    jobs: Kind,
    /// How long the jobs of --serve have to finish, and then to clean up
    #[arg(long, value_parser = seconds, value_name = "SECONDS", default_value = "0.3", requires = "serve")]
    grace: Duration,
    #[command(flatten)]
    show: Show,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "it is not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// What `#[tokio::main]` does, with the end of `asyncio.run`: what is left over is cancelled and waited for.
fn main() -> ExitCode {
    let flags: Flags = common::parse(Flags::command());
    run(flags).unwrap_or_else(|error| {
        eprintln!("error: no runtime: {error}");
        ExitCode::FAILURE
    })
}

fn run(Flags { serve, jobs, grace, show }: Flags) -> io::Result<ExitCode> {
    let report = |name: &str, failure| eprintln!("error: {name}: {failure}");
    let mut runner = Runner::new(Builder::new_current_thread().enable_all(), report)?;
    let ended = runner.run(async || match serve {
        true => show.run_with_own_signals(service::run(jobs, grace)).await,
        false => show.run(demo()).await,
    });
    let closed = runner.close(Duration::from_millis(500));
    if let Err(error) = closed {
        eprintln!("error: {error}");
    }
    Ok(ended.unwrap_or(ExitCode::FAILURE))
}

async fn demo() -> anyhow::Result<ExitCode> {
    event_loop::demo::run().await?;
    Ok(ExitCode::SUCCESS)
}
