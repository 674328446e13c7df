//! `cargo run -p event_loop`: the demo on real time, with its log and its timeline, on a runtime that is a value.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use event_loop::runner::Runner;
use tokio::runtime::Builder;

/// Does what `#[tokio::main]` does, with the end of `asyncio.run`: remaining tasks are cancelled and awaited.
fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: no runtime: {error}");
        ExitCode::FAILURE
    })
}

fn run() -> io::Result<ExitCode> {
    let report = |name: &str, failure| eprintln!("error: {name}: {failure}");
    let mut runner = Runner::new(Builder::new_current_thread().enable_all(), report)?;
    let ended =
        runner.run(async || common::run(env!("CARGO_PKG_DESCRIPTION"), event_loop::demo::run()).await);
    if let Err(error) = runner.close(Duration::from_millis(500)) {
        eprintln!("error: {error}");
    }
    Ok(ended.unwrap_or(ExitCode::FAILURE))
}
