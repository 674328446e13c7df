//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::work::sh;

/// asyncio: `create_subprocess_exec`, `communicate`, `returncode`. Tokio: `run`.
#[tokio::test]
async fn run_and_collect() -> anyhow::Result<()> {
    let mut command = Command::new("printf");
    command.arg("hello");
    let output = subprocesses::run::run(command, 1_000_000).await?; // at most a megabyte
    let returncode = subprocesses::run::returncode(output.status);

    assert_eq!((&output.stdout[..], returncode), (&b"hello"[..], 0));
    Ok(())
}

/// asyncio: `wait_for`, `killpg` twice. Tokio: `ProcessGroup`.
#[tokio::test]
async fn a_time_limit_for_a_group() -> anyhow::Result<()> {
    let command = sh("exec sleep 600");

    let mut group = subprocesses::group::ProcessGroup::spawn(command)?;
    let (limit, grace) = (Duration::from_millis(50), Duration::from_secs(10));
    let ended = group.within(limit, grace).await?;
    let returncode = subprocesses::run::returncode(ended.status);

    assert_eq!((returncode, ended.how), (-15, subprocesses::group::How::Asked));
    Ok(())
}

/// asyncio: `async for line in process.stdout`. Tokio: `OutputLines`.
#[tokio::test]
async fn lines_as_they_come() -> anyhow::Result<()> {
    use subprocesses::lines::{LINE, OutputLines, together};
    let (mut command, mut log) = (sh("echo one; echo two >&2"), Vec::new());

    let output = together(&mut command)?; // stderr=STDOUT
    let mut child = command.spawn()?;
    drop(command); // it holds the pipe open
    let mut lines = OutputLines::new(output, tokio::io::empty(), LINE);
    while let Some(line) = lines.next().await? {
        log.push(String::from_utf8(line.text)?);
    }
    child.wait().await?;

    assert_eq!(log, ["one", "two"]);
    Ok(())
}

/// asyncio: `communicate(input)`. Tokio: `talk`.
#[tokio::test]
async fn talk_both_ways() -> anyhow::Result<()> {
    let (given, mut output) = (vec![b'x'; 1_000_000], Vec::new());
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);

    let mut child = command.spawn()?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (stdin, stdout) = pipes.ok_or_else(|| anyhow::anyhow!("they are piped"))?;
    subprocesses::talk::talk(stdin, stdout, &given[..], &mut output).await?;
    child.wait().await?;

    assert_eq!(output, given);
    Ok(())
}

/// asyncio: `os.pipe`, and each end closed by hand. Tokio: `Pipeline`.
#[tokio::test]
async fn a_pipeline() -> anyhow::Result<()> {
    let (mut seq, mut wc) = (Command::new("seq"), Command::new("wc"));
    seq.arg("1000");
    wc.arg("-l").stdout(Stdio::piped());
    let mut count = String::new();

    let mut pipeline = subprocesses::pipeline::Pipeline::spawn([seq, wc])?;
    if let Some(stdout) = &mut pipeline.stdout {
        stdout.read_to_string(&mut count).await?;
    }
    let statuses = pipeline.wait().await?;

    assert_eq!((count.trim(), statuses.len()), ("1000", 2));
    Ok(())
}

/// asyncio: `finally`, which SIGKILL skips. Tokio: `Tied`.
#[tokio::test]
async fn nothing_left_behind() -> anyhow::Result<()> {
    let command = sh("sleep 600 & exit 3");

    let mut tied = subprocesses::no_orphans::Tied::spawn(command)?;
    let status = tied.wait().await?; // and the sleep is gone

    assert_eq!(status.code(), Some(3));
    Ok(())
}
