// SPDX-License-Identifier: 0BSD
//! Sets a time limit for a program and all that it starts: first sends SIGTERM, then kills the rest. It covers
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
//! Ctrl-C reaches only the caller, because a terminal signals its foreground group. For the same reason a program that
//! reads the terminal is stopped by SIGTTIN: give it a stdin, such as `Stdio::null()`.
//!
//! A process that moves to a group of its own, as with `setsid`, is out of reach. Process 1 reaps the processes that the
//! program has started. In many containers it does not; then `/proc` shows which have ended. On systems other than Linux
//! such a process counts as alive until the grace period is over.
//!
//! A pattern is copied alone, so each pattern that leads a group has its own code to kill it: this one, `run`, `pipeline`,
//! `terminal`, `no_orphans`, and the process pool of `executors`.
//!
//! # Cancel safety
//!
//! Dropping a future of `wait`, `end` or `within` loses nothing: call it again. Dropping the [`ProcessGroup`] kills all
//! of it.
//!
//! # Errors
//!
//! Those of the system. `signal` after the end returns `NotFound`, asyncio's `ProcessLookupError`.
//!
//! # Cost
//!
//! One process. After SIGTERM, once the leader has ended, it reads `/proc` every 10 ms until the group has ended, on a
//! thread of `spawn_blocking`.
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

/// The way in which a group has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Its leader ended by itself, and the rest was killed.
    Itself,
    /// It got SIGTERM, and all of it ended within the grace period.
    Asked,
    /// It got SIGTERM, and the rest was killed after the grace period.
    Killed,
}

/// The end of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupEnd {
    /// The status of the program that was started.
    pub status: ExitStatus,
    /// The way in which the group has ended.
    pub how: How,
}

/// A program, and all that it has started.
#[derive(Debug)]
pub struct ProcessGroup {
    /// To write to, if the command has `Stdio::piped()`. Waiting for the end closes it, unless it was taken.
    pub stdin: Option<ChildStdin>,
    /// To read from, if the command has `Stdio::piped()`.
    pub stdout: Option<ChildStdout>,
    /// To read from, if the command has `Stdio::piped()`.
    pub stderr: Option<ChildStderr>,
    child: Child,
    /// `None` once the group is killed or gone, because another process may then have its number.
    leader: Option<Pid>,
}

impl ProcessGroup {
    /// Starts a program that leads a process group of its own.
    ///
    /// # Errors
    ///
    /// If there is no such program or folder, no permission, or no process or descriptor left.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Ok(Self { stdin, stdout, stderr, child, leader })
    }

    /// Returns the process id, which is also the id of the group; `None` after the end.
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

    /// Waits until the program ends, and kills the rest of its group.
    ///
    /// # Errors
    ///
    /// If the system does not report the end.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let status = self.child.wait().await?;
        // In the same step, before another process can get the number.
        self.kill();
        Ok(status)
    }

    /// Sends SIGTERM to the whole group, and kills the rest after `grace`. `Duration::MAX` is never.
    ///
    /// # Errors
    ///
    /// If the system does not report the end.
    pub async fn end(&mut self, grace: Duration) -> io::Result<GroupEnd> {
        if let Some(leader) = self.leader {
            let _asked_or_gone = kill_process_group(leader, Signal::TERM);
            // A stopped process acts on no signal but SIGKILL until it is continued.
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

    /// Waits until the program ends. After `limit`, ends its group as [`end`](Self::end) does.
    ///
    /// # Errors
    ///
    /// If the system does not report the end.
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
        // The system reports only the end of children, and these processes are not our children.
        let mut look = None;
        while let Some(leader) = self.leader {
            if test_kill_process_group(leader) == Err(Errno::SRCH) {
                self.leader = None;
                break;
            }
            let looking = look.get_or_insert_with(|| spawn_blocking(move || has_ended(leader)));
            // While all blocking threads are busy, the group may end before the look begins.
            match timeout(PAUSE, looking).await {
                Ok(Ok(true)) => self.kill(),
                Ok(_) => {
                    look = None;
                    sleep(PAUSE).await;
                }
                Err(_elapsed) => {}
            }
        }
        Ok(status)
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // An error means that no process of the group is left.
            let _killed_or_gone = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Returns whether all of a group has ended and only waits to be reaped. Without `/proc` this is unknown.
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
