// SPDX-License-Identifier: 0BSD
//! `?` meets an error of another type.
//!
//! ```text
//! error[E0277]: `?` couldn't convert the error to `std::io::Error`
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
//! `anyhow::Result`: every error converts into it. `.context(...)` adds what was tried.
//!
//! # Second best
//!
//! An enum with `thiserror` and `#[from]`. Take it when a caller matches on the error.

use std::num::ParseIntError;

use thiserror::Error;

async fn port(settings: &str) -> anyhow::Result<u16> {
    Ok(settings.parse()?)
}

/// Any error fits.
pub async fn fixed() -> anyhow::Result<u16> {
    port("8080").await
}

/// What may be wrong with the settings.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings")]
    Read(#[from] std::io::Error),
    /// The port is no number.
    #[error("the port is no number")]
    Port(#[from] ParseIntError),
}

async fn checked_port(settings: &str) -> Result<u16, SettingsError> {
    Ok(settings.parse()?)
}

/// A caller can tell the two apart.
pub async fn second_best() -> Result<u16, SettingsError> {
    checked_port("8080").await
}
