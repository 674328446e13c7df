// SPDX-License-Identifier: 0BSD
//! Two `async` blocks are put into one list.
//!
//! ```text
//! error[E0308]: mismatched types
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! A list has one type of item, and each `async` block is a type of its own.
//!
//! # What to do
//!
//! Box them: `.boxed()` makes one type of all. Calls of the same `async fn` have one type, and need no box.
//!
//! # Second best
//!
//! Use `join!`, which takes futures of any types. Take it when their number is fixed.

use futures::FutureExt;
use futures::future::join_all;

/// The boxes have one type.
pub async fn fixed() -> Vec<usize> {
    let home = async { 4 };
    let news = async { 7 };
    join_all(vec![home.boxed(), news.boxed()]).await
}

/// No list, and no box.
pub async fn second_best() -> Vec<usize> {
    let home = async { 4 };
    let news = async { 7 };
    let (home, news) = futures::join!(home, news);
    vec![home, news]
}
