// SPDX-License-Identifier: 0BSD
//! Stops work on request: it finishes its step, cleans up, and reports what it has done. In asyncio: a loop with an
//! `except CancelledError`, or one that looks at an `asyncio.Event`.
//!
//! ```sh
//! cargo add tokio --features macros,rt,sync
//! cargo add tokio-util
//! ```
//!
//! ```
//! use timeouts::cooperative::{Report, work_until_cancelled};
//! use tokio_util::sync::CancellationToken;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let stop = CancellationToken::new();
//!     let (queue, mut jobs) = tokio::sync::mpsc::channel(8);
//!     (1..=3).try_for_each(|job| queue.try_send(job))?;
//!     let step = async |job| {
//!         Ok(if job == 2 {
//!             stop.cancel()
//!         })
//!     }; // a shutdown meanwhile
//!     let clean_up = async |done| anyhow::Ok(println!("{done} jobs are done"));
//!     let report = work_until_cancelled(&stop, &mut jobs, step, clean_up).await?;
//!     assert_eq!(report, Report { done: 2, was_cancelled: true });
//!     assert_eq!(jobs.recv().await, Some(3)); // not begun
//!     Ok(())
//! }
//! ```
//!
//! A dropped future stops wherever it waits: between two writes, or with half a line on the disk. So the loop is not
//! dropped but notified, by a [`CancellationToken`], and looks at it between two steps and nowhere else. A loop that
//! computes looks too: it has no wait at which it could be aborted.
//!
//! `token.run_until_cancelled(work)` is enough where work may be dropped at any await.
//!
//! # Cancel safety
//!
//! Cancel the token of [`work_until_cancelled`], and do not drop its future: its drop loses the job of the step under way and skips
//! the clean-up. Jobs that were not begun stay in the channel in any case. Dropping the future of [`checksum`] asks its
//! loop to stop.
//!
//! # Errors
//!
//! The first error of a step, after the clean-up; otherwise that of the clean-up. For [`checksum`], [`StoppedAfter`].
//!
//! # Panics
//!
//! A panic goes on in the caller. A panic in a step skips the clean-up.

use std::panic::resume_unwind;

use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::sync::CancellationToken;

/// What a worker has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The jobs that are done.
    pub done: usize,
    /// Whether `stop` was cancelled. If not, every sender is gone, so there are no more jobs.
    pub was_cancelled: bool,
}

/// Does one job after the other until `stop` is cancelled or there are no more; then cleans up, and reports.
///
/// The clean-up gets the number of jobs that are done.
pub async fn work_until_cancelled<J, E, S, C>(
    stop: &CancellationToken,
    jobs: &mut mpsc::Receiver<J>,
    mut step: impl FnMut(J) -> S,
    clean_up: impl FnOnce(usize) -> C,
) -> Result<Report, E>
where
    S: Future<Output = Result<(), E>>,
    C: Future<Output = Result<(), E>>,
{
    let (mut done, mut failure) = (0, None);
    let was_cancelled = loop {
        let job = tokio::select! {
            // Looked at first: no step begins after the request, and its job stays in the channel.
            biased;
            () = stop.cancelled() => break true,
            job = jobs.recv() => job,
        };
        let Some(job) = job else { break false };
        // Not in a `select!`: half a step is what must not be.
        match step(job).await {
            Ok(()) => done += 1,
            Err(error) => {
                failure = Some(error);
                break false;
            }
        }
    };
    let cleaned_up = clean_up(done).await;
    failure.map_or(Ok(()), Err).and(cleaned_up)?;
    Ok(Report { done, was_cancelled })
}

/// The loop stopped on request after this many blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoppedAfter {
    /// The blocks that are part of the sum.
    pub blocks: usize,
}

/// Sums up blocks of bytes on a thread for blocking work, until `stop` is cancelled.
///
/// `JoinHandle::abort` has no effect on a `spawn_blocking` that has begun, and dropping its handle leaves it to itself.
pub async fn checksum<B: AsRef<[u8]>>(
    stop: &CancellationToken,
    blocks: impl Iterator<Item = B> + Send + 'static,
) -> Result<u64, StoppedAfter> {
    // A token of its own: the guard stops this loop alone.
    let stop = stop.child_token();
    let _stopped_at_the_latest_now = stop.clone().drop_guard();
    let sum = spawn_blocking(move || {
        let mut sum = 0_u64;
        for (done, block) in blocks.enumerate() {
            if stop.is_cancelled() {
                return Err(StoppedAfter { blocks: done });
            }
            sum = block.as_ref().iter().fold(sum, |sum, &byte| sum.rotate_left(5) ^ u64::from(byte));
        }
        Ok(sum)
    });
    sum.await.unwrap_or_else(|error: JoinError| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        // The runtime has shut down before a thread was free.
        Err(_never_begun) => Err(StoppedAfter { blocks: 0 }),
    })
}
