// SPDX-License-Identifier: 0BSD
//! Makes a generator that receives a value at each `yield`: `asend`, and `athrow` if that value is a `Result`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use async_iterators::two_way::{Caller, two_way};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mut average = two_way(|mut value: f64, mut caller: Caller<f64, f64>| async move {
//!         let (mut sum, mut count) = (0.0, 0.0);
//!         loop {
//!             (sum, count) = (sum + value, count + 1.0);
//!             value = caller.give(sum / count).await;
//!         }
//!     });
//!     assert_eq!(average.send(10.0).await, Some(10.0));
//!     assert_eq!(average.send(20.0).await, Some(15.0));
//! }
//! ```
//!
//! The body is an async function that reads like a conversation, with its state in local variables: `let answer =
//! caller.give(item).await`. It runs inside [`TwoWay::send`], on the sender's task, and pauses between two sends. The
//! first value sent is an argument of the body, so no `asend(None)` comes first.
//!
//! An `async fn step(&mut self, input)` of a struct is enough if the body is a loop around one `give`. If the body has
//! to run between two sends, make it a task with a channel of requests, each with a `oneshot` for its answer.
//!
//! # Cancel safety
//!
//! A [`TwoWay::send`] that is dropped before its first poll does nothing. A later drop ends the generator, as a
//! cancelled `asend` does: it would be unknown which value the next item answers. The body's variables are dropped at
//! once.
//!
//! # Panics
//!
//! A panic of the body resumes in [`TwoWay::send`], and ends the generator.
//!
//! # Differences from asyncio
//!
//! - The first `asend` must send `None`. Here the first value is the body's argument (lesson
//!   `the_first_value_sent_reaches_the_body`).
//! - A cancelled `asend` ends the generator. So does a dropped `send` (lesson `a_send_that_is_dropped_half_way_ends_it`).
//! - Two `anext` at once raise `RuntimeError`. Here `send` takes `&mut`, so a second one does not compile.

use std::future::{pending, poll_fn};

use futures::FutureExt;
use futures::future::{BoxFuture, Fuse};
use tokio::sync::mpsc;

/// The body's side of the conversation.
#[derive(Debug)]
pub struct Caller<I, T> {
    inputs: mpsc::Receiver<I>,
    items: mpsc::Sender<T>,
}

impl<I, T> Caller<I, T> {
    /// Gives `item` to the sender and returns the next value sent: `answer = yield item`.
    pub async fn give(&mut self, item: T) -> I {
        let _sent = self.items.send(item).await;
        match self.inputs.recv().await {
            Some(input) => input,
            // The generator is dropped, and the body with it, unless the body has moved its [`Caller`] to a task.
            None => pending().await,
        }
    }
}

/// A generator that takes a value for each item.
#[must_use = "the body does nothing unless it is sent a value"]
pub struct TwoWay<'a, I, T> {
    inputs: mpsc::Sender<I>,
    items: mpsc::Receiver<T>,
    /// `None` while a send is under way, and after one that was dropped or panicked.
    body: Option<Fuse<BoxFuture<'a, ()>>>,
}

/// Makes a generator of `body`, which gets the first value sent and a [`Caller`] to give items to.
pub fn two_way<'a, I, T, F>(body: impl FnOnce(I, Caller<I, T>) -> F + Send + 'a) -> TwoWay<'a, I, T>
where
    F: Future<Output = ()> + Send + 'a,
    I: Send + 'a,
    T: Send + 'a,
{
    let (inputs, mut received) = mpsc::channel(1);
    let (given, items) = mpsc::channel(1);
    let body = async move {
        if let Some(first) = received.recv().await {
            body(first, Caller { inputs: received, items: given }).await;
        }
    };
    TwoWay { inputs, items, body: Some(body.boxed().fuse()) }
}

impl<I, T> TwoWay<'_, I, T> {
    /// Sends `value` to the `give` at which the body waits, and returns the item that the body gives next. Returns
    /// `None` if the body returns instead, and for every send after that.
    pub async fn send(&mut self, value: I) -> Option<T> {
        // Taken: a send that is dropped or panics leaves no body behind.
        let mut body = self.body.take()?;
        // There is room: a body that gave an item had received the value before it. Otherwise the body has returned.
        self.inputs.try_send(value).ok()?;
        let item = poll_fn(|cx| {
            // Both, in this order: the item is there as soon as the body has given it. A body that returns drops its
            // sender, which ends the wait for an item.
            let _ended = body.poll_unpin(cx);
            self.items.poll_recv(cx)
        })
        .await;
        self.body = Some(body);
        item
    }
}
