// SPDX-License-Identifier: 0BSD
//! `block_on` inside asynchronous code panics. asyncio: "cannot be called from a running event loop".
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What you see
//!
//! The panic *Cannot start a runtime from within a runtime*. `futures::executor::block_on` does not check, and is worse: it
//! blocks the thread, and forever if its future needs that thread.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods` (on by default, but it has no effect until `clippy.toml` names the methods).
//!
//! # What to do
//!
//! Be asynchronous all the way up. A closure that has to wait becomes a loop with an await; a function that has to wait
//! becomes an `async fn`. From code that cannot be asynchronous, such as a `Drop` or a callback of a C library, start a
//! task. Or call that code with `spawn_blocking`, where `Handle::block_on` is allowed.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops the question under way.

use tokio::runtime::Handle;

/// Adds up the prices of all articles. The closure of `map` cannot await, so it blocks.
#[allow(clippy::disallowed_methods, reason = "the pitfall: where clippy.toml bans it, Clippy says so here")]
pub async fn broken<A, F: Future<Output = u32>>(
    articles: impl IntoIterator<Item = A>,
    price: impl Fn(A) -> F,
) -> u32 {
    let prices = articles.into_iter().map(|article| Handle::current().block_on(price(article)));
    prices.fold(0, u32::saturating_add)
}

/// Adds up the prices of all articles.
pub async fn fixed<A, F: Future<Output = u32>>(
    articles: impl IntoIterator<Item = A>,
    price: impl Fn(A) -> F,
) -> u32 {
    let mut sum: u32 = 0;
    for article in articles {
        sum = sum.saturating_add(price(article).await);
    }
    sum
}
