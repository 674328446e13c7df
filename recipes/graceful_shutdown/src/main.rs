//! Without arguments, the demo. With `--serve`, a service to send signals to.

mod service;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use common::Show;

use crate::service::Kind;

#[derive(Parser)]
#[command(about = env!("CARGO_PKG_DESCRIPTION"))]
struct Flags {
    /// Instead of the demo, serve until Ctrl-C or SIGTERM; a second one ends it at once
    #[arg(long)]
    serve: bool,
    /// What the jobs of --serve do
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

// One thread, as asyncio has one. The patterns also work without the flavor, on all cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Flags { serve, jobs, grace, show } = common::parse(Flags::command());
    match serve {
        true => show.run_with_own_signals(service::run(jobs, grace)).await,
        false => show.run(async { graceful_shutdown::demo::run().await.map(|()| ExitCode::SUCCESS) }).await,
    }
}
