// SPDX-License-Identifier: 0BSD
//! `?` meets an error of another type.
//!
//! ```text
//! error[E0277]: `?` couldn't convert the error to `SettingsError`
//! ```
//!
//! ```sh
//! cargo add anyhow
//! cargo add thiserror
//! ```
//!
//! # What it means
//!
//! `?` converts an error by `From`, and the function's error type has no `From` for this one.
//!
//! # What to do
//!
//! Return `anyhow::Result`: every error converts into it. `.context(...)` adds what was tried.
//!
//! # Second best
//!
//! Use an enum with `thiserror` and `#[from]`. Take it when a caller matches on the error.

use std::num::ParseIntError;

use thiserror::Error;

async fn port(settings: &str) -> anyhow::Result<u16> {
    anyhow::ensure!(!settings.is_empty(), "no settings");
    Ok(settings.parse()?)
}

/// Any error fits.
pub async fn fixed() -> anyhow::Result<u16> {
    port("8080").await
}

/// Why there is no port.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The text is missing.
    #[error("no settings")]
    Empty,
    /// The text is not a number.
    #[error("the port is no number")]
    Port(#[from] ParseIntError),
}

async fn checked_port(settings: &str) -> Result<u16, SettingsError> {
    if settings.is_empty() {
        return Err(SettingsError::Empty);
    }
    Ok(settings.parse()?)
}

/// A caller can distinguish the two errors.
pub async fn second_best() -> Result<u16, SettingsError> {
    checked_port("8080").await
}
