// SPDX-License-Identifier: 0BSD
//! A stream borrows from a variable of its function.
//!
//! ```text
//! error[E0597]: `names` does not live long enough
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! The variable ends with the function, and the stream is used after that.
//!
//! # What to do
//!
//! Let the stream own the items: replace `iter` with `into_iter`. A generator of async-stream owns the values that move
//! into it.
//!
//! # Second best
//!
//! Take the list as an argument, by reference: the caller keeps it. Take it when the caller needs the list, too.

use futures::stream::{self, Stream, StreamExt};

fn lengths() -> impl Stream<Item = usize> {
    let names = vec!["home".to_owned(), "about".to_owned()];
    stream::iter(names.into_iter().map(|name| name.len()))
}

/// The stream owns the names.
pub async fn fixed() -> Vec<usize> {
    lengths().collect().await
}

fn lengths_of(names: &[String]) -> impl Stream<Item = usize> + use<'_> {
    stream::iter(names.iter().map(|name| name.len()))
}

/// The caller owns the names, and outlives the stream.
pub async fn second_best() -> Vec<usize> {
    let names = ["home".to_owned(), "about".to_owned()];
    lengths_of(&names).collect().await
}
