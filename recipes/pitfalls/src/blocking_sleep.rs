// SPDX-License-Identifier: 0BSD
//! `std::thread::sleep` stops the thread and every task on it. asyncio: `time.sleep` in a coroutine.
//!
//! ```sh
//! cargo add tokio --features time
//! ```
//!
//! # What you see
//!
//! Every task of this thread waits for the whole pause. A test on a paused clock shows it at once: no virtual time
//! passes.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods` (on by default, but it has no effect until `clippy.toml` names the method).
//!
//! # What to do
//!
//! Take `tokio::time::sleep`. If you wait for an event (a file appears, a child ends), wait for the event itself.
//!
//! # Cancel safety
//!
//! [`fixed`], dropped in a pause, asks no more. [`broken`] cannot be dropped in a pause: its thread is asleep.

use std::time::Duration;

use tokio::time::sleep;

/// Asks until the answer is yes, and sleeps after each no. Returns the number of questions.
#[allow(clippy::disallowed_methods, reason = "the pitfall: where clippy.toml bans it, Clippy says so here")]
pub async fn broken(mut is_ready: impl FnMut() -> bool, pause: Duration) -> usize {
    let mut asked = 1;
    while !is_ready() {
        std::thread::sleep(pause);
        asked += 1;
    }
    asked
}

/// Asks until the answer is yes, and lets other tasks run after each no. Returns the number of questions.
pub async fn fixed(mut is_ready: impl FnMut() -> bool, pause: Duration) -> usize {
    let mut asked = 1;
    while !is_ready() {
        sleep(pause).await;
        asked += 1;
    }
    asked
}
