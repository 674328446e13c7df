// SPDX-License-Identifier: 0BSD
//! The first success wins; the others are started one after another and dropped when they lose:
//! asyncio's `staggered_race`, which its happy eyeballs use.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features macros,rt,time
//! ```
//!
//! A mirror that is slow gets company after `delay`; one that fails gets it at once. With `Duration::ZERO` all start
//! together. Where that is all you need and the first error of a failed race will do, `futures::future::select_ok`
//! is enough.
//!
//! # Cancel safety
//!
//! Dropping the future drops every attempt. Losers are dropped where they stand, so an attempt must be one that may
//! be given up half way.
//!
//! # Errors
//!
//! When every attempt has failed: all the errors, in the order of the attempts. No attempts, no errors: an empty
//! `Vec`.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::task::coop::consume_budget;
use tokio::time::sleep;

/// Runs `attempts`, starting the next one `delay` after the one before it or as soon as any has failed, and returns
/// the first value with the index of its attempt.
///
/// Attempts are taken from the iterator when their turn comes; those after the winner are never made.
pub async fn first_success<T, E, F>(
    attempts: impl IntoIterator<Item = F>,
    delay: Duration,
) -> Result<(usize, T), Vec<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut attempts = attempts.into_iter().enumerate().fuse();
    let mut running = FuturesUnordered::new();
    let mut errors = Vec::new();
    loop {
        // Attempts that fail without waiting leave others their turn.
        consume_budget().await;
        let started =
            attempts.next().map(|(index, attempt)| running.push(async move { (index, attempt.await) }));
        tokio::select! {
            // Looked at first: a success in the same instant as the delay's end needs no further attempt.
            biased;
            outcome = running.next() => match outcome {
                Some((index, Ok(value))) => return Ok((index, value)),
                Some((index, Err(error))) => errors.push((index, error)),
                None => break,
            },
            () = sleep(delay), if started.is_some() => {}
        }
    }
    errors.sort_by_key(|(index, _)| *index);
    Err(errors.into_iter().map(|(_, error)| error).collect())
}
