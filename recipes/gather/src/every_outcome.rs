// SPDX-License-Identifier: 0BSD
//! Wait for all, and keep each error in its own slot: `asyncio.gather(*aws, return_exceptions=True)`.
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! In Rust an error is a value, so `join_all` over futures that return `Result` is `return_exceptions=True` already.
//! A panic is not a value: without `catch_unwind` it would take the other loads with it.
//!
//! # Cancel safety
//!
//! Dropping the future drops every load with it. A cancellation cannot end up in the list of results, as it could
//! in a loop around asyncio's `gather`.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;
use futures::future::join_all;

/// Why one load gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// The load returned an error.
    Error(E),
    /// The load panicked with this message.
    Panic(String),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "{error}"),
            Self::Panic(message) => write!(f, "panicked: {message}"),
        }
    }
}

impl<E: Error> Error for Failure<E> {}

/// Loads every key at the same time and waits for all of them. Each result, error or panic stands in the slot of
/// its key.
pub async fn every_outcome<K, T, E, F>(
    keys: impl IntoIterator<Item = K>,
    load: impl Fn(K) -> F,
) -> Vec<Result<T, Failure<E>>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut guarded = Vec::new();
    for key in keys {
        // A panic before there is a future is the outcome of its key, too. A load that panicked is dropped and never polled
        // again, so nobody sees it half done. What it shares with others (a lock, a cell) may be left half changed, as after
        // an exception in Python.
        let load = catch_unwind(AssertUnwindSafe(|| load(key)));
        guarded.push(async { AssertUnwindSafe(load?).catch_unwind().await });
    }
    let outcomes = join_all(guarded).await.into_iter();
    outcomes
        .map(|outcome| match outcome {
            Ok(result) => result.map_err(Failure::Error),
            Err(panic) => Err(Failure::Panic(message(panic))),
        })
        .collect()
}

/// The text of a panic: `panic!` leaves a `&str` or a `String`, `panic_any` whatever it was given.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and the payload of that panic as well: it is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
