// SPDX-License-Identifier: 0BSD
//! Prepare attempts, and run only as many as are needed: a future does nothing before it is awaited, as a coroutine
//! object in asyncio.
//!
//! It needs no crate.
//!
//! A future is a value. It can be made, put into an array, handed on and dropped; its body begins at the first
//! `.await`. Attempts that are not needed are dropped and have never run. asyncio warns about such coroutines
//! ("was never awaited") unless each is closed by hand.
//!
//! # Cancel safety
//!
//! Dropping the future drops the attempt that is under way. The later ones never begin.
//!
//! # Errors
//!
//! When every attempt has failed: all the errors, in order. No attempts, no errors: an empty `Vec`.

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
    }
    Err(errors)
}
