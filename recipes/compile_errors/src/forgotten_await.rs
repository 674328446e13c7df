// SPDX-License-Identifier: 0BSD
//! A method of the value is called on its future.
//!
//! ```text
//! error[E0599]: no method named `to_uppercase` found for opaque type `impl Future<Output = String>` in the current scope
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! A call of an `async fn` gives a future, and the method belongs to the future's value.
//!
//! # What to do
//!
//! Await first: `.await` comes after the call, and before the method.
//!
//! # Second best
//!
//! Add the step with `map` of `FutureExt`, and await later. Take it when you pass the future on, for example into a
//! `Vec` of futures.

use futures::FutureExt;

async fn load() -> String {
    "home".to_owned()
}

/// The value has the method.
pub async fn fixed() -> String {
    load().await.to_uppercase()
}

/// A future of the upper case.
pub async fn second_best() -> String {
    let work = load().map(|text| text.to_uppercase());
    work.await
}
