// SPDX-License-Identifier: 0BSD
//! Makes a stream from a state and a function that turns the state into an item and the next state: `unfold`. Python
//! has a generator for it.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use async_iterators::unfold::walk;
//! use futures::TryStreamExt;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let folders = async |folder: &&'static str| {
//!         anyhow::Ok(match *folder {
//!             "/" => vec!["/etc", "/home"],
//!             "/home" => vec!["/home/ada"],
//!             _ => vec![],
//!         })
//!     };
//!     let all: Vec<_> = walk("/", folders).try_collect().await?;
//!     assert_eq!(all, ["/", "/etc", "/home", "/home/ada"]);
//!     Ok(())
//! }
//! ```
//!
//! There is no macro, and the state holds all that lives from one item to the next. It is moved into the step and back
//! out of it, so the step may keep it across its awaits without a borrow. `try_unfold` is for steps that can fail,
//! `unfold` for those that cannot.
//!
//! A `generator` is shorter, if you accept a macro.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing: the step under way is kept in the stream, and the next `next()` goes on with it.
//!
//! # Errors
//!
//! Errors of `children`. The state went into the step that failed, so the stream ends after an error.

use std::collections::VecDeque;

use futures::{Stream, stream};
use tokio::task::coop::consume_budget;

/// Yields the nodes of a tree, parents before children and level by level. `children` is called for a node before that
/// node is yielded.
///
/// Nodes that are known and not yielded yet are in memory: at most the widest two levels.
pub fn walk<N, E>(
    root: N,
    children: impl AsyncFnMut(&N) -> Result<Vec<N>, E>,
) -> impl Stream<Item = Result<N, E>> {
    let waiting = VecDeque::from([root]);
    stream::try_unfold((waiting, children), async |(mut waiting, mut children)| {
        let Some(node) = waiting.pop_front() else { return Ok(None) };
        // The children may be known at once: let other tasks have a turn.
        consume_budget().await;
        waiting.extend(children(&node).await?);
        Ok(Some((node, (waiting, children))))
    })
}
