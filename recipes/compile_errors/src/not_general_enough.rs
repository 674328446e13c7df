// SPDX-License-Identifier: 0BSD
//! A stream's closure makes futures that borrow its items.
//!
//! ```text
//! error: implementation of `FnOnce` is not general enough
//! ```
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! For `Send`, rustc checks whether the closure takes an argument of any lifetime, but knows this of only one. That is
//! a limit of the compiler: the code is sound.
//!
//! # What to do
//!
//! Let the stream own its items, and move each into its future.
//!
//! # Second best
//!
//! Collect the futures first, then make a stream of them. Take it when the items have to stay borrowed. It makes all
//! futures at once, which is cheap until they are polled.

use futures::StreamExt;
use futures::stream;
use tokio::task::JoinError;

async fn load(name: &str) -> usize {
    name.len()
}

/// Each future owns its name.
pub async fn fixed() -> Result<Vec<usize>, JoinError> {
    let task = tokio::spawn(async {
        let names = vec!["home".to_owned(), "about".to_owned()];
        let lengths = stream::iter(names).map(|name| async move { load(&name).await }).buffered(2);
        lengths.collect().await
    });
    task.await
}

/// The closure that borrows belongs to an iterator, and is dropped before the first await.
pub async fn second_best() -> Result<Vec<usize>, JoinError> {
    let task = tokio::spawn(async {
        let names = ["home".to_owned(), "about".to_owned()];
        let work: Vec<_> = names.iter().map(|name| load(name)).collect();
        stream::iter(work).buffered(2).collect().await
    });
    task.await
}
