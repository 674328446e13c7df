// SPDX-License-Identifier: 0BSD
//! `select!` and `timeout` drop what loses, and half a read with it. asyncio: `wait_for(reader.readexactly(n), ...)` keeps
//! it, in the reader's buffer.
//!
//! ```sh
//! cargo add tokio --features io-util,macros,time
//! ```
//!
//! # What you see
//!
//! Lines without their beginning, now and then, under load: the other branch was ready after a part of the line had come.
//! `read_line` keeps that part in its future until the line is whole.
//! Lesson: `but_half_a_line_is_lost_when_another_branch_is_quicker`.
//!
//! # What catches it
//!
//! Nothing. Tokio's docs say it under *Cancel safety*. Not cancel safe are `read_exact`, `read_line`, `read_to_end`,
//! `write_all`, and `mpsc::Sender::send`, which loses its message. A wait for a lock loses its place in line.
//!
//! # What to do
//!
//! Take the form that keeps what it has: `Lines::next_line`, or `next` of a `FramedRead`, which with a codec such as
//! `LinesCodec::new_with_max_length` limits a line as well. Or make the future once, before the loop, and let `select!`
//! have `&mut` of it. Or read in a task of its own and send what was read.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops the reader that it was given; the lines so far are with the caller.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::select;
use tokio::time::sleep;

/// Reads lines, and calls `idle` whenever none has come for a while. Half a line is lost each time.
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

/// Reads lines, and calls `idle` whenever none has come for a while.
///
/// # Errors
///
/// What the reader reports, and a line that is no text.
pub async fn fixed(
    reader: impl AsyncBufRead,
    patience: Duration,
    mut on_line: impl FnMut(&str),
    mut idle: impl FnMut(),
) -> io::Result<()> {
    let reader = pin!(reader);
    // They keep a line that has begun until the rest has come.
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
