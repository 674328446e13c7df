// SPDX-License-Identifier: 0BSD
//! Writes a program's stdin while reading its stdout, so that neither waits for the other: `communicate(input)`.
//!
//! ```sh
//! cargo add tokio --features io-util,macros,process,rt
//! ```
//!
//! ```
//! use std::process::Stdio;
//!
//! use subprocesses::talk::talk;
//! use tokio::process::Command;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let mut command = Command::new("sort");
//!     command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
//!     let mut child = command.spawn()?;
//!     let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { return Ok(()) };
//!     let mut sorted = Vec::new();
//!     talk(stdin, stdout, &b"b\na\n"[..], &mut sorted).await?;
//!     assert_eq!((child.wait().await?.code(), &sorted[..]), (Some(0), &b"a\nb\n"[..]));
//!     Ok(())
//! }
//! ```
//!
//! `write_all` and then `wait_with_output` is enough for an input under the 64 KiB that fit into a pipe.
//!
//! The input is any reader and the output any writer: bytes in memory, a file, a socket. If the program stops reading its
//! stdin, as `head` does, the rest of the input is not read, and that is no error. Read a piped stderr at the same time.
//!
//! It waits for a silent input even after the program has ended: race it with the wait for the program.
//!
//! # Cancel safety
//!
//! Dropping the future closes both pipes. The bytes in its two buffers of 8 KiB are lost.
//!
//! # Errors
//!
//! Those of the input, the output and the pipes. A program that stops reading is no error.
//!
//! # Cost
//!
//! Two buffers of 8 KiB, whatever the size of the input.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::coop::consume_budget;

/// Copies `input` into `stdin` and at the same time `stdout` into `output`, until both have ended. It closes `stdin` at the
/// end of the input. Returns the number of bytes written and read.
///
/// # Errors
///
/// Those of all four. It is no error if nothing reads `stdin`.
pub async fn talk<W, R>(
    mut stdin: W,
    mut stdout: R,
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> io::Result<(u64, u64)>
where
    W: AsyncWrite + Unpin,
    R: AsyncRead + Unpin,
{
    let write = async {
        let written = feed(&mut input, &mut stdin).await?;
        // The drop closes the pipe; `shutdown` would not.
        drop(stdin);
        Ok(written)
    };
    tokio::try_join!(write, collect(&mut stdout, &mut output))
}

async fn collect(
    stdout: &mut (impl AsyncRead + Unpin),
    output: &mut (impl AsyncWrite + Unpin),
) -> io::Result<u64> {
    let (mut chunk, mut collected) = (vec![0; 8 * 1024], 0);
    loop {
        let read = stdout.read(&mut chunk).await?;
        pass_on(&chunk[..read], output).await?;
        if read == 0 {
            return Ok(collected);
        }
        collected += read as u64;
        // `tokio::io::copy` gives no other task a turn between streams that are always ready.
        consume_budget().await;
    }
}

async fn feed(
    input: &mut (impl AsyncRead + Unpin),
    stdin: &mut (impl AsyncWrite + Unpin),
) -> io::Result<u64> {
    let (mut chunk, mut written) = (vec![0; 8 * 1024], 0);
    loop {
        let read = input.read(&mut chunk).await?;
        let done = match read {
            0 => stdin.shutdown().await,
            _ => pass_on(&chunk[..read], stdin).await,
        };
        match done {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            // As in asyncio, the rest is dropped if the program stops reading.
            Err(_) => return Ok(written),
            Ok(()) if read == 0 => return Ok(written),
            Ok(()) => written += read as u64,
        }
        // An input in memory is always ready: without this, it gives no other task a turn.
        consume_budget().await;
    }
}

/// Writes and flushes: one side may wait for these bytes before it sends more.
async fn pass_on(bytes: &[u8], writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}
