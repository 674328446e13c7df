// SPDX-License-Identifier: 0BSD
//! A task returns a boxed error that may not change its thread.
//!
//! ```text
//! error[E0277]: `(dyn std::error::Error + 'static)` cannot be sent between threads safely
//! ```
//!
//! ```sh
//! cargo add anyhow
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! A task's result goes to the thread that awaits its handle, and `Box<dyn Error>` is not promised to be `Send`.
//!
//! # What to do
//!
//! Write `Box<dyn Error + Send + Sync>` in every signature that the task calls. `?` converts into it as before.
//!
//! # Second best
//!
//! Return `anyhow::Error`, which is `Send` and `Sync`. Take it when a person reads the error. If a caller matches on
//! the error, take an enum with `thiserror`.

use std::error::Error;

async fn load(name: &str) -> Result<usize, Box<dyn Error + Send + Sync>> {
    if name.is_empty() {
        return Err("no name".into());
    }
    Ok(name.len())
}

/// The error may go to another thread.
pub async fn fixed() -> Result<usize, Box<dyn Error + Send + Sync>> {
    tokio::spawn(load("home")).await?
}

async fn load_or_explain(name: &str) -> anyhow::Result<usize> {
    anyhow::ensure!(!name.is_empty(), "no name");
    Ok(name.len())
}

/// The error of anyhow may go there, too.
pub async fn second_best() -> anyhow::Result<usize> {
    tokio::spawn(load_or_explain("home")).await?
}
