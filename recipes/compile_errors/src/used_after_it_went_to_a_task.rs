// SPDX-License-Identifier: 0BSD
//! A variable is used after it went into a task.
//!
//! ```text
//! error[E0382]: borrow of moved value: `pages`
//! ```
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! `async move` gave the value to the task, and a value has one owner.
//!
//! # What to do
//!
//! Share it in an `Arc`, with a clone for the task. A small value may be cloned itself.
//!
//! # Second best
//!
//! Get it back: the task returns it with its result. Take it when the caller waits for the task in any case.

use std::sync::Arc;

use tokio::task::JoinError;

/// Both have a share of the list.
pub async fn fixed() -> Result<(usize, usize), JoinError> {
    let pages = Arc::new(vec!["home", "news"]);
    let for_the_task = Arc::clone(&pages);
    let task = tokio::spawn(async move { for_the_task.len() });
    Ok((task.await?, pages.len()))
}

/// The list comes back.
pub async fn second_best() -> Result<(usize, usize), JoinError> {
    let pages = vec!["home", "news"];
    let task = tokio::spawn(async move { (pages.len(), pages) });
    let (count, pages) = task.await?;
    Ok((count, pages.len()))
}
