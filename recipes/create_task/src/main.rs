//! `cargo run -p create_task`: the demo on real time, with its log and its timeline.

use std::process::ExitCode;

// One thread, as asyncio has one. The patterns also work without the flavor, on all cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    common::run(env!("CARGO_PKG_DESCRIPTION"), create_task::demo::run()).await
}
