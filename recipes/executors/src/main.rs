//! `cargo run -p executors`: the demo on real time, with its log and its timeline.

use std::process::ExitCode;

// One thread, as asyncio has one. All other threads here belong to the executors.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // The workers of the process pool are this program, started once more.
    #[cfg(unix)]
    executors::demo::serve();
    common::run(env!("CARGO_PKG_DESCRIPTION"), executors::demo::run()).await
}
