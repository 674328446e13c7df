// SPDX-License-Identifier: 0BSD
//! Connects programs as a shell does, `a | b | c`, without a shell, and waits for all of them.
//!
//! ```sh
//! cargo add futures
//! cargo add rustix --features process
//! cargo add tokio --features io-util,macros,process,rt
//! ```
//!
//! ```
//! use subprocesses::pipeline::{Pipeline, worst};
//! use tokio::{io::AsyncReadExt, process::Command};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let [mut seq, mut grep, mut wc] = ["seq", "grep", "wc"].map(Command::new);
//!     (seq.arg("1000"), grep.arg("7"), wc.arg("-l").stdout(std::process::Stdio::piped()));
//!     let mut pipeline = Pipeline::spawn([seq, grep, wc])?;
//!     let mut count = String::new();
//!     if let Some(stdout) = &mut pipeline.stdout {
//!         stdout.read_to_string(&mut count).await?;
//!     }
//!     assert!(worst(&pipeline.wait().await?).is_none_or(|status| status.success()));
//!     assert_eq!(count.trim(), "271");
//!     Ok(())
//! }
//! ```
//!
//! `Command::new("sh").args(["-c", "seq 1000 | grep 7 | wc -l"])` is enough if the text is yours and you need only the last
//! status.
//!
//! The programs are one process group. The commands decide the stdin of the first program, the stdout of the last, and the
//! stderr of all.
//!
//! # Cancel safety
//!
//! Dropping `wait` loses nothing. Dropping the [`Pipeline`] kills all of it, and all that the programs have started.
//!
//! # Errors
//!
//! If a program does not start, the programs before it are killed.
//!
//! # Cost
//!
//! One process per program. Data goes through the system's pipes, and not through this program.
#![cfg(unix)]

use std::io;
use std::process::{ExitStatus, Stdio};

use futures::future::try_join_all;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Returns the status that a shell with `pipefail` reports: of the last program that failed, or else of the last program.
pub fn worst(statuses: &[ExitStatus]) -> Option<ExitStatus> {
    statuses.iter().rfind(|status| !status.success()).or(statuses.last()).copied()
}

/// Running programs, each of which reads the output of the one before it.
#[derive(Debug)]
pub struct Pipeline {
    /// The stdin of the first program, if its command has `Stdio::piped()`. Waiting closes it, unless it was taken.
    pub stdin: Option<ChildStdin>,
    /// The stdout of the last program, if its command has `Stdio::piped()`.
    pub stdout: Option<ChildStdout>,
    /// `None` once the group is killed, because another process may then have its number.
    leader: Option<Pid>,
    children: Vec<Child>,
}

impl Pipeline {
    /// Starts the programs, the first one first.
    ///
    /// # Errors
    ///
    /// If a program does not start.
    pub fn spawn(commands: impl IntoIterator<Item = Command>) -> io::Result<Self> {
        let mut pipeline = Self { stdin: None, stdout: None, leader: None, children: Vec::new() };
        let (mut commands, mut before) = (commands.into_iter().peekable(), None);
        while let Some(mut command) = commands.next() {
            if let Some(output) = before.take() {
                command.stdin::<Stdio>(output);
            }
            let has_next = commands.peek().is_some();
            if has_next {
                command.stdout(Stdio::piped());
            }
            // The first program leads the group, and the others join it. It cannot be gone, because nothing has waited for it.
            let group = pipeline.leader.map_or(0, |leader| leader.as_raw_nonzero().get());
            let mut child = command.process_group(group).kill_on_drop(true).spawn()?;
            let stdout = child.stdout.take();
            if pipeline.leader.is_none() {
                pipeline.leader = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
                pipeline.stdin = child.stdin.take();
            }
            pipeline.children.push(child);
            match stdout {
                Some(stdout) if has_next => before = Some(stdout.try_into()?),
                stdout => pipeline.stdout = stdout,
            }
        }
        Ok(pipeline)
    }

    /// Waits until all programs have ended, and returns their statuses in order.
    ///
    /// # Errors
    ///
    /// If the system does not report an end.
    pub async fn wait(&mut self) -> io::Result<Vec<ExitStatus>> {
        drop(self.stdin.take());
        let statuses = try_join_all(self.children.iter_mut().map(Child::wait)).await?;
        // In the same step, before another process can get the number.
        self.kill();
        Ok(statuses)
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // An error means that no process of the group is left.
            let _killed_or_gone = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.kill();
    }
}
