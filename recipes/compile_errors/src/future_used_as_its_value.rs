// SPDX-License-Identifier: 0BSD
//! A future is used as if it were its value.
//!
//! ```text
//! error[E0369]: cannot add `{integer}` to `impl Future<Output = usize>`
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! The call gives a future, and a future has no `+`.
//!
//! # What to do
//!
//! Await it: `load().await + 1`. In Rust the await comes after the call.
//!
//! # Second best
//!
//! Await both sides together: `join!`. Take it when both are futures that may run at the same time.

async fn load() -> usize {
    4
}

/// The value has the operator.
pub async fn fixed() -> usize {
    load().await + 1
}

/// Both values, from one await.
pub async fn second_best() -> usize {
    let (one, other) = futures::join!(load(), async { 1 });
    one + other
}
