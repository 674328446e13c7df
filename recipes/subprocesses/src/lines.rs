// SPDX-License-Identifier: 0BSD
//! Reads the lines of a program as they come, stdout and stderr apart or together in order: `async for line in stdout`.
//!
//! ```sh
//! cargo add tokio --features io-util,macros,net,process,rt
//! ```
//!
//! ```
//! use subprocesses::lines::{LINE, OutputLines, together};
//! use tokio::{io::empty, process::Command};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let mut command = Command::new("sh");
//!     command.args(["-c", "echo one; echo two >&2; printf thr"]).kill_on_drop(true);
//!     let output = together(&mut command)?;
//!     let mut child = command.spawn()?;
//!     drop(command); // it holds the pipe open
//!     let mut lines = OutputLines::new(output, empty(), LINE);
//!     while let Some(line) = lines.next().await? {
//!         println!("{}", String::from_utf8_lossy(&line.text));
//!     }
//!     assert!(child.wait().await?.success());
//!     Ok(())
//! }
//! ```
//!
//! `AsyncBufReadExt::lines` on `child.stdout` is enough for one pipe, short lines, and text that is UTF-8.
//!
//! Most programs write whole blocks if stdout is no terminal, so their lines come late. `stdbuf -oL`, `python -u` or the
//! pattern `terminal` help. Two pipes have no common order. One pipe keeps the order in which the program wrote.
//!
//! The lines end when every process that has the pipe has closed it. A background job may hold it open after the program's
//! end: end its group, as the patterns `run` and `group` do.
//!
//! # Cancel safety
//!
//! Dropping `next` loses no byte: the part of a line that has come stays here.
//!
//! # Errors
//!
//! Those of the pipes. A long line is no error: it comes in parts.
//!
//! # Cost
//!
//! Two buffers of 8 KiB, and at most `limit` bytes for each pipe.
#![cfg(unix)]

use std::io;
use std::num::NonZeroUsize;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::unix::pipe::{Receiver, pipe};
use tokio::process::Command;
use tokio::task::coop::consume_budget;

/// A usual limit on the length of a line: 64 KiB, as in a `StreamReader`.
pub const LINE: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();

/// The pipe of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The first of the two pipes.
    Stdout,
    /// The second one.
    Stderr,
}

/// The reason why a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A `\n`, which is not part of the text.
    Newline,
    /// The limit. The next text from the same pipe continues the line.
    Limit,
    /// The end of the pipe: the text is half a line.
    Pipe,
}

/// A line, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The pipe that it is from.
    pub source: Source,
    /// The bytes before the end.
    pub text: Vec<u8>,
    /// The reason why it ended.
    pub end: End,
}

/// Lets `command` write stdout and stderr into one pipe, and returns the other end: `stderr=STDOUT`. Drop the command
/// after `spawn`, or the pipe never ends.
///
/// # Errors
///
/// If no descriptor is left.
pub fn together(command: &mut Command) -> io::Result<Receiver> {
    let (sender, receiver) = pipe()?;
    let sender = sender.into_blocking_fd()?;
    command.stdout(Stdio::from(sender.try_clone()?)).stderr(Stdio::from(sender));
    Ok(receiver)
}

/// Reads the lines of two pipes. If you have one pipe, give `tokio::io::empty()` as the other.
#[derive(Debug)]
pub struct OutputLines<O, E> {
    stdout: Pipe<O>,
    stderr: Pipe<E>,
}

impl<O: AsyncRead + Unpin, E: AsyncRead + Unpin> OutputLines<O, E> {
    /// Reads lines of at most `limit` bytes; a longer one comes in parts.
    pub fn new(stdout: O, stderr: E, limit: NonZeroUsize) -> Self {
        Self { stdout: Pipe::new(stdout, limit), stderr: Pipe::new(stderr, limit) }
    }

    /// Returns the next line of either pipe; `None` when both have ended.
    ///
    /// # Errors
    ///
    /// Those of the pipes.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        // A buffer has thousands of short lines: without this, a loop over them lets no other task run.
        consume_budget().await;
        loop {
            let (source, line) = tokio::select! {
                line = self.stdout.next(), if !self.stdout.is_over => (Source::Stdout, line?),
                line = self.stderr.next(), if !self.stderr.is_over => (Source::Stderr, line?),
                else => return Ok(None),
            };
            if let Some((text, end)) = line {
                return Ok(Some(Line { source, text, end }));
            }
        }
    }
}

#[derive(Debug)]
struct Pipe<R> {
    reader: BufReader<R>,
    limit: usize,
    /// The part of a line that has come.
    text: Vec<u8>,
    is_over: bool,
}

impl<R: AsyncRead + Unpin> Pipe<R> {
    fn new(reader: R, limit: NonZeroUsize) -> Self {
        Self { reader: BufReader::new(reader), limit: limit.get(), text: Vec::new(), is_over: false }
    }

    async fn next(&mut self) -> io::Result<Option<(Vec<u8>, End)>> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                self.is_over = true;
                let text = std::mem::take(&mut self.text);
                return Ok((!text.is_empty()).then_some((text, End::Pipe)));
            }
            let room = self.limit - self.text.len();
            let (part, used, end) = match chunk.iter().position(|byte| *byte == b'\n') {
                Some(at) if at <= room => (at, at + 1, Some(End::Newline)),
                // Only the byte after the last one shows whether the line goes on.
                _ if chunk.len() > room => (room, room, Some(End::Limit)),
                _ => (chunk.len(), chunk.len(), None),
            };
            self.text.extend_from_slice(&chunk[..part]);
            self.reader.consume(used);
            if let Some(end) = end {
                return Ok(Some((std::mem::take(&mut self.text), end)));
            }
            // A long line whose bytes are always there. What has come of it is kept.
            consume_budget().await;
        }
    }
}
