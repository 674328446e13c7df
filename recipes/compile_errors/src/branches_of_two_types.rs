// SPDX-License-Identifier: 0BSD
//! Two branches give two futures.
//!
//! ```text
//! error[E0308]: `if` and `else` have incompatible types
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! Each `async fn` and each `async` block has a future type of its own, and an `if` or a `match` has one type.
//!
//! # What to do
//!
//! Await in each branch: the values have one type.
//!
//! # Second best
//!
//! `left_future()` and `right_future()` make one type of two, without a box. Take it when the future itself is passed
//! on. For three or more futures take `.boxed()`.

use futures::FutureExt;

async fn from_memory() -> &'static str {
    "kept"
}

async fn from_disk() -> &'static str {
    "read"
}

/// The branches give values.
pub async fn fixed() -> &'static str {
    let is_kept = true;
    if is_kept { from_memory().await } else { from_disk().await }
}

/// The branches give one type of future.
pub async fn second_best() -> &'static str {
    let is_kept = true;
    let work = if is_kept { from_memory().left_future() } else { from_disk().right_future() };
    work.await
}
