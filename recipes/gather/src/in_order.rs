// SPDX-License-Identifier: 0BSD
//! Loads many things at once and returns the results in the order of the inputs: `asyncio.gather(*aws)`.
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! ```
//! use gather::in_order::in_order;
//!
//! async fn fetch(page: &str) -> String {
//!     format!("<{page}>") // simulates a request
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let pages = in_order(["home", "news", "help"], fetch).await;
//!     for page in pages {
//!         println!("{page}"); // <home>, <news>, <help>
//!     }
//! }
//! ```
//!
//! `tokio::join!` is enough for a fixed number of futures, of any types. For a list, `futures::future::join_all` is
//! enough, as here.
//!
//! One task polls all the futures in turn: their waiting overlaps, their computing does not.
//!
//! # Cancel safety
//!
//! Dropping the future drops every load, as cancelling a `gather` cancels its children. Results that are ready and not
//! returned yet are dropped too.
//!
//! # Panics
//!
//! A panic in one load unwinds through the others and drops them. The pattern `every_outcome` keeps them apart.
//!
//! # Differences from asyncio
//!
//! - `gather` makes tasks of its coroutines when it is called. Here no load starts before the first `.await`.
//! - Each child of a `gather` is a task. Here all loads run on the caller's task, on one core.
//! - `gather` can keep any exception as a result. Here an `Err` is a result, and a panic is not.

use futures::future::join_all;

/// Loads every key at once. Returns the results in the order of `keys`, whichever load finished first.
///
/// Without keys it returns an empty `Vec` at once.
pub async fn in_order<K, F>(keys: impl IntoIterator<Item = K>, load: impl Fn(K) -> F) -> Vec<F::Output>
where
    F: Future,
{
    join_all(keys.into_iter().map(load)).await
}
