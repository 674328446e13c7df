// SPDX-License-Identifier: 0BSD
//! Load many things at the same time, and get the results in the order of the inputs: `asyncio.gather(*aws)`.
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! One task polls all the futures in turn, so their waiting overlaps and their computing does not. Nothing starts
//! before the first `.await`: a future is lazy, where asyncio's `gather` has made tasks of its arguments already.
//!
//! # Cancel safety
//!
//! Dropping the future drops every load with it, as cancelling a `gather` cancels its children.
//!
//! # Panics
//!
//! A panic in one load unwinds through the others and drops them. `every_outcome` keeps them apart.

use futures::future::join_all;

/// Loads every key at the same time. The results stand in the order of `keys`, whichever load finished first.
///
/// No keys, no waiting: the result is an empty `Vec` at once.
pub async fn in_order<K, F>(keys: impl IntoIterator<Item = K>, load: impl Fn(K) -> F) -> Vec<F::Output>
where
    F: Future,
{
    join_all(keys.into_iter().map(load)).await
}
