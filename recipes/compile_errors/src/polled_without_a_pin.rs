// SPDX-License-Identifier: 0BSD
//! A future is polled by reference before it is pinned.
//!
//! ```text
//! error[E0277]: `{async fn body of load()}` cannot be unpinned
//! ```
//!
//! ```sh
//! cargo add tokio --features macros,time
//! ```
//!
//! # What it means
//!
//! A future may hold pointers into itself, so it must not move while it is polled by `&mut`.
//!
//! # What to do
//!
//! Pin it in the function: `let mut work = pin!(load());`, then `&mut work` in the `select!`.
//!
//! # Second best
//!
//! Use `Box::pin(load())`. Take it when the future is kept in a struct, put into a list, or returned.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

async fn load() -> &'static str {
    sleep(Duration::from_millis(25)).await;
    "home"
}

/// The future is pinned in this function.
pub async fn fixed() -> (&'static str, u32) {
    let (mut work, mut waits) = (pin!(load()), 0);
    loop {
        tokio::select! {
            page = &mut work => break (page, waits),
            () = sleep(Duration::from_millis(10)) => waits += 1,
        }
    }
}

struct Loading<Work> {
    work: std::pin::Pin<Box<Work>>,
}

/// The box may move, and the future in it does not.
pub async fn second_best() -> (&'static str, u32) {
    let (mut loading, mut waits) = (Loading { work: Box::pin(load()) }, 0);
    loop {
        tokio::select! {
            page = &mut loading.work => break (page, waits),
            () = sleep(Duration::from_millis(10)) => waits += 1,
        }
    }
}
