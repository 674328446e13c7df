//! Runs the demo without arguments: a server and its clients in this process. With flags, runs a line server or a relay.

mod cli;

use std::process::ExitCode;

use clap::CommandFactory;

#[tokio::main]
async fn main() -> ExitCode {
    let cli::Flags { what, limits, show } = common::parse(cli::Flags::command());
    match cli::Mode::of(what) {
        cli::Mode::Demo => show.run(demo()).await,
        mode => show.run_with_own_signals(cli::serve(mode, limits)).await,
    }
}

async fn demo() -> anyhow::Result<ExitCode> {
    streams::demo::run().await?;
    Ok(ExitCode::SUCCESS)
}
