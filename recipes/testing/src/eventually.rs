// SPDX-License-Identifier: 0BSD
//! Waits until a condition holds, for effects that a test cannot await: a file, a counter, a message of another process.
//!
//! ```sh
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
//! use std::time::Duration;
//!
//! use testing::eventually::eventually;
//!
//! static JOBS: AtomicU32 = AtomicU32::new(0);
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     tokio::spawn(async { JOBS.fetch_add(1, SeqCst) });
//!     eventually(Duration::from_secs(10), || JOBS.load(SeqCst) == 1).await?;
//!     Ok(())
//! }
//! ```
//!
//! A channel, a `watch` or a `JoinHandle` in a `timeout` is enough, and better, if the code under test can have one. The test
//! then goes on at once, and needs no polling.
//!
//! It checks at once, then after pauses of 1, 2, 4 ms and so on, at most 100 ms, and a last time at the limit. So a generous
//! limit costs a passing test nothing. A `sleep` instead would be too short on a busy machine, and too long on all others.
//!
//! # Cancel safety
//!
//! It keeps nothing: dropping it stops the checks.
//!
//! # Errors
//!
//! [`Elapsed`], if the condition does not hold within the limit. It is a result and no panic, so that `unwrap` names the
//! test's line.

use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

/// Waits until `holds` returns true, for at most `limit`. `Duration::MAX` is no limit.
pub async fn eventually(limit: Duration, mut holds: impl FnMut() -> bool) -> Result<(), Elapsed> {
    const LONGEST_PAUSE: Duration = Duration::from_millis(100);
    let mut pause = Duration::from_millis(1);
    let looking = async {
        while !holds() {
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    };
    match timeout(limit, looking).await {
        // The pause before the limit is cut short, so it looks once more.
        Err(elapsed) if !holds() => Err(elapsed),
        _ => Ok(()),
    }
}
