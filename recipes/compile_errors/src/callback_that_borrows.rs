// SPDX-License-Identifier: 0BSD
//! An async callback borrows its argument.
//!
//! ```text
//! error: lifetime may not live long enough
//! ```
//!
//! It needs no crate.
//!
//! # What it means
//!
//! The bound requires one type of future for all lifetimes of `&str`. A future that keeps the borrow has one type for
//! each lifetime.
//!
//! # What to do
//!
//! Take `impl AsyncFnOnce(&str) -> usize` (or `AsyncFn`, `AsyncFnMut`), and pass `async |page| ...`.
//!
//! # Second best
//!
//! Give the callback a value that it owns. Take it when the future has to be `Send`, as in a task: a bound on an
//! `AsyncFn` cannot require that yet.

async fn with_page(callback: impl AsyncFnOnce(&str) -> usize) -> usize {
    let page = String::from("home");
    callback(&page).await
}

/// The bound lets the future borrow the argument.
pub async fn fixed() -> usize {
    with_page(async |page| page.len()).await
}

async fn with_own_page<Callback, Work>(callback: Callback) -> usize
where
    Callback: FnOnce(String) -> Work,
    Work: Future<Output = usize> + Send,
{
    callback(String::from("home")).await
}

/// The future owns its data.
pub async fn second_best() -> usize {
    with_own_page(|page| async move { page.len() }).await
}
