// SPDX-License-Identifier: 0BSD
//! Two branches change one list.
//!
//! ```text
//! error[E0499]: cannot borrow `pages` as mutable more than once at a time
//! ```
//!
//! ```sh
//! cargo add tokio --features macros,rt
//! ```
//!
//! # What it means
//!
//! Each branch holds its `&mut` as long as its future lives, and only one `&mut` may exist at a time.
//!
//! # What to do
//!
//! Let each branch return its part, and change the list when they are done.
//!
//! # Second best
//!
//! Use a `RefCell`, borrowed for one line and never over an await; in tasks a `Mutex`. Take it when the branches have
//! to see each other's changes.

use std::cell::RefCell;

use tokio::task::yield_now;

async fn load(page: &'static str) -> &'static str {
    yield_now().await;
    page
}

/// The list is changed by its owner.
pub async fn fixed() -> Vec<&'static str> {
    let (home, news) = tokio::join!(load("home"), load("news"));
    vec![home, news]
}

async fn add(pages: &RefCell<Vec<&'static str>>, page: &'static str) {
    yield_now().await;
    pages.borrow_mut().push(page);
}

/// Each branch borrows the list for one line.
pub async fn second_best() -> Vec<&'static str> {
    let pages = RefCell::new(Vec::new());
    tokio::join!(add(&pages, "home"), add(&pages, "news"));
    let mut pages = pages.into_inner();
    // The branches of a `join!` take turns in being first.
    pages.sort_unstable();
    pages
}
