// SPDX-License-Identifier: 0BSD
//! Runs a program and collects its output, up to a limit: `create_subprocess_exec` and `communicate`.
//!
//! ```sh
//! cargo add rustix --features process
//! cargo add thiserror
//! cargo add tokio --features io-util,macros,process,rt
//! ```
//!
//! ```
//! use subprocesses::run::{checked, run};
//! use tokio::process::Command;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut command = Command::new("sh");
//!     command.args(["-c", "echo \"hello $1\"", "sh", "world"]);
//!     let output = checked(run(command, 1_000_000).await?)?; // at most a megabyte
//!     assert_eq!(output.stdout, b"hello world\n");
//!     Ok(())
//! }
//! ```
//!
//! `Command::output`, with `kill_on_drop(true)`, is enough for a program that writes little and starts no others.
//!
//! The program leads a process group of its own, and reads an empty stdin. When it ends, the rest of its group is killed,
//! so a background job that holds stdout open does not block the caller. Ctrl-C reaches only the caller. Start a process
//! that must live on in a group of its own, as with `setsid`.
//!
//! # Cancel safety
//!
//! Dropping `run` kills the group. Tokio reaps the program in the background.
//!
//! # Errors
//!
//! [`RunError`]. If the program fails, the output has its status; [`checked`] turns it into an error.
//!
//! A file that a process still has open for writing cannot start: `ExecutableFileBusy`. Try again, or let a shell read it.
//!
//! A program may inherit that SIGCHLD is ignored. Then the status is lost, and the error is `ECHILD`. To prevent that, call
//! `tokio::signal::unix::signal(SignalKind::child())` at the start of `main`.
//!
//! # Differences from asyncio
//!
//! Nothing starts before the first poll, as with a coroutine. `Command::output` starts the program when it is called.
//!
//! # Cost
//!
//! One process, two pipes, and at most `limit` bytes per pipe.
#![cfg(unix)]

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output, Stdio};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not start: no such program or folder, no permission, no process or descriptor left.
    #[error("cannot start it")]
    Start(#[source] io::Error),
    /// It wrote more than the limit, and was killed.
    #[error("it has written more than {limit} bytes")]
    TooMuch {
        /// In bytes, for stdout and for stderr.
        limit: usize,
        /// The text on stdout, up to the limit.
        stdout: Vec<u8>,
        /// The text on stderr, up to the limit.
        stderr: Vec<u8>,
    },
    /// A pipe failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A program has failed (`CalledProcessError`). Its message has the last line of stderr.
#[derive(Debug, thiserror::Error)]
pub struct Failed {
    /// The program's output and status.
    pub output: Output,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stderr = String::from_utf8_lossy(&self.output.stderr);
        match stderr.trim_end().lines().next_back() {
            Some(line) => write!(f, "{}: {line}", self.output.status),
            None => write!(f, "{}", self.output.status),
        }
    }
}

/// Returns an error if the status of an output is not 0: `check=True`.
///
/// # Errors
///
/// [`Failed`], with the output and the status.
pub fn checked(output: Output) -> Result<Output, Failed> {
    if output.status.success() { Ok(output) } else { Err(Failed { output }) }
}

/// Returns asyncio's `returncode`: the exit code, or the negative number of the signal that ended the program.
pub fn returncode(status: ExitStatus) -> i32 {
    // A status of an ended program has one of the two. For neither, asyncio reports 255.
    status.code().or(status.signal().map(|signal| -signal)).unwrap_or(255)
}

/// Runs `command` to its end and collects its output: at most `limit` bytes of stdout, and as many of stderr.
///
/// # Errors
///
/// See [`RunError`].
pub async fn run(mut command: Command, limit: usize) -> Result<Output, RunError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(RunError::Start)?;
    let group = Group::of(&child);
    let mut stdout = Collected::new(child.stdout.take(), limit);
    let mut stderr = Collected::new(child.stderr.take(), limit);
    let ended = async {
        let both = async { tokio::try_join!(stdout.read(), stderr.read()) };
        tokio::select! {
            biased;
            // Either both pipes have ended, and the program may still run, or one is over the limit.
            read = both => read.map(|_| ())?,
            status = child.wait() => return Ok(status?),
        }
        Ok::<_, Stop>(child.wait().await?)
    };
    let ended = ended.await;
    // In the same step as the wait, before another process can get the number.
    drop(group);
    let ended = ended.and_then(|status| {
        stdout.read_rest()?;
        stderr.read_rest()?;
        Ok(status)
    });
    let (stdout, stderr) = (stdout.bytes, stderr.bytes);
    match ended {
        Ok(status) => Ok(Output { status, stdout, stderr }),
        Err(Stop::TooMuch) => {
            child.wait().await?;
            Err(RunError::TooMuch { limit, stdout, stderr })
        }
        Err(Stop::Io(error)) => Err(error.into()),
    }
}

/// Why the reading stopped.
enum Stop {
    TooMuch,
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The bytes read from a pipe.
struct Collected<R> {
    pipe: Option<R>,
    bytes: Vec<u8>,
    limit: usize,
}

impl<R: AsyncRead + AsFd + Unpin> Collected<R> {
    fn new(pipe: Option<R>, limit: usize) -> Self {
        Self { pipe, bytes: Vec::new(), limit }
    }

    /// Reads until the end, or until there is more than the limit.
    async fn read(&mut self) -> Result<(), Stop> {
        let mut chunk = vec![0; 8 * 1024];
        while let Some(pipe) = &mut self.pipe {
            let read = pipe.read(&mut chunk).await?;
            self.add(&chunk[..read])?;
        }
        Ok(())
    }

    /// Reads the rest of the pipe without waiting, because a process that has left the group may hold it open.
    fn read_rest(&mut self) -> Result<(), Stop> {
        let mut chunk = [0; 8 * 1024];
        while let Some(pipe) = &self.pipe {
            match rustix::io::read(pipe, &mut chunk) {
                Ok(read) => self.add(&chunk[..read])?,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(Stop::Io(error.into())),
            }
        }
        Ok(())
    }

    /// An empty chunk is the end.
    fn add(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if chunk.is_empty() {
            self.pipe = None;
        }
        let room = self.limit - self.bytes.len();
        self.bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() <= room { Ok(()) } else { Err(Stop::TooMuch) }
    }
}

/// The process group that a program leads. Dropping it kills the group.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // An error means that no process of the group is left.
        let _killed_or_gone = self.0.map(|leader| kill_process_group(leader, Signal::KILL));
    }
}
