// SPDX-License-Identifier: 0BSD
//! Reports each step of a task that blocks its thread for too long: what asyncio's debug mode logs as *"Executing ...
//! took 0.200 seconds"* (`loop.slow_callback_duration`).
//!
//! ```sh
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::{thread, time::Duration};
//!
//! use diagnosing::slow_polls::report_slow_polls;
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mut slow = Vec::new();
//!     let handler = async {
//!         sleep(Duration::from_millis(1)).await; // waits: this is not slow
//!         thread::sleep(Duration::from_millis(5)); // blocks
//!     };
//!     report_slow_polls(Duration::from_millis(5), |took| slow.push(took), handler).await;
//!     println!("{slow:?}"); // one step, of 5 ms
//!     assert!(!slow.is_empty());
//! }
//! ```
//!
//! A poll is the run of a task between two suspensions. Meanwhile no other task runs on its thread: on a runtime of one
//! thread, no other task at all. The report comes after the poll; `watchdog` reports during it.
//!
//! The watchdog alone is enough to learn that a task blocks. This function says which task it is.
//!
//! Wrap a task where it is spawned. Around a `join!`, it sees the branches as one. The time is wall-clock time: a thread that
//! the system has paused to run another also counts as slow.
//!
//! # Cancel safety
//!
//! Dropping the future drops the work. The time of that drop is not measured.
//!
//! # Panics
//!
//! A panic in the work goes on in the caller. That poll is not reported.
//!
//! # Cost
//!
//! It reads the clock twice per poll, which costs less than two runs differ. A timed poll of a task that only yields took 0.8
//! to 1.3 times as long as an untimed one.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

/// Awaits `work`, and calls `report` after each poll of it that took `limit` or longer.
pub async fn report_slow_polls<F: Future>(
    limit: Duration,
    mut report: impl FnMut(Duration),
    work: F,
) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        let start = Instant::now();
        let polled = work.as_mut().poll(context);
        let took = start.elapsed();
        if took >= limit {
            report(took);
        }
        polled
    })
    .await
}
