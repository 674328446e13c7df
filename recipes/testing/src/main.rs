//! `cargo run -p testing`: the demo on real time, with its log and its timeline.

use std::process::ExitCode;

// One thread, as in asyncio and in `#[tokio::test]`. The patterns also work on all cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    common::run(env!("CARGO_PKG_DESCRIPTION"), testing::demo::run()).await
}
