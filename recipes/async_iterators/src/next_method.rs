// SPDX-License-Identifier: 0BSD
//! Reads each item in several steps with an `async fn next(&mut self)`: `async def __anext__(self)`.
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
//! Such a method is all that a loop needs: `while let Some(item) = reader.next().await? { ... }`. Tokio's own readers
//! and channels have one. It needs no pinning and may borrow from `self`. The type is no `Stream`, so it has no `map`
//! or `take`; `futures::stream::try_unfold` makes a `Stream` of it.
//!
//! `tokio::io::Lines` is enough if an item is a line.
//!
//! A trait may have an `async fn next`. If you need a `dyn` trait, or a bound that the future is `Send`, take `Stream`.
//! There is no `async fn drop`: see `closable`.
//!
//! # Cancel safety
//!
//! [`Paragraphs::next`] is cancel safe: a line that has been read is in `self` before the next await, and `next_line`
//! itself loses none. In a local variable, the lines of half a paragraph would be dropped with the future.
//!
//! # Errors
//!
//! Errors of the reader, and text that is not UTF-8. The lines before an error are kept: `next` may be called again.

use std::{io, mem};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, Lines};
use tokio::task::coop::consume_budget;

/// The paragraphs of a text: lines with one or more empty lines around them, as server-sent events are.
///
/// A whole paragraph is kept in memory, however long its lines are. Cap the reader (`AsyncReadExt::take`) if you do not
/// trust its writer.
#[derive(Debug)]
pub struct Paragraphs<R> {
    lines: Lines<R>,
    /// The lines read so far of the next paragraph.
    paragraph: Vec<String>,
}

impl<R: AsyncBufRead + Unpin> Paragraphs<R> {
    /// Takes the reader. The first [`next`](Self::next) begins to read.
    pub fn new(reader: R) -> Self {
        Self { lines: reader.lines(), paragraph: Vec::new() }
    }

    /// Returns the lines of the next paragraph; `None` at the end of the text, and from then on.
    pub async fn next(&mut self) -> io::Result<Option<Vec<String>>> {
        loop {
            match self.lines.next_line().await? {
                Some(line) if !line.is_empty() => self.paragraph.push(line),
                _ if !self.paragraph.is_empty() => return Ok(Some(mem::take(&mut self.paragraph))),
                // Empty lines may all be there already: let other tasks have a turn.
                Some(_empty) => consume_budget().await,
                None => return Ok(None),
            }
        }
    }
}
