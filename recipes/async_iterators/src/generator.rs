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
//! exception ends a generator. `stream!` is the same without errors. What is yielded may be awaited for; the consumer
//! pins the stream: `let mut changes = pin!(changes(...))`.
//!
//! A task with an `mpsc` channel is enough where the values have to be made while the consumer is busy.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing: the stream keeps how far the function is, and the next `next()` goes on there.
//! Dropping the stream drops the function where it is: what comes after that `yield` or `.await` never runs, `Drop` of
//! its variables excepted.
//!
//! # Errors
//!
//! Those of `load`. The values before it have been given out; after it the stream is over.

use std::time::Duration;

use async_stream::try_stream;
use futures::Stream;
use tokio::time::sleep;

/// Loads a value again and again, with a `pause` after each load, and gives it out when it differs from the one
/// before. `None` from `load` ends the stream.
///
/// The next load starts a `pause` after the consumer has come back, however late it is: loads that were missed are
/// not made up for.
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
