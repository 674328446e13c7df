// SPDX-License-Identifier: 0BSD
//! Makes a stream from a state and a function that takes the state to an item and the next state: `unfold`, in Python a
//! generator too.
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
//! There is no macro, and all that lives across an item is written down: the state. It is moved into the step and back
//! out of it, so the step may keep it across its awaits without a borrow. `try_unfold` is for steps that can fail,
//! `unfold` for those that cannot.
//!
//! A `generator` is enough, and shorter, where a macro is welcome.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing: the step under way is kept in the stream, and the next `next()` goes on with it.
//!
//! # Errors
//!
//! Those of `children`. The state went into the step that failed: after an error the stream is over.

use std::collections::VecDeque;

use futures::{Stream, stream};
use tokio::task::coop::consume_budget;

/// The nodes of a tree, parents before children and level by level. `children` is asked about a node before that node
/// is given out.
///
/// Nodes that are known and not given out yet are in memory: at most the widest two levels.
pub fn walk<N, E>(
    root: N,
    children: impl AsyncFnMut(&N) -> Result<Vec<N>, E>,
) -> impl Stream<Item = Result<N, E>> {
    let waiting = VecDeque::from([root]);
    stream::try_unfold((waiting, children), async |(mut waiting, mut children)| {
        let Some(node) = waiting.pop_front() else { return Ok(None) };
        // Children that are known at once leave others their turn.
        consume_budget().await;
        waiting.extend(children(&node).await?);
        Ok(Some((node, (waiting, children))))
    })
}
