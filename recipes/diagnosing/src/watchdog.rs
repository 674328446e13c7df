// SPDX-License-Identifier: 0BSD
//! Detects a blocked runtime while the block lasts, from a thread of its own. asyncio's debug mode reports it afterwards.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use std::{sync::mpsc, time::Duration};
//!
//! use diagnosing::watchdog::{Pulse, watch};
//! use tokio::runtime::Handle;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (log, pulses) = mpsc::channel();
//!     let report = move |pulse| drop(log.send(pulse));
//!     let _until_dropped = watch(&Handle::current(), Duration::from_millis(1), report)?;
//!     // Blocks the only thread of the runtime until the watchdog has noticed it.
//!     assert_eq!(pulses.recv()?, Pulse::Blocked);
//!     Ok(())
//! }
//! ```
//!
//! The watchdog spawns an empty task, and waits for it to run; then it pauses, and asks again. So it detects that no new
//! task runs: the only thread is blocked, or all of many are. It does not detect one blocked worker of several, because
//! another worker answers; `slow_polls` does. It does not know which task blocks: a debugger or `slow_polls` shows it.
//!
//! A task that sleeps and logs how late it wakes is enough if it may report afterwards.
//!
//! A `current_thread` runtime that no thread runs, as between two calls of `block_on`, counts as blocked.
//!
//! # Cancel safety
//!
//! Nothing here is asynchronous. Dropping the [`Watchdog`] stops it; a report that has begun still finishes. It stops by
//! itself when the runtime ends.
//!
//! # Errors
//!
//! If the system has no thread left.
//!
//! # Panics
//!
//! A panic in `report` ends the watchdog.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

/// A report of the watchdog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// A new task has not been run for as long as the limit.
    Blocked,
    /// The task has now run, after this time. Follows each [`Blocked`](Self::Blocked), unless the runtime has ended.
    Back(Duration),
}

/// Watches until it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it stops watching"]
pub struct Watchdog(#[expect(dead_code, reason = "its drop is what the thread waits for")] Sender<()>);

/// Watches a runtime. It always reports a block longer than twice the `limit`, and never one shorter than the `limit`.
pub fn watch(
    runtime: &Handle,
    limit: Duration,
    report: impl FnMut(Pulse) + Send + 'static,
) -> io::Result<Watchdog> {
    let runtime = runtime.clone();
    let (owner, stopped) = mpsc::channel();
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        // Without a pause it would ask without end.
        keep_asking(&runtime, limit.max(Duration::from_millis(1)), &stopped, report);
    })?;
    Ok(Watchdog(owner))
}

fn keep_asking(runtime: &Handle, limit: Duration, stopped: &Receiver<()>, mut report: impl FnMut(Pulse)) {
    loop {
        let (sender, answer) = mpsc::channel();
        let asked = Instant::now();
        runtime.spawn(async move {
            let _nobody_asks = sender.send(());
        });
        let mut answered = answer.recv_timeout(limit);
        if answered == Err(RecvTimeoutError::Timeout) {
            report(Pulse::Blocked);
            while answered == Err(RecvTimeoutError::Timeout) {
                if stopped.try_recv() == Err(TryRecvError::Disconnected) {
                    return;
                }
                answered = answer.recv_timeout(limit);
            }
            if answered.is_ok() {
                report(Pulse::Back(asked.elapsed()));
            }
        }
        // The task was dropped before it ran, so the runtime has ended.
        if answered.is_err() {
            return;
        }
        if stopped.recv_timeout(limit) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
