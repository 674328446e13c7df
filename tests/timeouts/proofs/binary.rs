//! Proofs: `binary`.

use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::ms;

/// Without its time.
fn message(line: &str) -> String {
    line.split_once("s  ").unwrap().1.trim().to_owned()
}

/// Runs the demo on real time, sends it Ctrl-C when it has said this, and hands back what it says then.
async fn interrupted_at(said: &str) -> (Vec<String>, Output) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_timeouts"));
    command.arg("--no-timeline").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut demo = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    while message(&lines.next_line().await.unwrap().expect("it says so")) != said {}
    let id = demo.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let mut then = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        then.push(message(&line));
    }
    (then, demo.wait_with_output().await.unwrap())
}

/// asyncio: Ctrl-C cancels `main`, and with it what it awaits, whose clean-up runs. Here the demo is dropped, which
/// tells its tasks to stop, and `main` waits for them.
#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_when_its_clean_up_is_done() {
    // By then the first session is closed, and the second is open.
    let interrupted = timeout(ms(20_000), interrupted_at("timed out")).await;
    let (then, output) = interrupted.expect("it ends");
    assert_eq!((then.as_slice(), output.status.code()), (["closed".to_owned()].as_slice(), Some(130)));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
