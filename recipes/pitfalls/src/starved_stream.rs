// SPDX-License-Identifier: 0BSD
//! `buffered` runs its futures only while the loop awaits the next item. asyncio: no counterpart, tasks go on by themselves.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Whenever handling a result takes long, servers close their connections. The requests of `buffered`, `buffer_unordered`
//! and `FuturesUnordered` are parts of the stream. While the body of the loop awaits something else, they are not polled,
//! and their servers wait. Lesson:
//! `but_while_one_answer_is_handled_the_servers_of_the_others_hang_up`.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Make each request a task: `buffered` then limits the number of tasks, and the runtime polls them. If the stream can do
//! the whole handling, `for_each_concurrent` works too.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the requests.
//!
//! # Panics
//!
//! A panic in `fetch` goes on in the caller. It also panics if the runtime shuts down meanwhile.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::pin;

use futures::stream::{self, StreamExt};
use tokio_util::task::AbortOnDropHandle;

/// Fetches up to `limit` at a time, and handles the results in order. While a result is handled, no fetch goes on.
pub async fn broken<K, T, F, G>(
    keys: impl IntoIterator<Item = K>,
    limit: NonZeroUsize,
    fetch: impl Fn(K) -> F,
    handle: impl Fn(T) -> G,
) where
    F: Future<Output = T>,
    G: Future<Output = ()>,
{
    let mut fetched = pin!(stream::iter(keys).map(fetch).buffered(limit.get()));
    while let Some(value) = fetched.next().await {
        handle(value).await;
    }
}

/// Fetches up to `limit` at a time, and handles the results in order. While a result is handled, the fetches go on.
pub async fn fixed<K, T, F, G>(
    keys: impl IntoIterator<Item = K>,
    limit: NonZeroUsize,
    fetch: impl Fn(K) -> F,
    handle: impl Fn(T) -> G,
) where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
    G: Future<Output = ()>,
{
    let start = |key| AbortOnDropHandle::new(tokio::spawn(fetch(key)));
    let mut fetched = pin!(stream::iter(keys).map(start).buffered(limit.get()));
    while let Some(ended) = fetched.next().await {
        handle(ended.unwrap_or_else(|error| resume_unwind(error.into_panic()))).await;
    }
}
