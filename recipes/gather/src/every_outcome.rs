// SPDX-License-Identifier: 0BSD
//! Waits for all and keeps each error or panic in its own slot: `asyncio.gather(*aws, return_exceptions=True)`.
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! ```
//! use gather::every_outcome::{Failure, every_outcome};
//!
//! async fn fetch(page: &str) -> Result<String, String> {
//!     if page == "missing" { Err(format!("{page} not found")) } else { Ok(format!("<{page}>")) }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     for outcome in every_outcome(["home", "missing"], fetch).await {
//!         match outcome {
//!             Ok(page) => println!("{page}"),
//!             Err(Failure::Error(error)) => println!("error: {error}"),
//!             Err(Failure::Panic(message)) => println!("panic: {message}"),
//!         }
//!     }
//! }
//! ```
//!
//! `futures::future::join_all` is enough if a panic may end all loads: an `Err` is a value, so it stays in its slot.
//!
//! # Cancel safety
//!
//! Dropping the future drops every load. Results that are ready and not returned yet are dropped too.
//!
//! # Differences from asyncio
//!
//! In a loop around `gather(return_exceptions=True)` a cancellation can end up in the list of results. Here a cancelled
//! future is dropped, and returns no results.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;
use futures::future::join_all;

/// Why a load returned no value.
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

/// Loads every key at once and waits for all. Each value, error or panic is in the slot of its key.
pub async fn every_outcome<K, T, E, F>(
    keys: impl IntoIterator<Item = K>,
    load: impl Fn(K) -> F,
) -> Vec<Result<T, Failure<E>>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut guarded = Vec::new();
    for key in keys {
        // A panic before the future exists is the outcome of its key, too. A load that panicked is dropped and never
        // polled again. Data that it shares with others (a lock, a cell) can be half changed, as after an exception in
        // Python.
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

/// Returns the text of a panic: the payload of `panic!` is a `&str` or a `String`, that of `panic_any` any value.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and so may the payload of that panic: the second one is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
