// SPDX-License-Identifier: 0BSD
//! One missing `task_done` makes `join` wait forever. asyncio: a `continue` or an exception before `queue.task_done()`.
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! After a job has failed, the program does not end. With one `task_done` too many, `join` returns while a job is under way.
//!
//! # What catches it
//!
//! Nothing: you keep the count by hand.
//!
//! # What to do
//!
//! Let a value count: a token that travels with the job and is dropped with it, also after a `continue`, a `?` or a panic.
//! A token cannot be dropped twice. If no more jobs come, you need no count: close the queue and await the workers. The
//! recipe `queues` has a queue with `join` whose items are such tokens.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the worker and drops the jobs that have not begun.
//!
//! # Panics
//!
//! A panic in `handle` goes on in the caller of [`fixed`]. It panics as well when the runtime shuts down meanwhile.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The number of slots in the queue.
const PLACES: usize = 16;

/// Hands each batch to a worker, and reports when it is done. Failed jobs are reported, but not counted.
pub async fn broken<J, E, F>(
    batches: impl IntoIterator<Item = Vec<J>>,
    handle: impl Fn(J) -> F + Send + 'static,
    report: impl Fn(E) + Send + 'static,
    mut batch_done: impl FnMut(),
) where
    J: Send + 'static,
    F: Future<Output = Result<(), E>> + Send,
    E: Send,
{
    let (queue, mut jobs) = mpsc::channel(PLACES);
    let unfinished = Arc::new(watch::Sender::new(0_usize));
    let _worker = AbortOnDropHandle::new(tokio::spawn({
        let unfinished = Arc::clone(&unfinished);
        async move {
            while let Some(job) = jobs.recv().await {
                if let Err(error) = handle(job).await {
                    report(error);
                    continue;
                }
                unfinished.send_modify(|count| *count -= 1);
            }
        }
    }));
    for batch in batches {
        for job in batch {
            unfinished.send_modify(|count| *count += 1);
            if queue.send(job).await.is_err() {
                return;
            }
        }
        if unfinished.subscribe().wait_for(|count| *count == 0).await.is_err() {
            return;
        }
        batch_done();
    }
}

/// Hands each batch to a worker, and reports when it is done. Failed jobs are reported.
pub async fn fixed<J, E, F>(
    batches: impl IntoIterator<Item = Vec<J>>,
    handle: impl Fn(J) -> F + Send + 'static,
    report: impl Fn(E) + Send + 'static,
    mut batch_done: impl FnMut(),
) where
    J: Send + 'static,
    F: Future<Output = Result<(), E>> + Send,
    E: Send,
{
    let (queue, mut jobs) = mpsc::channel(PLACES);
    let worker = AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some((job, _unfinished)) = jobs.recv().await {
            if let Err(error) = handle(job).await {
                report(error);
                continue;
            }
        }
    }));
    let unfinished = TaskTracker::new();
    // `wait` returns only on a closed tracker. A closed tracker still gives tokens.
    unfinished.close();
    'batches: for batch in batches {
        for job in batch {
            if queue.send((job, unfinished.token())).await.is_err() {
                break 'batches;
            }
        }
        unfinished.wait().await;
        if queue.is_closed() {
            break;
        }
        batch_done();
    }
    drop(queue);
    worker.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
}
