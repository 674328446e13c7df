//! The same program as `demo.py`: it runs programs that every Unix has, and prints how they end.
#![cfg(unix)]

use std::num::NonZeroUsize;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, sink};
use tokio::process::Command;
use tracing::{info, instrument};

use crate::group::{Group, How};
use crate::lines::{End, LINE, Lines, Source};
use crate::many::{collect_all, fail_fast};
use crate::no_orphans::Tied;
use crate::pipeline::Pipeline;
use crate::run::{RunError, returncode, run as run_program};
use crate::talk::talk;
use crate::terminal::{Size, Terminal, command};

const MILLION: usize = 1_000_000;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Runs one section after the other.
///
/// # Errors
///
/// If the system lacks a program, or has no process or descriptor left.
pub async fn run() -> anyhow::Result<()> {
    run_and_collect().await?;
    lines_as_they_come().await?;
    talk_both_ways().await?;
    pipelines().await?;
    time_limits().await?;
    many_at_a_time().await?;
    a_terminal().await?;
    nothing_left_behind().await
}

/// A shell that runs `script`.
fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[instrument(ret, err)]
async fn run_and_collect() -> anyhow::Result<()> {
    info!("run: a program, its output and its status");
    let output = run_program(sh("echo hello; echo oops >&2; exit 3"), MILLION).await?;
    info!("  stdout: {}", String::from_utf8_lossy(&output.stdout).trim_end());
    info!("  stderr: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    info!("  returncode: {}", returncode(output.status));
    let output = run_program(sh("kill -9 $$"), MILLION).await?;
    info!("  ended by a signal: {}", returncode(output.status));
    match run_program(Command::new("yes"), 1_000).await {
        Err(RunError::TooMuch { stdout, .. }) => info!("  yes was killed after {} bytes", stdout.len()),
        ended => info!("  yes has ended: {ended:?}"),
    }
    Ok(())
}

#[instrument(ret, err)]
async fn lines_as_they_come() -> anyhow::Result<()> {
    info!("lines: of stdout and stderr, as they come");
    // The script waits for a line from here before it goes on, because two pipes have no common order.
    let mut command = sh("echo one; read -r _; echo two >&2; read -r _; echo three; read -r _; printf four");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn()?;
    let pipes = child.stdout.take().zip(child.stderr.take()).zip(child.stdin.take());
    let ((stdout, stderr), mut stdin) = pipes.context("they are pipes")?;
    let mut lines = Lines::new(stdout, stderr, LINE);
    while let Some(line) = lines.next().await? {
        let source = if line.source == Source::Stdout { "stdout" } else { "stderr" };
        let half = if line.end == End::Pipe { ", half a line" } else { "" };
        info!("  {source}: {}{half}", String::from_utf8_lossy(&line.text));
        if line.end == End::Newline {
            stdin.write_all(b"\n").await?;
        }
    }
    child.wait().await?;
    Ok(())
}

#[instrument(ret, err)]
async fn talk_both_ways() -> anyhow::Result<()> {
    info!("talk: a million bytes through cat");
    let mut command = Command::new("cat");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).context("they are pipes")?;
    let (written, read) = talk(stdin, stdout, &vec![b'x'; MILLION][..], sink()).await?;
    info!("  {written} written, {read} read");
    child.wait().await?;
    Ok(())
}

/// The last program's output, and all statuses.
async fn piped(mut commands: [Command; 3]) -> anyhow::Result<(String, Vec<i32>)> {
    commands[2].stdout(Stdio::piped());
    let mut pipeline = Pipeline::spawn(commands)?;
    let mut output = String::new();
    if let Some(stdout) = &mut pipeline.stdout {
        stdout.read_to_string(&mut output).await?;
    }
    let statuses = pipeline.wait().await?;
    Ok((output.trim().to_owned(), statuses.into_iter().map(returncode).collect()))
}

#[instrument(ret, err)]
async fn pipelines() -> anyhow::Result<()> {
    info!("pipeline: seq 1000 | grep 7 | wc -l");
    let (count, statuses) = piped([sh("exec seq 1000"), sh("exec grep 7"), sh("exec wc -l")]).await?;
    info!("  {count}, and the returncodes {statuses:?}");
    let (line, statuses) = piped([sh("exec yes"), sh("exec cat"), sh("exec head -n 1")]).await?;
    info!("  of yes | cat | head: {line}, and the returncodes {statuses:?}");
    Ok(())
}

#[instrument(ret, err)]
async fn limited(script: &str) -> anyhow::Result<()> {
    let mut command = sh(script);
    command.stdout(Stdio::piped());
    let mut group = Group::spawn(command)?;
    // The time limit begins when the program has written something or has ended.
    let stdout = group.stdout.take().context("it is a pipe")?;
    BufReader::new(stdout).read_line(&mut String::new()).await?;
    let ended = group.within(Duration::from_millis(100), Duration::from_secs(1)).await?;
    let how = match ended.how {
        How::Itself => "has ended",
        How::Asked => "has ended when asked",
        How::Killed => "was asked, and killed",
    };
    info!("  {script}: {how}, returncode {}", returncode(ended.status));
    Ok(())
}

#[instrument(ret, err)]
async fn time_limits() -> anyhow::Result<()> {
    info!("group: 0.1 s to run, and 1 s to end");
    limited("exit 0").await?;
    limited("echo ready; exec sleep 60").await?;
    limited("trap '' TERM; echo ready; sleep 60 & sleep 60").await
}

/// A command that takes its time and ends with a code.
#[instrument(ret, err)]
async fn takes(time: &str, code: i32) -> anyhow::Result<i32> {
    let output = run_program(sh(&format!("sleep {time}; exit {code}")), MILLION).await?;
    Ok(returncode(output.status))
}

#[instrument(ret, err)]
async fn many_at_a_time() -> anyhow::Result<()> {
    info!("many: five commands, two at a time");
    let commands = [("0.1", 0), ("0.05", 1), ("0.1", 0), ("0.05", 3), ("0.05", 0)];
    let codes = collect_all(commands, TWO, |(time, code)| takes(time, code)).await;
    let codes = codes.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    info!("  all returncodes: {codes:?}");
    let commands = [("60", 0), ("0.05", 1)];
    let ended = fail_fast(commands, TWO, |(time, code)| async move {
        match takes(time, code).await {
            Ok(0) => Ok(()),
            failed => Err(failed),
        }
    });
    match ended.await {
        Err((position, failed)) => info!("  command {position} is the first to fail: {}", failed?),
        Ok(_) => info!("  all have succeeded"),
    }
    Ok(())
}

#[instrument(ret, err)]
async fn a_terminal() -> anyhow::Result<()> {
    info!("terminal: what does stty say?");
    let output = run_program(sh("stty size 2>/dev/null || echo not a terminal"), MILLION).await?;
    info!("  {}", String::from_utf8_lossy(&output.stdout).trim_end());
    let mut stty = command("stty");
    stty.arg("size");
    let mut terminal = Terminal::spawn(stty, Size { rows: 24, columns: 80 })?;
    let (mut said, mut chunk) = (Vec::new(), [0; 100]);
    while let read @ 1.. = terminal.read(&mut chunk).await? {
        said.extend_from_slice(&chunk[..read]);
    }
    info!("  a terminal of {}", String::from_utf8_lossy(&said).trim_end());
    terminal.wait().await?;
    Ok(())
}

#[instrument(ret, err)]
async fn nothing_left_behind() -> anyhow::Result<()> {
    info!("no orphans: a caller that is cancelled");
    let mut command = sh("sleep 60 & echo two processes run; sleep 60");
    command.stdout(Stdio::piped());
    let mut tied = Tied::spawn(command)?;
    let mut stdout = BufReader::new(tied.stdout.take().context("it is a pipe")?);
    let caller = tokio::spawn(async move { tied.wait().await });
    let mut line = String::new();
    stdout.read_line(&mut line).await?;
    info!("  {}", line.trim_end());
    caller.abort();
    // The pipe ends when no process holds it.
    let left = stdout.read_to_string(&mut String::new()).await?;
    info!("  none of them is left, and {left} bytes came");
    Ok(())
}
