// SPDX-License-Identifier: 0BSD
//! Works on the items of a stream, at most `limit` at a time: `async for` with a set of tasks and a bound on it.
//!
//! ```sh
//! cargo add async-stream
//! cargo add futures
//! cargo add tokio --features macros,rt
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::Duration;
//!
//! use async_iterators::consume::in_order;
//! use futures::{TryStreamExt, stream};
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let ten = const { NonZeroUsize::new(10).unwrap() };
//!     let lengths = in_order(stream::iter(["home", "a", "faq"]), ten, async |page| {
//!         sleep(Duration::from_millis(1)).await; // a request
//!         anyhow::Ok(page.len())
//!     });
//!     assert_eq!(lengths.try_collect::<Vec<_>>().await?, [4, 1, 3]);
//!     Ok(())
//! }
//! ```
//!
//! For one item at a time, `while let Some(item) = source.next().await { work(item).await }` is enough. It asks for an
//! item when the one before it is handled, so the source runs at the consumer's pace.
//!
//! With a limit it is the same: an item is taken from the source when there is room. A result makes room when the
//! consumer asks for the next one, not when that result is computed. So results that wait for the consumer are bounded
//! too. The work runs on tasks: it goes on while the consumer is busy. The work of `futures::StreamExt::buffered` stops
//! then; `buffered(limit)` is enough for a consumer that is never busy.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing. Dropping the stream drops the source and aborts the work.
//!
//! # Errors
//!
//! The first error in time aborts the rest of the work, and is yielded as soon as that has ended. Then the stream ends.
//! Results that waited for an earlier one are dropped. An error of the source does the same if `work` returns it.
//!
//! # Panics
//!
//! A panic in the work resumes in the consumer and aborts the rest.

use std::collections::BTreeMap;
use std::future::ready;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::pin;

use async_stream::try_stream;
use futures::{Stream, StreamExt};
use tokio::task::coop::{consume_budget, unconstrained};
use tokio::task::{JoinError, JoinSet};

/// Yields the results of `work`, each as soon as it is ready.
pub fn out_of_order<I, T, E, F>(
    source: impl Stream<Item = I>,
    limit: NonZeroUsize,
    mut work: impl FnMut(I) -> F,
) -> impl Stream<Item = Result<T, E>>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    try_stream! {
        let mut source = pin!(source.fuse());
        let mut tasks = JoinSet::new();
        loop {
            let ended = tokio::select! {
                // New work before results: a result that was taken makes room for one item more, which starts first.
                biased;
                Some(item) = source.next(), if tasks.len() < limit.get() => {
                    tasks.spawn(work(item));
                    // The source may always be ready: let other tasks have a turn.
                    consume_budget().await;
                    continue;
                }
                // Unconstrained: a source that uses up this task's budget would keep the results from the consumer.
                Some(ended) = unconstrained(tasks.join_next()) => result_of(ended),
                else => break,
            };
            if ended.is_err() {
                tasks.shutdown().await;
            }
            consume_budget().await;
            yield ended?;
        }
    }
}

/// Yields the results of `work` in the order of the items.
pub fn in_order<I, T, E, F>(
    source: impl Stream<Item = I>,
    limit: NonZeroUsize,
    mut work: impl FnMut(I) -> F,
) -> impl Stream<Item = Result<T, E>>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    try_stream! {
        let mut source = pin!(source.fuse());
        let mut tasks = JoinSet::new();
        let mut waiting = BTreeMap::new(); // results that wait for an earlier one, by the number of their item
        let (mut started, mut given) = (0_usize, 0_usize);
        loop {
            let ended = tokio::select! {
                biased;
                Some(item) = source.next(), if tasks.len() + waiting.len() < limit.get() => {
                    let (number, work) = (started, work(item));
                    started += 1;
                    tasks.spawn(async move { (number, work.await) });
                    consume_budget().await;
                    continue;
                }
                next = ready(given), if waiting.contains_key(&given) => Err(next),
                Some(ended) = unconstrained(tasks.join_next()) => Ok(result_of(ended)),
                else => break,
            };
            consume_budget().await;
            match ended {
                Ok((number, result)) => {
                    if result.is_err() {
                        tasks.shutdown().await;
                    }
                    waiting.insert(number, result?);
                }
                Err(next) => {
                    given += 1;
                    if let Some(value) = waiting.remove(&next) {
                        yield value;
                    }
                }
            }
        }
    }
}

/// Returns what the task returned, or resumes its panic.
fn result_of<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| {
        resume_unwind(error.try_into_panic().unwrap_or_else(|cancelled| Box::new(cancelled)))
    })
}
