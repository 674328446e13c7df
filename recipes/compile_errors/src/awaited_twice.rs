// SPDX-License-Identifier: 0BSD
//! A future or a handle is awaited twice.
//!
//! ```text
//! error[E0382]: use of moved value: `task`
//! ```
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! An await takes the future or the handle, which gives its value once.
//!
//! # What to do
//!
//! Keep the value, and use it again.
//!
//! # Second best
//!
//! `shared()` of `FutureExt`: a future that can be cloned, and every clone gets the value. Take it when several tasks
//! wait for one result.

use futures::FutureExt;
use tokio::task::JoinError;

async fn load() -> usize {
    4
}

/// One await, and its value twice.
pub async fn fixed() -> Result<(usize, usize), JoinError> {
    let value = tokio::spawn(load()).await?;
    Ok((value, value))
}

/// One run, and two awaits.
pub async fn second_best() -> (usize, usize) {
    let work = load().shared();
    (work.clone().await, work.await)
}
