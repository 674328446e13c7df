// SPDX-License-Identifier: 0BSD
//! Reads lines of a limited length: `StreamReader.readline` and `readuntil`, with `limit`.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features io-util,rt
//! ```
//!
//! ```
//! use streams::lines::{LineError, Lines};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), LineError> {
//!     let mut lines = Lines::new(&b"first\nmuch too long\nthird\n"[..], 5);
//!     assert_eq!(lines.next().await?.as_deref(), Some(&b"first"[..]));
//!     assert!(matches!(lines.next().await, Err(LineError::TooLong { limit: 5 })));
//!     assert_eq!(lines.next().await?.as_deref(), Some(&b"third"[..])); // the long line is skipped
//!     assert_eq!(lines.next().await?, None);
//!     Ok(())
//! }
//! ```
//!
//! `AsyncBufReadExt::lines` is enough for a peer that you trust: it has no limit. `LinesCodec::new_with_max_length` has a
//! limit. After a line that is too long, its stream returns `None` once, which looks like the end.
//!
//! # Cancel safety
//!
//! Dropping `next` loses no byte: the part of a line that has come stays here, as in a `StreamReader`. Only the rest of a
//! line that is too long is skipped, and its error is reported once.
//!
//! # Cost
//!
//! At most twice `limit` bytes, because a `Vec` doubles when it grows, and a buffer of 8 KiB. The peer cannot exceed that.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::task::coop::consume_budget;

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The line is longer than the limit (`LimitOverrunError`). The next call skips the rest of it.
    #[error("a line is longer than {limit} bytes")]
    TooLong {
        /// In bytes, without the `\n`.
        limit: usize,
    },
    /// The stream has ended within a line (`IncompleteReadError`). The next call says that it has ended.
    #[error("the stream has ended within a line")]
    Unfinished {
        /// The bytes of the line that have come.
        partial: Vec<u8>,
    },
    /// The stream has failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The lines of a stream.
#[derive(Debug)]
pub struct Lines<R> {
    reader: BufReader<R>,
    limit: usize,
    line: Vec<u8>,
    is_skipping: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads lines of at most `limit` bytes, not counting the `\n`.
    pub fn new(reader: R, limit: usize) -> Self {
        Self { reader: BufReader::new(reader), limit, line: Vec::new(), is_skipping: false }
    }

    /// Returns the next line without its `\n` or `\r\n`; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`LineError`]. After `TooLong` the next call goes on with the next line.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        loop {
            // A buffer has thousands of short lines: without this, a loop over them lets no other task run.
            consume_budget().await;
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                let partial = std::mem::take(&mut self.line);
                return if partial.is_empty() { Ok(None) } else { Err(LineError::Unfinished { partial }) };
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let was_skipping = self.is_skipping;
            let fits = !was_skipping && part.len() <= self.limit - self.line.len();
            if fits {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if fits {
                if end.is_none() {
                    continue;
                }
                let mut line = std::mem::take(&mut self.line);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            self.line = Vec::new();
            self.is_skipping = end.is_none();
            if !was_skipping {
                return Err(LineError::TooLong { limit: self.limit });
            }
        }
    }
}
