// SPDX-License-Identifier: 0BSD
//! Writes a stream as a function with `yield` in it: `async def` with `yield`.
//!
//! ```sh
//! cargo add async-stream
//! cargo add futures
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use async_iterators::generator::changes;
//! use futures::TryStreamExt;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut sensor = [20, 20, 21, 20].into_iter();
//!     let load = || {
//!         let degree = sensor.next();
//!         async move { anyhow::Ok(degree) }
//!     };
//!     let degrees: Vec<_> = changes(load, Duration::from_millis(1)).try_collect().await?;
//!     assert_eq!(degrees, [20, 21, 20]);
//!     Ok(())
//! }
//! ```
//!
//! `try_stream!` is for items that are a `Result`. A `?` yields the error as the last item and ends the stream, as an
//! exception ends a generator. `stream!` is the same without errors. The body may await before each `yield`. The
//! consumer pins the stream: `let mut changes = pin!(changes(...))`.
//!
//! If the values have to be made while the consumer is busy, a task with an `mpsc` channel is enough.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing: the stream keeps the function's state, and the next `next()` goes on there.
//! Dropping the stream drops the function where it is. The code after that `yield` or `.await` never runs; the
//! variables are dropped.
//!
//! # Errors
//!
//! Errors of `load`. The values before the error are yielded first; after it the stream ends.

use std::time::Duration;

use async_stream::try_stream;
use futures::Stream;
use tokio::time::sleep;

/// Loads a value again and again, with a `pause` after each load, and yields it if it differs from the one before.
/// `None` from `load` ends the stream.
///
/// The next load starts a `pause` after the consumer asks again, however late that is. Missed loads are not made up
/// for.
pub fn changes<T, E, F>(mut load: impl FnMut() -> F, pause: Duration) -> impl Stream<Item = Result<T, E>>
where
    F: Future<Output = Result<Option<T>, E>>,
    T: Clone + PartialEq,
{
    try_stream! {
        let mut last = None;
        while let Some(value) = load().await? {
            if last.as_ref() != Some(&value) {
                last = Some(value.clone());
                yield value;
            }
            sleep(pause).await;
        }
    }
}
