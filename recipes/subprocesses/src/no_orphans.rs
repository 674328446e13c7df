// SPDX-License-Identifier: 0BSD
//! Leaves no process behind when the caller is cancelled, panics, or is killed by SIGKILL: `PR_SET_PDEATHSIG`, but for a
//! whole group.
//!
//! ```sh
//! cargo add rustix --features process
//! cargo add tokio --features macros,process,rt
//! ```
//!
//! ```
//! use subprocesses::no_orphans::Tied;
//! use tokio::process::Command;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let mut command = Command::new("sh");
//!     command.args(["-c", "sleep 600 & exit 3"]);
//!     let mut tied = Tied::spawn(command)?;
//!     assert_eq!(tied.wait().await?.code(), Some(3)); // and the sleep is killed
//!     Ok(())
//! }
//! ```
//!
//! `kill_on_drop(true)` is enough if the program starts no others, and may outlive the caller.
//!
//! A second process, `sh`, leads the group and waits for the end of a pipe that only the caller holds. The pipe ends when
//! the caller ends, for any reason. Then the shell kills its group, itself included. The program has joined that group
//! before it runs, so there is no gap.
//!
//! A process that moves to a group of its own, as with `setsid`, is out of reach. Ctrl-C reaches only the caller. A signal
//! to the group in the first milliseconds may end the shell, which then cannot see the end of the caller.
//!
//! # Cancel safety
//!
//! Dropping `wait` loses nothing. Dropping the [`Tied`] kills the group.
//!
//! # Errors
//!
//! Those of `spawn`. If the program does not start, the shell is killed.
//!
//! # Cost
//!
//! A second process of half a megabyte, and a pipe.
#![cfg(unix)]

use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// The shell ignores the signals that a program may get or send to its group, because it must outlive the others.
const WATCH: &str = "trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM; read -r _; kill -s KILL 0";

/// A program that ends when this value is dropped, or when this process ends.
#[derive(Debug)]
pub struct Tied {
    /// To write to, if the command has `Stdio::piped()`. Waiting for the end closes it, unless it was taken.
    pub stdin: Option<ChildStdin>,
    /// To read from, if the command has `Stdio::piped()`.
    pub stdout: Option<ChildStdout>,
    /// To read from, if the command has `Stdio::piped()`.
    pub stderr: Option<ChildStderr>,
    child: Child,
    /// Not waited for before the group is killed, so that no other process can get its number until then.
    watch: Child,
}

impl Tied {
    /// Starts a program that ends when the returned value is dropped, or when this process ends.
    ///
    /// # Errors
    ///
    /// If there is no such program or folder, no permission, or no process or descriptor left.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let watch = watch.process_group(0).kill_on_drop(true).spawn()?;
        let group = watch.id().and_then(|id| i32::try_from(id).ok()).ok_or(io::ErrorKind::NotFound)?;
        let mut child = command.process_group(group).kill_on_drop(true).spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Ok(Self { stdin, stdout, stderr, child, watch })
    }

    /// Returns the process id of the program; `None` after its end.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends a signal to the program and to all that it has started.
    ///
    /// # Errors
    ///
    /// `NotFound` after the end.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let group = self.watch.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(kill_process_group(group.ok_or(io::ErrorKind::NotFound)?, signal)?)
    }

    /// Waits until the program ends, and kills the rest of its group.
    ///
    /// # Errors
    ///
    /// If the system does not report the end.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let status = self.child.wait().await?;
        // An error means that the group was killed before.
        let _killed_or_gone = self.signal(Signal::KILL);
        self.watch.wait().await?;
        Ok(status)
    }
}

impl Drop for Tied {
    fn drop(&mut self) {
        // An error means that no process of the group is left.
        let _killed_or_gone = self.signal(Signal::KILL);
    }
}
