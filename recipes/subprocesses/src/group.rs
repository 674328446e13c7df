// SPDX-License-Identifier: 0BSD
//! Gives a program and all that it starts a time limit: first asks them to end, then kills what is left.
//! `start_new_session`, `terminate`, `kill` and `send_signal`, for a whole process group.
//!
//! ```sh
//! cargo add rustix --features process
//! cargo add tokio --features macros,process,rt,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use subprocesses::group::{ProcessGroup, How};
//! use tokio::process::Command;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let mut command = Command::new("sh");
//!     command.args(["-c", "trap 'exit 7' TERM; while sleep 0.01; do :; done"]);
//!     let mut group = ProcessGroup::spawn(command)?;
//!     let ended = group.within(Duration::from_millis(50), Duration::from_secs(5)).await?;
//!     assert_ne!(ended.how, How::Itself);
//!     Ok(())
//! }
//! ```
//!
//! `timeout(limit, child.wait())` with `kill_on_drop(true)` is enough for a program that starts no others.
//!
//! Ctrl-C reaches the caller alone, because a terminal signals its foreground group. For the same reason a program that
//! reads the terminal is stopped by SIGTTIN: give it a stdin, such as `Stdio::null()`.
//!
//! A program that moves to a group of its own, as `setsid` does, is beyond its reach. Process 1 reaps what the program
//! has started. In many containers it does not; then `/proc` shows what has ended. On systems other than Linux such a
//! process counts as alive until the grace period is over.
//!
//! A pattern is copied alone, so the kill of a group is written out in each that leads one: here, in `run`, `pipeline`,
//! `terminal` and `no_orphans`, and in the process pool of `executors`.
//!
//! # Cancel safety
//!
//! Dropping a future of `wait`, `end` or `within` loses nothing: call it again. Dropping the [`ProcessGroup`] kills all
//! of it.
//!
//! # Errors
//!
//! Those of the system. `signal` after the end is `NotFound`, asyncio's `ProcessLookupError`.
//!
//! # Cost
//!
//! A process. While a group that was asked ends, and its leader has ended, a look through `/proc` each 10 ms, on a thread of
//! `spawn_blocking`.
#![cfg(unix)]

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

const PAUSE: Duration = Duration::from_millis(10);

/// How a group has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Its leader ended by itself, and what was left was killed.
    Itself,
    /// It was asked, and all of it ended within the grace period.
    Asked,
    /// It was asked, and what was left after the grace period was killed.
    Killed,
}

/// The end of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupEnd {
    /// That of the program that was started.
    pub status: ExitStatus,
    /// How it came.
    pub how: How,
}

/// A program, and what it has started.
#[derive(Debug)]
pub struct ProcessGroup {
    /// To write to, if the command has `Stdio::piped()`. Waiting for the end closes it, unless it was taken.
    pub stdin: Option<ChildStdin>,
    /// To read from, if the command has `Stdio::piped()`.
    pub stdout: Option<ChildStdout>,
    /// To read from, if the command has `Stdio::piped()`.
    pub stderr: Option<ChildStderr>,
    child: Child,
    /// Until the group is killed or gone: its number may be another's then.
    leader: Option<Pid>,
}

impl ProcessGroup {
    /// Starts a program that leads a process group of its own.
    ///
    /// # Errors
    ///
    /// No such program or folder, no permission, no process or descriptor left.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Ok(Self { stdin, stdout, stderr, child, leader })
    }

    /// The process id, which is that of the group too; `None` after the end.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends a signal to the whole group: `terminate` is `Signal::TERM`, `kill` is `Signal::KILL`.
    ///
    /// # Errors
    ///
    /// `NotFound` after the end.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let leader = self.leader.ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process_group(leader, signal)?)
    }

    /// Waits until the program ends, and kills what is left of its group.
    ///
    /// # Errors
    ///
    /// When the system does not report the end.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let status = self.child.wait().await?;
        // In the same step, before another process can have its number.
        self.kill();
        Ok(status)
    }

    /// Sends SIGTERM to the whole group, and kills what is left of it after `grace`. `Duration::MAX` is never.
    ///
    /// # Errors
    ///
    /// When the system does not report the end.
    pub async fn end(&mut self, grace: Duration) -> io::Result<GroupEnd> {
        if let Some(leader) = self.leader {
            let _asked_or_gone = kill_process_group(leader, Signal::TERM);
            // One that is stopped takes no signal but SIGKILL.
            let _continued_or_gone = kill_process_group(leader, Signal::CONT);
        }
        match timeout(grace, self.gone()).await {
            Ok(status) => Ok(GroupEnd { status: status?, how: How::Asked }),
            Err(_elapsed) => {
                self.kill();
                Ok(GroupEnd { status: self.child.wait().await?, how: How::Killed })
            }
        }
    }

    /// Waits until the program ends, and ends its group after `limit`, as [`end`](Self::end) does.
    ///
    /// # Errors
    ///
    /// When the system does not report the end.
    pub async fn within(&mut self, limit: Duration, grace: Duration) -> io::Result<GroupEnd> {
        match timeout(limit, self.wait()).await {
            Ok(status) => Ok(GroupEnd { status: status?, how: How::Itself }),
            Err(_elapsed) => self.end(grace).await,
        }
    }

    /// Waits until no process of the group is left.
    async fn gone(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let status = self.child.wait().await?;
        // The system reports the end of children only, and these are not ours.
        while let Some(leader) = self.leader {
            if test_kill_process_group(leader) == Err(Errno::SRCH) {
                self.leader = None;
            } else if spawn_blocking(move || has_ended(leader)).await.unwrap_or(false) {
                self.kill();
            } else {
                sleep(PAUSE).await;
            }
        }
        Ok(status)
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // An error means that no process of it is left.
            let _killed_or_gone = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Whether all of a group has ended, and is still to be reaped. Where there is no `/proc`, it is not known.
fn has_ended(group: Pid) -> bool {
    let group = group.to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let mut members = processes.flatten().filter_map(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        // After the name come the state, the parent, and the group.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let (state, of) = (fields.next()?, fields.nth(1)?);
        (of == group).then_some(state == "Z")
    });
    members.next() == Some(true) && members.all(|is_zombie| is_zombie)
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}
