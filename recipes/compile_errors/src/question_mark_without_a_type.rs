// SPDX-License-Identifier: 0BSD
//! `?` in an `async` block whose error type is open.
//!
//! ```text
//! error[E0282]: type annotations needed
//! ```
//!
//! It needs no crate.
//!
//! # What it means
//!
//! `?` converts the error into the block's own error type, and the code does not state that type.
//!
//! # What to do
//!
//! State it at the end of the block: `Ok::<_, ParseIntError>(sum)`.
//!
//! # Second best
//!
//! Make an `async fn` of the block: its signature has the type. Take it when the block is long or used twice.

use std::num::ParseIntError;

/// The last line states the error's type.
pub async fn fixed() -> Result<u32, ParseIntError> {
    let sum = async {
        let one: u32 = "3".parse()?;
        let other: u32 = "4".parse()?;
        Ok::<_, ParseIntError>(one + other)
    };
    sum.await
}

async fn add(one: &str, other: &str) -> Result<u32, ParseIntError> {
    Ok(one.parse::<u32>()? + other.parse::<u32>()?)
}

/// The signature states the error's type.
pub async fn second_best() -> Result<u32, ParseIntError> {
    add("3", "4").await
}
