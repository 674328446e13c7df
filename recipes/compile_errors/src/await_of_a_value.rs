// SPDX-License-Identifier: 0BSD
//! A plain function's result is awaited.
//!
//! ```text
//! error[E0277]: `usize` is not a future
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! The function is not `async`: it has returned its value already.
//!
//! # What to do
//!
//! Remove the `.await`.
//!
//! # Second best
//!
//! `std::future::ready(value)` is a future that is done. Take it when an interface needs a future, such as a callback.

use std::future::ready;

use futures::future::join;

fn length(page: &str) -> usize {
    page.len()
}

/// A plain call.
pub async fn fixed() -> usize {
    length("home")
}

/// `join` needs futures.
pub async fn second_best() -> usize {
    let (one, other) = join(ready(length("home")), async { 3 }).await;
    one.max(other)
}
