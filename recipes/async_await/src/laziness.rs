// SPDX-License-Identifier: 0BSD
//! Prepares attempts and runs only as many as are needed: like a coroutine object, a future does nothing before it is
//! awaited.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::cell::Cell;
//!
//! use async_await::laziness::first_ok;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let asked = Cell::new(0);
//!     let download = |mirror: &'static str| {
//!         let asked = &asked;
//!         async move {
//!             asked.set(asked.get() + 1);
//!             if mirror == "main" { Err("503") } else { Ok(format!("page from {mirror}")) }
//!         }
//!     };
//!     let page = first_ok(["main", "backup", "archive"].map(download)).await;
//!     assert_eq!(page, Ok("page from backup".to_owned()));
//!     assert_eq!(asked.get(), 2); // "archive" never ran
//! }
//! ```
//!
//! A future is a value: you can put it into an array, pass it on or drop it. Its body begins at the first `.await`.
//! Attempts that are not needed are dropped and never run. asyncio warns about such coroutines ("was never awaited")
//! unless each is closed by hand.
//!
//! For two attempts, a `match` on the first is enough.
//!
//! # Cancel safety
//!
//! Dropping the future drops the attempt under way. The later ones never begin.
//!
//! # Errors
//!
//! If every attempt fails: all the errors, in order. Without attempts: an empty `Vec`.

use tokio::task::coop::consume_budget;

/// Awaits `attempts` one after the other until one succeeds, and drops the rest.
pub async fn first_ok<T, E>(
    attempts: impl IntoIterator<Item: Future<Output = Result<T, E>>>,
) -> Result<T, Vec<E>> {
    let mut errors = Vec::new();
    for attempt in attempts {
        match attempt.await {
            Ok(value) => return Ok(value),
            Err(error) => errors.push(error),
        }
        // Attempts may fail without waiting: let other tasks have a turn.
        consume_budget().await;
    }
    Err(errors)
}
