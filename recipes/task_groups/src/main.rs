//! `cargo run -p task_groups`: the demo on real time, with its log and its timeline.

use std::process::ExitCode;

// One thread, as in asyncio. Without the flavor the patterns run on all cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    common::run(env!("CARGO_PKG_DESCRIPTION"), task_groups::demo::run()).await
}
