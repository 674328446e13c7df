//! `cargo run -p testing`: the demo on real time, with its log and its timeline.

use std::process::ExitCode;

// One thread, as asyncio has one, and as `#[tokio::test]` has. The patterns work as well on all cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    common::run(env!("CARGO_PKG_DESCRIPTION"), testing::demo::run()).await
}
