// SPDX-License-Identifier: 0BSD
//! A task borrows a variable of its caller.
//!
//! ```text
//! error[E0373]: async block may outlive the current function, but it borrows `pages`, which is owned by the current function
//! ```
//!
//! ```sh
//! cargo add tokio --features macros,rt
//! ```
//!
//! # What it means
//!
//! A task may run on when its caller has returned, so it cannot borrow the caller's variables.
//!
//! # What to do
//!
//! `async move`: the task owns the variable. The caller keeps a clone of an `Arc` if it needs the value too.
//!
//! # Second best
//!
//! Spawn no task: futures in a `join!` may borrow. Take it when the work needs no core of its own.

use tokio::task::{JoinError, yield_now};

/// The task owns the list.
pub async fn fixed() -> Result<usize, JoinError> {
    let pages = Vec::from(["home", "news"]);
    let task = tokio::spawn(async move {
        yield_now().await;
        pages.len()
    });
    task.await
}

/// Two futures of the caller's own task share the list.
pub async fn second_best() -> (usize, bool) {
    let pages = Vec::from(["home", "news"]);
    let count = async {
        yield_now().await;
        pages.len()
    };
    tokio::join!(count, async { pages.contains(&"home") })
}
