// SPDX-License-Identifier: 0BSD
//! A task holds a borrow of a `RefCell` over an await.
//!
//! ```text
//! error: future cannot be sent between threads safely
//! ```
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! At an await a task may move to another thread, and a `RefCell` counts its borrows for only one thread.
//!
//! # What to do
//!
//! Borrow after the await, for one line.
//!
//! # Second best
//!
//! Use no cell: the task owns the value and changes it. Take it when only one task uses the value.

use std::cell::RefCell;

use tokio::task::{JoinError, yield_now};

/// No borrow is left at the await.
pub async fn fixed() -> Result<usize, JoinError> {
    let task = tokio::spawn(async {
        let pages = RefCell::new(vec!["home"]);
        yield_now().await;
        pages.borrow_mut().push("news");
        pages.into_inner().len()
    });
    task.await
}

/// An owner needs no cell.
pub async fn second_best() -> Result<usize, JoinError> {
    let task = tokio::spawn(async {
        let mut pages = vec!["home"];
        yield_now().await;
        pages.push("news");
        pages.len()
    });
    task.await
}
