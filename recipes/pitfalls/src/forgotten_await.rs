// SPDX-License-Identifier: 0BSD
//! A future that is not awaited does nothing. asyncio: "coroutine ... was never awaited".
//!
//! No crate is needed.
//!
//! # What you see
//!
//! Nothing happens: no error and no greeting. asyncio warns when the coroutine is collected; Rust is silent at run time.
//!
//! # What catches it
//!
//! - rustc's `unused_must_use`, on by default, for the bare call of an `async fn`.
//! - Clippy's `let_underscore_future`, on by default, for `let _ = greet(guest)`, and `async_yields_async`, an error by
//!   default, for `async { greet(guest) }`.
//! - A type error, if the code uses the value of the call.
//! - Nothing, for `drop(greet(guest))`, for a `Vec` of futures, for a `let _greeted = ...`, and for a call through a
//!   generic `impl Fn() -> F`.
//!
//! # What to do
//!
//! Await the future, or spawn it. Read the warnings of a build: this warning is always a bug.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] sends no further greeting.

use std::sync::{Mutex, PoisonError};

/// The greetings that were sent.
#[derive(Debug, Default)]
pub struct Outbox(Mutex<Vec<String>>);

impl Outbox {
    /// Sends a greeting, once it is awaited.
    pub async fn greet(&self, guest: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("Welcome, {guest}"));
    }

    /// Returns the greetings sent so far.
    pub fn sent(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Makes a greeting for each guest, and sends none.
#[expect(unused_must_use, reason = "the pitfall: each call gives a future, and it is dropped at once")]
pub async fn broken(outbox: &Outbox, guests: &[&str]) {
    for guest in guests {
        outbox.greet(guest);
    }
}

/// Sends a greeting to each guest.
pub async fn fixed(outbox: &Outbox, guests: &[&str]) {
    for guest in guests {
        outbox.greet(guest).await;
    }
}
