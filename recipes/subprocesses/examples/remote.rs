//! Runs a command on many hosts: `cargo run -p subprocesses --example remote -- COMMAND HOST...`. It runs on four hosts at
//! once, for ten seconds each. Each line begins with its host, and the exit code is the worst one. `REMOTE_SHELL` replaces
//! `ssh`.

use std::num::NonZeroUsize;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context;
use subprocesses::group::Group;
use subprocesses::lines::{LINE, Lines};
use subprocesses::many::collect_all;
use subprocesses::run::returncode;
use tokio::process::Command;

const AT_ONCE: NonZeroUsize = NonZeroUsize::new(4).unwrap();
const LIMIT: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut hosts = std::env::args().skip(1);
    let remote = &hosts.next().ok_or_else(|| anyhow::anyhow!("COMMAND HOST..."))?;
    let codes = collect_all(hosts, AT_ONCE, |host| async move {
        on_host(&host, remote).await.unwrap_or_else(|error| {
            println!("{host}: {error}");
            255
        })
    });
    Ok(ExitCode::from(codes.await.into_iter().max().unwrap_or(0)))
}

async fn on_host(host: &str, remote: &str) -> anyhow::Result<u8> {
    let mut command = Command::new(std::env::var("REMOTE_SHELL").as_deref().unwrap_or("ssh"));
    command.args([host, remote]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(command)?;
    let (out, err) = group.stdout.take().zip(group.stderr.take()).context("they are pipes")?;
    let mut lines = Lines::new(out, err, LINE);
    let print = async {
        while let Some(line) = lines.next().await? {
            println!("{host}: {}", String::from_utf8_lossy(&line.text));
        }
        Ok(())
    };
    let (ended, ()) = tokio::try_join!(group.within(LIMIT, GRACE), print)?;
    println!("{host}: {:?}, {}", ended.how, ended.status);
    Ok(u8::try_from(returncode(ended.status)).unwrap_or(255))
}
