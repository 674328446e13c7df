// SPDX-License-Identifier: 0BSD
//! Stops work on request: it finishes its step, cleans up, and reports how much it has done. In asyncio: a loop with an
//! `except CancelledError`, or a loop that checks an `asyncio.Event`.
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
//! A dropped future stops at its await: between two writes, or with half a line on the disk. So the loop is not dropped but
//! notified by a [`CancellationToken`], which it checks only between two steps. A loop that computes checks it too, because
//! it has no await at which it could be aborted.
//!
//! `token.run_until_cancelled(work)` is enough if work may be dropped at any await.
//!
//! # Cancel safety
//!
//! Cancel the token of [`work_until_cancelled`], and do not drop its future: a drop loses the job of the step under way and
//! skips the clean-up. Jobs that have not begun always stay in the channel. Dropping the future of [`checksum`] asks its
//! loop to stop.
//!
//! # Errors
//!
//! The first error of a step, after the clean-up; otherwise the error of the clean-up. For [`checksum`], [`Stopped`].
//!
//! # Panics
//!
//! A panic goes on in the caller. A panic in a step skips the clean-up.

use std::panic::resume_unwind;

use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::sync::CancellationToken;

/// The report of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The number of jobs that are done.
    pub done: usize,
    /// Whether `stop` was cancelled. If not, every sender is dropped, so no more jobs come.
    pub was_cancelled: bool,
}

/// Does one job after the other until `stop` is cancelled or no more jobs come. Then it cleans up and reports.
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
            // Checked first, so that no step begins after the request, and its job stays in the channel.
            biased;
            () = stop.cancelled() => break true,
            job = jobs.recv() => job,
        };
        let Some(job) = job else { break false };
        // Not in a `select!`, because a step must not be cut in half.
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
pub struct Stopped {
    /// The number of blocks in the sum.
    pub blocks: usize,
}

/// Sums up blocks of bytes on a thread for blocking work, until `stop` is cancelled.
///
/// `JoinHandle::abort` has no effect on a `spawn_blocking` that has begun, and dropping its handle lets it run on.
pub async fn checksum<B: AsRef<[u8]>>(
    stop: &CancellationToken,
    blocks: impl Iterator<Item = B> + Send + 'static,
) -> Result<u64, Stopped> {
    // A child token, so that the guard stops only this loop.
    let stop = stop.child_token();
    let _stopped_at_the_latest_now = stop.clone().drop_guard();
    let sum = spawn_blocking(move || {
        let mut sum = 0_u64;
        for (done, block) in blocks.enumerate() {
            if stop.is_cancelled() {
                return Err(Stopped { blocks: done });
            }
            sum = block.as_ref().iter().fold(sum, |sum, &byte| sum.rotate_left(5) ^ u64::from(byte));
        }
        Ok(sum)
    });
    sum.await.unwrap_or_else(|error: JoinError| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        // The runtime has shut down before a thread was free.
        Err(_never_begun) => Err(Stopped { blocks: 0 }),
    })
}
