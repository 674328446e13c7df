// SPDX-License-Identifier: 0BSD
//! Reads an item in several steps by an `async fn next(&mut self)`: `async def __anext__(self)`.
//!
//! ```sh
//! cargo add tokio --features io-util,rt
//! ```
//!
//! ```
//! use async_iterators::next_method::Paragraphs;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let events = "event: price\ndata: 7\n\n\ndata: bye\n";
//!     let mut paragraphs = Paragraphs::new(events.as_bytes());
//!     let mut lengths = Vec::new();
//!     while let Some(lines) = paragraphs.next().await? {
//!         lengths.push(lines.len());
//!     }
//!     assert_eq!(lengths, [2, 1]);
//!     Ok(())
//! }
//! ```
//!
//! This is the least that can be looped over: `while let Some(item) = reader.next().await? { ... }`, as tokio's own
//! readers and channels have it. It needs no pinning and may borrow from `self`. It is no `Stream`, so it has no `map`
//! or `take`; `futures::stream::try_unfold` makes a `Stream` of it.
//!
//! `tokio::io::Lines` is enough where an item is a line.
//!
//! An `async fn next` in a trait is stable. For a `dyn`, or a bound that its future is `Send`, take `Stream`. There is
//! no `async fn drop`: see `closable`.
//!
//! # Cancel safety
//!
//! [`Paragraphs::next`] is cancel safe: a line that has been read is in `self` before the next await, and `next_line`
//! itself loses none. In a local variable, the lines of half a paragraph would be dropped with the future.
//!
//! # Errors
//!
//! Those of the reader, and text that is not UTF-8. The lines before it are kept: `next` may be called again.

use std::{io, mem};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, Lines};
use tokio::task::coop::consume_budget;

/// The paragraphs of a text: lines with one or more empty lines around them, as server-sent events are.
///
/// A paragraph is held whole in memory, and so is a line. Cap the reader (`AsyncReadExt::take`) if its writer is not
/// to be trusted.
#[derive(Debug)]
pub struct Paragraphs<R> {
    lines: Lines<R>,
    /// What has been read of the next paragraph.
    paragraph: Vec<String>,
}

impl<R: AsyncBufRead + Unpin> Paragraphs<R> {
    /// Nothing is read before the first [`next`](Self::next).
    pub fn new(reader: R) -> Self {
        Self { lines: reader.lines(), paragraph: Vec::new() }
    }

    /// The lines of the next paragraph; `None` at the end of the text, and from then on.
    pub async fn next(&mut self) -> io::Result<Option<Vec<String>>> {
        loop {
            match self.lines.next_line().await? {
                Some(line) if !line.is_empty() => self.paragraph.push(line),
                _ if !self.paragraph.is_empty() => return Ok(Some(mem::take(&mut self.paragraph))),
                // Empty lines that are there already leave others their turn.
                Some(_empty) => consume_budget().await,
                None => return Ok(None),
            }
        }
    }
}
