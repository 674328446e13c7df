// SPDX-License-Identifier: 0BSD
//! Report each step of a task that holds up its thread for too long: what asyncio's debug mode logs as *"Executing ...
//! took 0.200 seconds"* (`loop.slow_callback_duration`).
//!
//! ```sh
//! cargo add tokio --features time
//! ```
//!
//! A poll is what a task does between two awaits that wait. Nobody else runs on its thread meanwhile, and under a
//! runtime of one thread that is everybody. The report comes after the poll; `watchdog` reports while it lasts.
//!
//! Wrap a task where it is spawned. Wrapped around a `join!`, it sees the branches as one. The time is that of the
//! clock on the wall: a thread that the system has stopped, to run another, is slow too.
//!
//! # Cancel safety
//!
//! Dropping the future drops the work. How long that drop takes is not measured.
//!
//! # Panics
//!
//! A panic in the work goes on in the caller. That poll is not reported.
//!
//! # Cost
//!
//! The clock is read twice for each poll.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

/// Does `work`, and calls `report` after each poll of it that took `limit` or longer.
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
