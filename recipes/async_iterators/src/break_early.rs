// SPDX-License-Identifier: 0BSD
//! Leaves a loop before the stream has ended, and shows what is released when: `break` in an `async for`.
//!
//! ```sh
//! cargo add futures
//! cargo add pin-project-lite
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_iterators::break_early::{first_match, holding};
//! use futures::{StreamExt, stream};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mut degrees = stream::iter([18, 30, 21]);
//!     assert_eq!(first_match(&mut degrees, |degree| *degree > 25).await, Some(30));
//!     assert_eq!(degrees.next().await, Some(21)); // lent: it goes on here
//!
//!     let lease = Arc::new("a connection of a pool");
//!     let rows = holding(lease.clone(), stream::iter([1, 2, 3]));
//!     assert_eq!(first_match(rows, |row| *row == 2).await, Some(2));
//!     assert_eq!(Arc::strong_count(&lease), 1); // given: it is dropped
//! }
//! ```
//!
//! The owner of the stream decides. If the loop owns the stream, leaving it drops the stream and releases all that it
//! holds at once. asyncio releases it when the generator is collected. If the loop borrows the stream as `&mut`, the
//! stream stays. The next loop goes on after the item at which this one stopped.
//!
//! A `while let Some(item) = source.next().await` with a `break` is enough if the stream holds nothing.
//!
//! A drop runs no code of a generator after its `yield`, and cannot await. A resource that is released without waiting
//! (a permit, a lease of a pool, a file) goes into a guard: [`holding`]. If the release has to wait, take `closable`.
//!
//! # Cancel safety
//!
//! [`first_match`] over a `&mut` is cancel safe, except for the items it has already skipped. By value, dropping it
//! drops the stream.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};
use tokio::task::coop::consume_budget;

/// Returns the first item that is `wanted`; `None` if the stream ends without one.
pub async fn first_match<S: Stream>(source: S, mut wanted: impl FnMut(&S::Item) -> bool) -> Option<S::Item> {
    let mut source = pin!(source);
    while let Some(item) = source.next().await {
        if wanted(&item) {
            return Some(item);
        }
        // The source may always be ready: let other tasks have a turn.
        consume_budget().await;
    }
    None
}

pin_project_lite::pin_project! {
    /// The items of a stream, and the guard that is held until the last of them.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Holding<S, G> {
        // Fields are dropped in this order: the reader before the resource it reads from.
        #[pin]
        source: Option<S>,
        guard: Option<G>,
    }
}

/// Yields the items of `source` and holds `guard` until the last of them, or until the stream is dropped.
///
/// Either way `source` is dropped first, then `guard`. After the end the stream stays at the end.
pub fn holding<S: Stream, G>(guard: G, source: S) -> Holding<S, G> {
    Holding { source: Some(source), guard: Some(guard) }
}

impl<S: Stream, G> Stream for Holding<S, G> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let Some(source) = this.source.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let item = ready!(source.poll_next(cx));
        if item.is_none() {
            // Dropped now: the consumer may keep the ended stream for long.
            this.source.set(None);
            *this.guard = None;
        }
        Poll::Ready(item)
    }
}
