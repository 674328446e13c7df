// SPDX-License-Identifier: 0BSD
//! A guard in the head of `while let` lives through the body, so many workers run one at a time. asyncio: `async with lock:`
//! around too much.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features sync
//! ```
//!
//! # What you see
//!
//! Nine jobs of 10 ms take three workers 90 ms instead of 30. The guard of `jobs.lock().await` is a temporary of the
//! head. Temporaries of a `while let`, an `if let` and a `match` are dropped after the body.
//!
//! # What catches it
//!
//! Nothing: Clippy's `significant_drop_in_scrutinee` (nursery) does not fire here.
//!
//! # What to do
//!
//! Take the job in a `let` of its own: its temporaries are dropped at the semicolon. A channel with many receivers, such as
//! `async_channel`, is better: the recipe `queues` has it.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops the jobs under way, and the queued jobs with the receiver.

use std::num::NonZeroUsize;

use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::sync::mpsc::Receiver;

/// Lets `workers` tasks handle the jobs until the queue is closed: one job at a time.
pub async fn broken<J, F>(jobs: Receiver<J>, workers: NonZeroUsize, handle: impl Fn(J) -> F)
where
    F: Future<Output = ()>,
{
    let jobs = &Mutex::new(jobs);
    let handle = &handle;
    let worker = async || {
        while let Some(job) = jobs.lock().await.recv().await {
            handle(job).await;
        }
    };
    join_all((0..workers.get()).map(|_| worker())).await;
}

/// Lets `workers` tasks handle the jobs until the queue is closed.
pub async fn fixed<J, F>(jobs: Receiver<J>, workers: NonZeroUsize, handle: impl Fn(J) -> F)
where
    F: Future<Output = ()>,
{
    let jobs = &Mutex::new(jobs);
    let handle = &handle;
    let worker = async || {
        loop {
            let job = jobs.lock().await.recv().await;
            let Some(job) = job else { break };
            handle(job).await;
        }
    };
    join_all((0..workers.get()).map(|_| worker())).await;
}
