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
//! A page is fetched when its first item is asked for. To fetch it while the page before it is being handled, put
//! `prefetch` between the two: `items(prefetch(pages(first, fetch), ahead))`.
//!
//! A `while let Some(cursor) = next` loop is enough where one function fetches and handles the pages.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing: the fetch under way and the rest of a page are kept in the stream.
//!
//! # Errors
//!
//! Those of `fetch`. Every item of the pages before it is given out first, then the error, then the stream is over. It
//! does not try again: a retry belongs into `fetch`, where the cursor is known.

use futures::stream::{self, Stream, TryStreamExt};
use tokio::task::coop::consume_budget;

/// One answer of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// Any number of items, also none.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<C>,
}

/// The pages from the cursor `first` on. One is fetched at a time, for its cursor comes with the page before it.
pub fn pages<T, C, E, F>(first: C, fetch: impl FnMut(C) -> F) -> impl Stream<Item = Result<Vec<T>, E>>
where
    F: Future<Output = Result<Page<T, C>, E>>,
{
    stream::try_unfold((Some(first), fetch), async |(cursor, mut fetch)| {
        let Some(cursor) = cursor else { return Ok(None) };
        let page = fetch(cursor).await?;
        // Pages that are ready leave others their turn.
        consume_budget().await;
        Ok(Some((page.items, (page.next, fetch))))
    })
}

/// The items of `pages`, one by one.
pub fn items<T, E>(pages: impl Stream<Item = Result<Vec<T>, E>>) -> impl Stream<Item = Result<T, E>> {
    // These pages need not be those of `pages`: empty ones that are ready leave others their turn, too.
    let pages = pages.and_then(async |items| {
        consume_budget().await;
        Ok(items)
    });
    pages.map_ok(|items| stream::iter(items.into_iter().map(Ok))).try_flatten()
}
