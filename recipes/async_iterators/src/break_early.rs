// SPDX-License-Identifier: 0BSD
//! Leaves a loop before the stream has ended, and says what is released and when: `break` in an `async for`.
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
//! The owner of the stream decides. A stream that is given by value is dropped when the loop is left, and all that it
//! holds is released at once. asyncio releases it when the generator is collected. A stream that is lent as `&mut`
//! stays where it is, and the next loop goes on behind the item at which this one stopped.
//!
//! A `while let Some(item) = source.next().await` with a `break` is enough where nothing is held.
//!
//! A drop runs no code of a generator behind its `yield`, and can await nothing. What is released without waiting (a
//! permit, a lease of a pool, a file) goes into a guard: [`holding`]. What has to wait is a case for `closable`.
//!
//! # Cancel safety
//!
//! [`first_match`] over a `&mut` is cancel safe, except for the items it has passed over already. By value, dropping it
//! drops the stream.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};
use tokio::task::coop::consume_budget;

/// The first item that is `wanted`; `None` when the stream ends without one.
pub async fn first_match<S: Stream>(source: S, mut wanted: impl FnMut(&S::Item) -> bool) -> Option<S::Item> {
    let mut source = pin!(source);
    while let Some(item) = source.next().await {
        if wanted(&item) {
            return Some(item);
        }
        // A source that is always ready leaves others their turn.
        consume_budget().await;
    }
    None
}

pin_project_lite::pin_project! {
    /// The items of a stream, and what is held for as long as they come.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Holding<S, G> {
        // The order of the fields is the order of their drop: what reads goes before what it reads from.
        #[pin]
        source: Option<S>,
        guard: Option<G>,
    }
}

/// Gives the items of `source` and holds `guard` until the last of them, or until the stream is dropped.
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
            // Now, and not when the consumer gets round to dropping a stream that has no more to give.
            this.source.set(None);
            *this.guard = None;
        }
        Poll::Ready(item)
    }
}
