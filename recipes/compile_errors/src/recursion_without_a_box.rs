// SPDX-License-Identifier: 0BSD
//! An `async fn` calls itself.
//!
//! ```text
//! error[E0733]: recursion in an async fn requires boxing
//! ```
//!
//! It needs no crate.
//!
//! # What it means
//!
//! A future holds the future that it awaits, so this one would hold itself and have no size.
//!
//! # What to do
//!
//! Box the inner call: `Box::pin(count(link)).await`. In a task, rustc may refuse it as not `Send`; then return
//! `BoxFuture` instead of `async fn`.
//!
//! # Second best
//!
//! Keep a list of the remaining work, and loop. Take it when the depth comes from outside: a deep recursion of boxed
//! futures overflows the stack when it is polled or dropped.

struct Page {
    links: Vec<Page>,
}

fn home() -> Page {
    let news = Page { links: Vec::new() };
    Page { links: vec![news] }
}

async fn count(page: &Page) -> usize {
    let mut pages = 1;
    for link in &page.links {
        pages += Box::pin(count(link)).await;
    }
    pages
}

/// Each inner call has a box of its own.
pub async fn fixed() -> usize {
    count(&home()).await
}

async fn count_in_a_loop(page: &Page) -> usize {
    let (mut pages, mut left) = (0, vec![page]);
    while let Some(page) = left.pop() {
        pages += 1;
        left.extend(&page.links);
    }
    pages
}

/// The depth is the length of a list.
pub async fn second_best() -> usize {
    count_in_a_loop(&home()).await
}
