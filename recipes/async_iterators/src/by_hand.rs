// SPDX-License-Identifier: 0BSD
//! Implements a stream by hand, for cases that no generator covers: a class with `__aiter__` and `__anext__`.
//!
//! ```sh
//! cargo add futures
//! cargo add pin-project-lite
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use async_iterators::by_hand::Countdown;
//! use futures::{Stream, StreamExt};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let countdown = Countdown::new(3, Duration::from_millis(1));
//!     assert_eq!(countdown.size_hint(), (3, Some(3)));
//!     let numbers: Vec<u32> = countdown.collect().await;
//!     assert_eq!(numbers, [3, 2, 1]);
//! }
//! ```
//!
//! Such a stream has a type with a name, so it can be a field of a struct. It knows how many items are left
//! (`size_hint`), and needs no allocation. A generator is shorter, and enough for most streams: write one first.
//!
//! `poll_next` obeys one rule: before it returns `Pending`, something must have stored `cx`'s waker. Here the sleep
//! stores it, because it is polled with this `cx`. A stream that returns `Pending` without that is never polled again.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses no number: the stream keeps the time left and the next number.
//!
//! # Differences from asyncio
//!
//! - A generator has no length. A hand-written stream may say how many items are left (lesson
//!   `it_knows_how_much_is_left_and_a_generator_does_not`).

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use futures::stream::FusedStream;
use tokio::time::{Sleep, sleep};

pin_project_lite::pin_project! {
    /// Yields the numbers from `from` down to 1, each a period after the one before it was taken.
    ///
    /// A consumer that is late gets the next number later, never two at once. After 1 the stream is over, and stays
    /// over however often it is polled.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Countdown {
        left: u32,
        period: Duration,
        // A timer is part of a list in the runtime and must not be moved: pinning the stream pins it.
        #[pin]
        until_next: Sleep,
    }
}

impl Countdown {
    /// Starts the countdown: the first number comes a `period` from now. A `from` of 0 makes an empty stream.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime with time.
    pub fn new(from: u32, period: Duration) -> Self {
        Self { left: from, period, until_next: sleep(period) }
    }
}

impl Stream for Countdown {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        let mut this = self.project();
        let Some(left) = this.left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        ready!(this.until_next.as_mut().poll(cx));
        this.until_next.set(sleep(*this.period));
        Poll::Ready(Some(mem::replace(this.left, left)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.left as usize;
        (left, Some(left))
    }
}

impl FusedStream for Countdown {
    fn is_terminated(&self) -> bool {
        self.left == 0
    }
}
