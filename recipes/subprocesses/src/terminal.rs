// SPDX-License-Identifier: 0BSD
//! Runs a program that needs a terminal: Python's `pty.openpty` with `create_subprocess_exec`.
//!
//! ```sh
//! cargo add rustix --features process,pty,termios
//! cargo add tokio --features macros,net,process,rt
//! ```
//!
//! ```
//! use subprocesses::terminal::{Size, Terminal, command};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let mut stty = command("stty");
//!     stty.arg("size");
//!     let mut terminal = Terminal::spawn(stty, Size { rows: 24, columns: 80 })?;
//!     let (mut output, mut chunk) = (Vec::new(), [0; 1024]);
//!     while let read @ 1.. = terminal.read(&mut chunk).await? {
//!         output.extend_from_slice(&chunk[..read]);
//!     }
//!     assert_eq!((terminal.wait().await?.code(), &output[..]), (Some(0), &b"24 80\r\n"[..]));
//!     Ok(())
//! }
//! ```
//!
//! `script -qec COMMAND /dev/null`, started like any program, is enough if the program only has to see a terminal.
//!
//! The program leads a session of its own, with this terminal as its controlling terminal. A written `\x03` is its Ctrl-C,
//! and `\x04` the end of its input. A new terminal echoes its input, and ends lines with `\r\n`. stdout and stderr are one
//! stream.
//!
//! A session without unsafe code needs the program `setsid` of util-linux, which each Linux has. If `setsid` does not find
//! the program, it prints that on the terminal and ends with 127.
//!
//! # Cancel safety
//!
//! Dropping `read` loses nothing. A dropped `write` may have written a part. Dropping the [`Terminal`] kills the program's
//! group; the system sends SIGHUP to the terminal's foreground group.
//!
//! # Errors
//!
//! Those of the system. Linux reports the end of a terminal as `EIO`; here it is a normal end.
//!
//! # Cost
//!
//! One process, one descriptor, and one of the 4,096 terminals that Linux has.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitStatus;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::process::{Child, Command};

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// A program, and our end of its terminal.
#[derive(Debug)]
pub struct Terminal {
    /// A pipe of Tokio, because it watches any descriptor without unsafe code of ours. A terminal is read and written alike.
    reader: Receiver,
    writer: Sender,
    child: Child,
    /// `None` once the group is killed, because another process may then have its number.
    leader: Option<Pid>,
}

/// Makes a command for [`Terminal::spawn`]; add arguments to it. The program becomes the leader of a session.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setsid");
    // -c: stdin becomes its controlling terminal.
    command.arg("-c").arg(program);
    command
}

impl Terminal {
    /// Starts a command from [`command`] on a new terminal.
    ///
    /// # Errors
    ///
    /// If there is no `setsid`, or no terminal, process or descriptor left.
    pub fn spawn(mut command: Command, size: Size) -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let no_control = i32::try_from(OFlags::NOCTTY.bits()).map_err(io::Error::other)?;
        let mut options = OpenOptions::new();
        let theirs = options.read(true).write(true).custom_flags(no_control);
        let theirs = theirs.open(OsStr::from_bytes(name.as_bytes()))?;
        tcsetwinsize(&ours, winsize(size))?;
        fcntl_setfl(&ours, fcntl_getfl(&ours)? | OFlags::NONBLOCK)?;
        let writer = Sender::from_owned_fd_unchecked(ours.try_clone()?)?;
        let reader = Receiver::from_owned_fd_unchecked(ours)?;
        command.stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(theirs);
        // No group here: `setsid` must not lead one yet, or it would fork.
        let child = command.kill_on_drop(true).spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(Self { reader, writer, child, leader })
    }

    /// Reads the program's output, and the echo of its input. Returns the number of bytes; 0 is the end.
    ///
    /// # Errors
    ///
    /// Those of the terminal.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.reader.readable().await?;
            match self.reader.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Linux: no process has the other end open.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => return Ok(0),
                read => return read,
            }
        }
    }

    /// Writes text as if a person typed it.
    ///
    /// # Errors
    ///
    /// Those of the terminal.
    pub async fn write(&self, mut text: &[u8]) -> io::Result<()> {
        while !text.is_empty() {
            self.writer.writable().await?;
            match self.writer.try_write(text) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => text = &text[written?..],
            }
        }
        Ok(())
    }

    /// Changes the size, which the system reports to the program by SIGWINCH.
    ///
    /// # Errors
    ///
    /// Those of the terminal.
    pub fn resize(&self, size: Size) -> io::Result<()> {
        Ok(tcsetwinsize(&self.reader, winsize(size))?)
    }

    /// Waits until the program ends, and kills the rest of its group. Read meanwhile, because a full terminal stops the program.
    ///
    /// # Errors
    ///
    /// If the system does not report the end.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // In the same step, before another process can get the number.
        self.kill();
        Ok(status)
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // An error means that no process of the group is left, or that `setsid` was not there yet.
            let _killed_or_gone = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.kill();
    }
}

fn winsize(size: Size) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}
