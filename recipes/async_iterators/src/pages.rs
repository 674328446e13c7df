// SPDX-License-Identifier: 0BSD
//! Yields the items of a source that returns pages, each with the cursor of the next one. In asyncio: an `async def`
//! that yields from page after page.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use async_iterators::pages::{Page, items, pages};
//! use futures::TryStreamExt;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let fetch = async |cursor: u32| {
//!         let items = vec![cursor * 10, cursor * 10 + 1]; // a request
//!         anyhow::Ok(Page { items, next: (cursor < 3).then_some(cursor + 1) })
//!     };
//!     let orders: Vec<_> = items(pages(1, fetch)).try_collect().await?;
//!     assert_eq!(orders, [10, 11, 20, 21, 30, 31]);
//!     Ok(())
//! }
//! ```
//!
//! A page is fetched when the consumer asks for its first item. To fetch it while the page before it is handled, put
//! `prefetch` between the two: `items(prefetch(pages(first, fetch), ahead))`.
//!
//! A `while let Some(cursor) = next` loop is enough if one function fetches and handles the pages.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing: the stream keeps the fetch under way and the rest of a page.
//!
//! # Errors
//!
//! Errors of `fetch`. The stream first yields every item of the pages before, then the error, and then ends. It does
//! not try again: a retry belongs into `fetch`, which knows the cursor.

use futures::stream::{self, Stream, TryStreamExt};
use tokio::task::coop::consume_budget;

/// One answer of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// Any number of items, even zero.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<C>,
}

/// Yields the pages from the cursor `first` on. It fetches one at a time, because the cursor comes with the page
/// before.
pub fn pages<T, C, E, F>(first: C, fetch: impl FnMut(C) -> F) -> impl Stream<Item = Result<Vec<T>, E>>
where
    F: Future<Output = Result<Page<T, C>, E>>,
{
    stream::try_unfold((Some(first), fetch), async |(cursor, mut fetch)| {
        let Some(cursor) = cursor else { return Ok(None) };
        let page = fetch(cursor).await?;
        // The pages may all be ready: let other tasks have a turn.
        consume_budget().await;
        Ok(Some((page.items, (page.next, fetch))))
    })
}

/// Yields the items of `pages`, one by one.
pub fn items<T, E>(pages: impl Stream<Item = Result<Vec<T>, E>>) -> impl Stream<Item = Result<T, E>> {
    // These pages may come from elsewhere, all empty and ready: let other tasks have a turn here, too.
    let pages = pages.and_then(async |items| {
        consume_budget().await;
        Ok(items)
    });
    pages.map_ok(|items| stream::iter(items.into_iter().map(Ok))).try_flatten()
}
