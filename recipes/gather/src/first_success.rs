// SPDX-License-Identifier: 0BSD
//! Returns the first success; attempts start one after another, and losers are dropped: asyncio's `staggered_race`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features macros,rt,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use gather::first_success::first_success;
//!
//! async fn fetch(mirror: &str) -> Result<String, String> {
//!     if mirror == "broken" { Err(format!("{mirror} fails")) } else { Ok(format!("<{mirror}>")) }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mirrors = ["broken", "near", "far"].map(fetch);
//!     match first_success(mirrors, Duration::from_millis(250)).await {
//!         Ok((index, page)) => println!("{page} from mirror {index}"),
//!         Err(errors) => println!("all failed: {errors:?}"),
//!     }
//! }
//! ```
//!
//! `futures::future::select_ok` is enough if all attempts may start together and the last error will do.
//!
//! The next attempt starts after `delay`, or as soon as one has failed. With `Duration::ZERO` all attempts start
//! together.
//!
//! # Cancel safety
//!
//! Dropping the future drops every attempt, and a success that it has not returned yet. Losers are dropped at their await, so
//! an attempt must allow that.
//!
//! # Errors
//!
//! If every attempt fails: all errors, in the order of the attempts. Without attempts: an empty `Vec`.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::task::coop::{consume_budget, unconstrained};
use tokio::time::sleep;

/// Runs `attempts` and returns the first value with the index of its attempt. Starts the next attempt `delay` after the
/// one before it, or as soon as one has failed.
///
/// Takes an attempt from the iterator when its turn comes. Those after the winner are never made.
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
        // Attempts may fail without waiting: let other tasks have a turn.
        consume_budget().await;
        let started =
            attempts.next().map(|(index, attempt)| running.push(async move { (index, attempt.await) }));
        tokio::select! {
            // First: a success in the instant that the delay ends needs no further attempt.
            biased;
            outcome = running.next() => match outcome {
                Some((index, Ok(value))) => return Ok((index, value)),
                Some((index, Err(error))) => errors.push((index, error)),
                None => break,
            },
            // Unconstrained: an attempt that uses up this task's budget would keep the next one from starting.
            () = unconstrained(sleep(delay)), if started.is_some() => {}
        }
    }
    errors.sort_by_key(|(index, _)| *index);
    Err(errors.into_iter().map(|(_, error)| error).collect())
}
