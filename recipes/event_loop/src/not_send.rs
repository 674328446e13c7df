// SPDX-License-Identifier: 0BSD
//! Runs tasks on one thread that share values without `Send` and without a lock, as every task of asyncio may.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use event_loop::not_send::word_counts;
//! use tokio::task::LocalSet;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let pages = ["to be or", "not to be"];
//!     let load = async |page: &'static str| page.to_owned(); // a request
//!     let counts = LocalSet::new().run_until(word_counts(pages, load)).await?;
//!     assert_eq!((counts["to"], counts["be"], counts["or"]), (2, 2, 1));
//!     Ok(())
//! }
//! ```
//!
//! `tokio::spawn` may run a task on any thread, so it takes futures that are `Send`. A future that keeps an `Rc` or a
//! `RefCell` over an await is not. A task of `spawn_local` stays on its thread. It needs a `LocalRuntime`, as made by
//! `#[tokio::main(flavor = "local")]`, or, inside any other runtime, a `LocalSet`.
//!
//! `futures::future::join_all` is enough if the futures need not be tasks: such futures may share values that are not
//! `Send`.
//!
//! Between two awaits no other task runs on this thread, so no other task finds the `RefCell` borrowed. If a borrow is
//! kept over an await, another task may find it and panic; clippy warns of it.
//!
//! # Cancel safety
//!
//! Dropping the future aborts every load, and loses the counts.
//!
//! # Errors
//!
//! The [`JoinError`] of the first load that panicked; the others are dropped.
//!
//! # Panics
//!
//! [`word_counts`] panics outside a `LocalRuntime` or a `LocalSet`, unless there are no pages.
//!
//! # Differences from asyncio
//!
//! - Every task of asyncio may share anything. Here tasks of `spawn_local` may (lesson
//!   `tasks_of_one_thread_share_a_table_without_a_lock`).
//! - Two tasks that change a table over an await lose an update silently. Here the second borrow panics.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use tokio::task::{JoinError, JoinSet};

/// Loads every page at the same time, and counts the words of all in one table.
pub async fn word_counts<P, F>(
    pages: impl IntoIterator<Item = P>,
    load: impl Fn(P) -> F,
) -> Result<BTreeMap<String, usize>, JoinError>
where
    F: Future<Output = String> + 'static,
{
    let counts = Rc::new(RefCell::new(BTreeMap::new()));
    let mut tasks = JoinSet::new();
    for page in pages {
        // A panic before the future exists counts as a panic of its task, too.
        let (text, counts) = (catch_unwind(AssertUnwindSafe(|| load(page))), counts.clone());
        tasks.spawn_local(async move {
            let text = text.unwrap_or_else(|panic| resume_unwind(panic)).await;
            // Borrowed here, after the await, and not before it.
            let mut counts = counts.borrow_mut();
            for word in text.split_whitespace() {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(counts.take())
}
