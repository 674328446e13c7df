//! Child processes.
use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// `communicate`.
pub async fn subprocess_output() -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new("ls");
    let output = command.arg("-l").kill_on_drop(true).output().await?;
    println!("{}: {:?}", output.status, output.stdout);
    Ok(())
}

/// `create_subprocess_shell`.
pub async fn subprocess_shell() -> anyhow::Result<()> {
    let mut shell = tokio::process::Command::new("sh");
    let status = shell.arg("-c").arg("ls | wc -l").status().await?;
    Ok(())
}

/// `Process.stdout`, line by line.
pub async fn subprocess_lines() -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new("ping");
    command.arg("localhost").stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().context("it is piped")?;
    let mut lines = tokio::io::BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        println!("{line}");
    }
    Ok(())
}

/// `Process.stdin`.
pub async fn subprocess_stdin(mut child: Child) -> anyhow::Result<()> {
    let mut stdin = child.stdin.take().context("it is piped")?;
    stdin.write_all(b"input\n").await?;
    drop(stdin); // the child reads the end
    Ok(())
}

/// `Process.wait` and `returncode`.
pub async fn subprocess_wait(mut child: Child) -> anyhow::Result<()> {
    let status = child.wait().await?;
    match status.code() {
        Some(code) => println!("exit code {code}"),
        None => println!("ended by a signal"),
    }
    Ok(())
}

/// `Process.kill`.
pub async fn subprocess_kill(mut child: Child) -> anyhow::Result<()> {
    child.kill().await?; // SIGKILL, and wait for the end
    Ok(())
}

/// `Process.pid`.
pub fn subprocess_pid(child: Child) {
    match child.id() {
        Some(pid) => println!("process {pid}"),
        None => println!("it has ended and been waited for"),
    }
}

/// `stderr=STDOUT`.
pub fn subprocess_stdout(mut command: Command) -> anyhow::Result<()> {
    let (output, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    Ok(())
}
