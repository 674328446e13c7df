// SPDX-License-Identifier: 0BSD
//! Awaits one after the other wait one after the other. asyncio: `for page in pages: await fetch(page)`.
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What you see
//!
//! The right results, late: three pages of 100 ms take 300 ms. A list of futures that were made before the loop changes
//! nothing, for a future does not begin before it is awaited. In asyncio a list of tasks does begin.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! `join!` and `try_join!` for a fixed number, `join_all` for a short list, the recipe `gather` for a long one: so many at
//! a time. Leave a loop where each step needs the one before it.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops every fetch that is under way.

use futures::future::try_join_all;

/// Fetches each page when the one before it is there.
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
