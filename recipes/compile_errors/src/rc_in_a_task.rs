// SPDX-License-Identifier: 0BSD
//! A task holds an `Rc`.
//!
//! ```text
//! error: future cannot be sent between threads safely
//! ```
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! A task of `tokio::spawn` may run on any thread, and an `Rc` counts its owners without synchronisation.
//!
//! # What to do
//!
//! Replace `Rc` with `Arc`, and a `Cell` or `RefCell` in it with an atomic or a `Mutex`.
//!
//! # Second best
//!
//! `spawn_local` in a `LocalSet`: the task stays on its thread. Take it when you cannot change the type, such as that
//! of a GUI or of C.

use std::rc::Rc;
use std::sync::Arc;

use tokio::task::{JoinError, LocalSet, yield_now};

/// An `Arc` counts for all threads.
pub async fn fixed() -> Result<(usize, usize), JoinError> {
    let pages = Arc::new(vec!["home", "news"]);
    let for_the_task = Arc::clone(&pages);
    let task = tokio::spawn(async move {
        yield_now().await;
        for_the_task.len()
    });
    Ok((task.await?, pages.len()))
}

/// The task stays on the thread of its `Rc`.
pub async fn second_best() -> Result<(usize, usize), JoinError> {
    let pages = Rc::new(vec!["home", "news"]);
    let for_the_task = Rc::clone(&pages);
    let local = LocalSet::new();
    let task = local.spawn_local(async move {
        yield_now().await;
        for_the_task.len()
    });
    let count = local.run_until(task).await?;
    Ok((count, pages.len()))
}
