// SPDX-License-Identifier: 0BSD
//! Runs children that borrow from their parent, and find more children: `asyncio.TaskGroup` over a local variable.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::collections::HashMap;
//!
//! use task_groups::borrow::reachable;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let site = HashMap::from([("/", vec!["/faq", "/news"]), ("/news", vec!["/", "/news/1"])]);
//!     let links = |page| {
//!         let links = site.get(page).cloned(); // borrows: no Arc, no move
//!         async move { anyhow::Ok(links.unwrap_or_default()) }
//!     };
//!     let pages = reachable("/", links).await?;
//!     assert_eq!(pages, ["/", "/faq", "/news", "/news/1"].into());
//!     Ok(())
//! }
//! ```
//!
//! A task may outlive its spawner, which can be dropped at any await, and run on another thread. So `tokio::spawn` takes no
//! future that borrows (E0373, E0597). A child that borrows has to live inside the future of its parent: the parent polls
//! it, and it is dropped with the parent.
//!
//! The children take turns on the parent's task: they wait at the same time, but while one computes, the others do not run.
//! They need no `Arc`, no lock and no `Send`. When the function returns, no child is left, also after an error or a
//! cancellation.
//!
//! The crate moro has a scope whose children borrow, and also polls them on the caller's task. async-scoped turns them into
//! tasks, and its safe form blocks the thread until they end. The reason: a future may be dropped or leaked
//! (`mem::forget`), and its tasks would use freed memory. So no safe `spawn` borrows, awaits, and runs on all cores.
//!
//! `tokio::try_join!` is enough for a fixed number of children, `futures::future::try_join_all` for a list.
//!
//! # Cancel safety
//!
//! Dropping the future drops every child at its await. There is nothing to wait for.
//!
//! # Errors
//!
//! The first error in time. The other children are dropped then.
//!
//! # Panics
//!
//! A panic in a child goes on in the caller at once; the other children are dropped.

use std::collections::HashSet;
use std::hash::Hash;

use futures::TryStreamExt;
use futures::stream::FuturesUnordered;
use tokio::task::coop::consume_budget;

/// Finds everything that can be reached from `start`. It asks each key for its `links` once, all known keys at the same time.
pub async fn reachable<K, E, F>(start: K, links: impl Fn(K) -> F) -> Result<HashSet<K>, E>
where
    K: Clone + Eq + Hash,
    F: Future<Output = Result<Vec<K>, E>>,
{
    let mut found = HashSet::from([start.clone()]);
    let mut children = FuturesUnordered::from_iter([links(start)]);
    while let Some(linked) = children.try_next().await? {
        for next in linked {
            if found.insert(next.clone()) {
                children.push(links(next));
            }
        }
        // Children that are always ready would let no other task run.
        consume_budget().await;
    }
    Ok(found)
}
