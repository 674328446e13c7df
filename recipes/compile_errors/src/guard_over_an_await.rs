// SPDX-License-Identifier: 0BSD
//! A task holds a guard of std's lock over an await.
//!
//! ```text
//! error: future cannot be sent between threads safely
//! ```
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! ```
//!
//! # What it means
//!
//! At an await a task may move to another thread, and a guard of `std::sync::Mutex` must be dropped on the thread that
//! locked it.
//!
//! # What to do
//!
//! End the guard's block before the await. rustc also accepts `drop(guard)`, unless a borrow from the guard lives on.
//!
//! # Second best
//!
//! Use `tokio::sync::Mutex`, whose guard is `Send`. Take it when the lock has to be held over the await; other tasks
//! wait for it that long.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{JoinError, yield_now};

/// The guard's block ends before the await.
pub async fn fixed() -> Result<u32, JoinError> {
    let visits = Arc::new(Mutex::new(41));
    let task = tokio::spawn(async move {
        let visit = {
            let mut count = visits.lock().unwrap_or_else(PoisonError::into_inner);
            *count += 1;
            *count
        };
        yield_now().await;
        visit
    });
    task.await
}

/// The guard of Tokio's lock may go to another thread.
pub async fn second_best() -> Result<u32, JoinError> {
    let visits = Arc::new(tokio::sync::Mutex::new(41));
    let task = tokio::spawn(async move {
        let mut count = visits.lock().await;
        *count += 1;
        yield_now().await;
        *count
    });
    task.await
}
