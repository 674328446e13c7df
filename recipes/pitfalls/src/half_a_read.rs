// SPDX-License-Identifier: 0BSD
//! `select!` and `timeout` drop the loser, and half a read with it. asyncio: `wait_for(reader.readexactly(n), ...)` keeps
//! that half in the reader's buffer.
//!
//! ```sh
//! cargo add tokio --features io-util,macros,time
//! ```
//!
//! # What you see
//!
//! Now and then, under load, a line lacks its beginning: the other branch was ready after a part of the line had come.
//! `read_line` keeps that part in its future until the line is complete.
//! Lesson: `but_half_a_line_is_lost_when_another_branch_is_quicker`.
//!
//! # What catches it
//!
//! Nothing. Tokio's docs say it under *Cancel safety*. These are not cancel safe: `read_exact`, `read_line`, `read_to_end`,
//! `write_all`, and `mpsc::Sender::send`, which loses its message. A dropped wait for a lock loses its position in the queue.
//!
//! # What to do
//!
//! Take a form that keeps the bytes it has: `Lines::next_line`, or `next` of a `FramedRead`. With a codec such as
//! `LinesCodec::new_with_max_length`, a `FramedRead` also limits a line. Or make the future once, before the loop, and give
//! `select!` a `&mut` of it. Or read in a separate task and send the lines.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops its reader; the caller keeps the lines so far.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::select;
use tokio::time::sleep;

/// Reads lines, and calls `idle` whenever no line has come for a while. Each call of `idle` loses half a line.
pub async fn broken(
    reader: impl AsyncBufRead,
    patience: Duration,
    mut on_line: impl FnMut(&str),
    mut idle: impl FnMut(),
) -> io::Result<()> {
    let mut reader = pin!(reader);
    loop {
        let mut line = String::new();
        select! {
            read = reader.read_line(&mut line) => match read? {
                0 => return Ok(()),
                _ => on_line(line.trim_end_matches(['\r', '\n'])),
            },
            () = sleep(patience) => idle(),
        }
    }
}

/// Reads lines, and calls `idle` whenever no line has come for a while.
///
/// # Errors
///
/// The error of the reader, or [`io::ErrorKind::InvalidData`] if a line is not UTF-8.
pub async fn fixed(
    reader: impl AsyncBufRead,
    patience: Duration,
    mut on_line: impl FnMut(&str),
    mut idle: impl FnMut(),
) -> io::Result<()> {
    let reader = pin!(reader);
    // `Lines` keeps the beginning of a line until the rest has come.
    let mut lines = reader.lines();
    loop {
        select! {
            line = lines.next_line() => match line? {
                None => return Ok(()),
                Some(line) => on_line(&line),
            },
            () = sleep(patience) => idle(),
        }
    }
}
