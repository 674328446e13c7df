// SPDX-License-Identifier: 0BSD
//! Tasks of one thread that share what is not `Send`, without a lock: what every task of asyncio may do.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! `tokio::spawn` may run a task on any thread, so it takes futures that are `Send`; one that keeps an `Rc` or a
//! `RefCell` over an await is not. A task of `spawn_local` stays on its thread. It needs a place that keeps it there:
//! a `LocalRuntime`, as by `#[tokio::main(flavor = "local")]`, or, inside of any other runtime, a `LocalSet`.
//!
//! Between two awaits nobody else runs on this thread, so a `RefCell` cannot be found borrowed there. A borrow that is
//! kept over an await can, and panics; clippy warns of it.
//!
//! # Cancel safety
//!
//! Dropping the future aborts every load. What has been counted is lost with it.
//!
//! # Errors
//!
//! The [`JoinError`] of the first load that panicked; the others are dropped.
//!
//! # Panics
//!
//! Outside a `LocalRuntime` or a `LocalSet`, if there is anything to load.

use std::cell::RefCell;
use std::collections::BTreeMap;
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
        let (text, counts) = (load(page), counts.clone());
        tasks.spawn_local(async move {
            let text = text.await;
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
