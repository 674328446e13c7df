//! `cargo run -p timeouts`: the demo on real time, with its log and its timeline.

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;

// One thread, as in asyncio. Without the flavor the patterns run on all cores.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let tasks = TaskTracker::new();
    let code = common::run(env!("CARGO_PKG_DESCRIPTION"), timeouts::demo::run_among(&tasks)).await;
    // Ctrl-C has dropped the demo, which has asked its tasks to stop. Without this wait, the runtime would cut off their
    // clean-up.
    tasks.close();
    if timeout(Duration::from_millis(500), tasks.wait()).await.is_err() {
        eprintln!("error: {} tasks did not end in time", tasks.len());
        return ExitCode::FAILURE;
    }
    code
}
