// SPDX-License-Identifier: 0BSD
//! Runs one job in a process of its own, which is killed together with the programs it has started: a
//! `ProcessPoolExecutor(max_tasks_per_child=1)` for one job.
//!
//! ```sh
//! cargo add rustix --features process,stdio
//! cargo add serde --features derive
//! cargo add serde_json
//! cargo add thiserror
//! cargo add tokio --features io-util,macros,net,process,rt
//! ```
//!
//! ```
//! use std::env::current_exe;
//!
//! use executors::one_process::{run, serve};
//! use tokio::process::Command;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     // The process is this program, started once more: it does not come past this line.
//!     serve(|number: u64| number.checked_mul(number).ok_or("too large"));
//!
//!     let nine: u64 = run(Command::new(current_exe()?), &3).await?;
//!     assert_eq!(nine, 9);
//!     let too_large = run::<u64, u64>(Command::new(current_exe()?), &u64::MAX).await;
//!     assert_eq!(too_large.unwrap_err().to_string(), "the job failed: too large");
//!     Ok(())
//! }
//! ```
//!
//! Use it for a library that can crash its process, for memory that a library never returns, and for a loop that cannot
//! be stopped otherwise. For speed, threads are enough: see the pattern `cpu`.
//!
//! The job and its result are JSON, over a socket that the process gets as its stdin. The job's output goes to the
//! program's output, and the job reads an empty stdin. The process leads a group of its own: Ctrl-C does not reach it,
//! and at its end the rest of the group is killed. The few lines for that are copied from the recipe `subprocesses`: a
//! copied pattern needs no other.
//!
//! What it does not do:
//!
//! - It sets no limit: a hundred calls are a hundred processes. Put a semaphore before it.
//! - A panic is a crash: its text goes to stderr and not into the error.
//! - An error arrives as its text, without its type and its causes.
//! - JSON turns a NaN into `null`, without an error.
//! - If this program is killed, the job goes on to its end.
//! - A program that a job starts in a process group of its own lives on. It holds up nothing, even if it has the channel.
//!
//! The pattern `process_pool` adds workers that stay, a limit, and panics and causes as errors. It refuses values that
//! JSON would change, and ends workers whose program is gone.
//!
//! # Cancel safety
//!
//! Dropping [`run`] kills the process and its group: `tokio::time::timeout` stops a job that no thread could stop.
//!
//! # Errors
//!
//! [`JobError`].
//!
//! # Cost
//!
//! A process for each job: some milliseconds.
#![cfg(unix)]

use std::env;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Channel;
use std::process::{self, ExitStatus};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::task::coop::unconstrained;

/// The last argument of such a process. An environment variable would reach its own children, too.
const MARK: &str = "run-one-job";

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The job failed. Holds the text of its error.
    #[error("the job failed: {0}")]
    Failed(String),
    /// Its process died: a crash, a panic, a signal.
    #[error("the process died: {0}")]
    Crashed(ExitStatus),
    /// The process was not started, or the channel to it broke.
    #[error("the process cannot be used")]
    Io(#[from] io::Error),
    /// The job cannot be sent, or the answer is no result of this type.
    #[error("not the JSON of this type")]
    Json(#[from] serde_json::Error),
}

/// Runs `job` in a process that `command` starts: a program that calls [`serve`], most often this one,
/// `Command::new(std::env::current_exe()?)`. Its last argument, its stdin and its process group are the pattern's.
///
/// # Errors
///
/// See [`JobError`].
pub async fn run<J: Serialize, O: DeserializeOwned>(mut command: Command, job: &J) -> Result<O, JobError> {
    if is_marked() {
        return Err(io::Error::other("this process has a job: call `serve` first thing in `main`").into());
    }
    let job = serde_json::to_vec(job)?;
    let (ours, theirs) = Channel::pair()?;
    ours.set_nonblocking(true)?;
    let mut channel = UnixStream::from_std(ours)?;
    command.arg(MARK).stdin(OwnedFd::from(theirs)).process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
    // The command would keep the child's end of the channel open, and the read below would never end.
    drop(command);
    let mut result = Vec::new();
    let exchange = async {
        let (mut reader, mut writer) = channel.split();
        let send = async {
            // Fails if the process dies first, and its status says why.
            let _sent = writer.write_all(&job).await.and(writer.shutdown().await);
        };
        let receive = async {
            while reader.read_buf(&mut result).await? > 0 {}
            io::Result::Ok(())
        };
        tokio::join!(send, receive).1
    };
    let (received, status) = tokio::select! {
        biased;
        received = exchange => (received, child.wait().await),
        // A process that has left the group may hold the channel open. Unconstrained: a flood of it would hide the end.
        status = unconstrained(child.wait()) => (Ok(()), status),
    };
    // In the same step, before another process gets its number.
    drop(group);
    let status = status?;
    if !status.success() {
        return Err(JobError::Crashed(status));
    }
    received?;
    // The rest of what the process wrote: no more than is there now.
    let channel = channel.into_std()?;
    let length = rustix::io::ioctl_fionread(&channel).map_err(io::Error::from)?;
    channel.take(length).read_to_end(&mut result)?;
    let outcome: Result<O, String> = serde_json::from_slice(&result)?;
    outcome.map_err(JobError::Failed)
}

/// Does the one job of this process and exits, if it was started for that. Any other process goes on at once. Call it
/// first in `main`.
pub fn serve<J: DeserializeOwned, O: Serialize, E: Display>(work: impl FnOnce(J) -> Result<O, E>) {
    if is_marked() {
        let code = match answer(work) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("error: {error}");
                1
            }
        };
        process::exit(code);
    }
}

fn answer<J: DeserializeOwned, O: Serialize, E: Display>(
    work: impl FnOnce(J) -> Result<O, E>,
) -> io::Result<()> {
    let mut channel = Channel::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Neither a job that reads its stdin nor a program that it starts may use the channel.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let mut job = Vec::new();
    channel.read_to_end(&mut job)?;
    let outcome = work(serde_json::from_slice(&job)?).map_err(|error| error.to_string());
    channel.write_all(&serde_json::to_vec(&outcome)?)
}

fn is_marked() -> bool {
    env::args_os().next_back().is_some_and(|last| last == MARK)
}

/// A process group, which its drop kills.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        // An error means that no process of the group is left.
        let _killed_or_gone = self.0.map(|leader| kill_process_group(leader, Signal::KILL));
    }
}
