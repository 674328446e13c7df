// SPDX-License-Identifier: 0BSD
//! Waits for the first of two futures of different types, and keeps the other: `asyncio.wait` with `FIRST_COMPLETED`.
//!
//! ```sh
//! cargo add tokio --features macros
//! ```
//!
//! ```
//! use std::pin::pin;
//! use std::time::Duration;
//!
//! use gather::first_completed::{First, first_completed};
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let ms = Duration::from_millis;
//!     let mut page = pin!(async {
//!         sleep(ms(20)).await;
//!         "<home>"
//!     });
//!     let mut hint = pin!(sleep(ms(5)));
//!     let page = match first_completed(&mut page, &mut hint).await {
//!         First::Left(page) => page,
//!         First::Right(()) => page.await, // here: "still loading"; the same load goes on
//!     };
//!     println!("{page}");
//! }
//! ```
//!
//! Without this file: write the `select!` of [`first_completed`] in your own function, with a branch for each future.
//! Take the pattern `wait` for a list of tasks.
//!
//! At its end `select!` drops the futures that it owns. `select! { page = load() => .., () = sleep(..) => .. }` cancels
//! the load that loses, and detaches a `JoinHandle` that loses. So pin the futures first and pass references:
//! `&mut page`. A borrowed loser pauses until it is awaited again; a spawned task runs on.
//!
//! With `biased;` the branches are polled from top to bottom. Without it, `select!` begins at a random branch, which is
//! fair to futures that are always ready.
//!
//! # Cancel safety
//!
//! [`first_completed`] is cancel safe: both futures are the caller's. Dropping [`each_as_it_comes`] drops the futures
//! that are not done.
//!
//! # Panics
//!
//! An `async fn` that has returned panics when it is polled again: await the loser, never the winner. In a loop, a
//! condition after each branch (`, if ...`) ensures that.
//!
//! # Differences from asyncio
//!
//! - `asyncio.wait` reports all that are done in one instant. Here the left one comes first; the right one is ready at
//!   its await.
//! - In asyncio the losers are tasks and run on. Here a loser runs on while it is awaited, or if it is a spawned task.

use std::pin::pin;

/// Which future completed first, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First<A, B> {
    /// The left one completed.
    Left(A),
    /// The right one completed; the left one has not.
    Right(B),
}

/// Waits until one of the two has completed. The other is still the caller's, to be awaited later.
pub async fn first_completed<A, B>(left: &mut A, right: &mut B) -> First<A::Output, B::Output>
where
    A: Future + Unpin,
    B: Future + Unpin,
{
    tokio::select! {
        biased;
        value = left => First::Left(value),
        value = right => First::Right(value),
    }
}

/// Runs both on this task and passes each value to `on_value` as soon as it is ready.
pub async fn each_as_it_comes<A, B>(left: A, right: B, mut on_value: impl FnMut(First<A::Output, B::Output>))
where
    A: Future,
    B: Future,
{
    let (mut left, mut right) = (pin!(left), pin!(right));
    let (mut left_is_done, mut right_is_done) = (false, false);
    while !(left_is_done && right_is_done) {
        tokio::select! {
            biased;
            value = &mut left, if !left_is_done => {
                left_is_done = true;
                on_value(First::Left(value));
            }
            value = &mut right, if !right_is_done => {
                right_is_done = true;
                on_value(First::Right(value));
            }
        }
    }
}
