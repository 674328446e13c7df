// SPDX-License-Identifier: 0BSD
//! Awaits in a loop wait one after the other. asyncio: `for page in pages: await fetch(page)`.
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What you see
//!
//! The results are right but late: three pages of 100 ms take 300 ms. Making all futures before the loop does not help,
//! because a future does not begin before it is awaited. In asyncio, tasks made before the loop do begin.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Take `join!` and `try_join!` for a fixed number, `join_all` for a short list, and the recipe `gather` with a limit for a
//! long list. Keep the loop if each step needs the result of the step before.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops every fetch under way.

use futures::future::try_join_all;

/// Fetches each page after the page before it.
pub async fn broken<K, T, E, F>(
    pages: impl IntoIterator<Item = K>,
    fetch: impl Fn(K) -> F,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut fetched = Vec::new();
    for page in pages {
        fetched.push(fetch(page).await?);
    }
    Ok(fetched)
}

/// Fetches all pages at the same time; the results are in the order of the pages.
///
/// # Errors
///
/// The first error in time. The other fetches are dropped.
pub async fn fixed<K, T, E, F>(
    pages: impl IntoIterator<Item = K>,
    fetch: impl Fn(K) -> F,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    try_join_all(pages.into_iter().map(fetch)).await
}
