// SPDX-License-Identifier: 0BSD
//! `?` is used in a block that returns no `Result`.
//!
//! ```text
//! error[E0277]: the `?` operator can only be used in an async block that returns `Result` or `Option` (or another type that implements `FromResidual`)
//! ```
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! `?` returns from the `async` block, not from the function around it, and this block returns `()`.
//!
//! # What to do
//!
//! Return the `Result` from the block and await the handle: `task.await??`. The first `?` is the task's, the second is
//! the work's.
//!
//! # Second best
//!
//! Handle the error in the task. Take it when no code awaits the task: an `Err` in a dropped handle is lost silently.

use std::num::ParseIntError;

use tokio::task::JoinError;

/// The error comes out where the task is awaited.
pub async fn fixed() -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let task = tokio::spawn(async {
        let port: u16 = "8080".parse()?;
        Ok::<_, ParseIntError>(port)
    });
    Ok(task.await??)
}

/// The task reports the error itself.
pub async fn second_best() -> Result<Option<u16>, JoinError> {
    let task = tokio::spawn(async {
        let port = "8080".parse::<u16>();
        port.inspect_err(|error| eprintln!("no port: {error}")).ok()
    });
    task.await
}
