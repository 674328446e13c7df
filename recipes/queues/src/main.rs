//! `cargo run -p queues`: the demo on real time, with its log and its timeline.

use std::process::ExitCode;

// One thread, as in asyncio. Without the flavor the patterns run on all cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    common::run(env!("CARGO_PKG_DESCRIPTION"), queues::demo::run()).await
}
