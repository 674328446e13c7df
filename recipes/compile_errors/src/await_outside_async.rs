// SPDX-License-Identifier: 0BSD
//! `.await` in a plain closure or function.
//!
//! ```text
//! error[E0728]: `await` is only allowed inside `async` functions and blocks
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! The closure of `map` is a function of its own, and not an async one.
//!
//! # What to do
//!
//! A `for` loop that awaits: one after the other, as the list comprehension does.
//!
//! # Second best
//!
//! Collect futures, and await them together: `join_all`. Take it when they may run at the same time.

use futures::future::join_all;

async fn load(name: &str) -> usize {
    name.len()
}

/// A loop is a part of the function around it.
pub async fn fixed() -> Vec<usize> {
    let mut lengths = Vec::new();
    for name in ["home", "about"] {
        lengths.push(load(name).await);
    }
    lengths
}

/// The closure makes futures, and one await is outside of it.
pub async fn second_best() -> Vec<usize> {
    join_all(["home", "about"].map(load)).await
}
