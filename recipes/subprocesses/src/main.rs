//! Runs the demo without arguments. With commands or flags, runs commands, a limited number at once.

#[cfg(unix)]
mod cli;

use std::process::ExitCode;

#[cfg(unix)]
use clap::CommandFactory;

#[cfg(unix)]
#[tokio::main]
async fn main() -> ExitCode {
    let cli::Flags { what, show } = common::parse(cli::Flags::command());
    match what.is_demo() {
        true => show.run(demo()).await,
        false => show.run_with_own_signals(cli::run(what)).await,
    }
}

#[cfg(unix)]
async fn demo() -> anyhow::Result<ExitCode> {
    subprocesses::demo::run().await?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("error: process groups and terminals are those of Unix");
    ExitCode::FAILURE
}
