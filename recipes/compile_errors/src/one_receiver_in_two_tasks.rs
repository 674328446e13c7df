// SPDX-License-Identifier: 0BSD
//! Two tasks take from one receiver.
//!
//! ```text
//! error[E0382]: use of moved value: `queue`
//! ```
//!
//! ```sh
//! cargo add async-channel
//! cargo add tokio --features rt,sync
//! ```
//!
//! # What it means
//!
//! A receiver of `tokio::sync::mpsc` has one owner: *m*any *p*roducers, a *s*ingle *c*onsumer.
//!
//! # What to do
//!
//! Use `async_channel`, whose receivers can be cloned.
//!
//! # Second best
//!
//! Use an `Arc<tokio::sync::Mutex<Receiver>>`, locked for one `recv`. Take it when you do not want another crate.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinError;

type Jobs = Vec<Option<&'static str>>;

/// Each task has a receiver of its own.
pub async fn fixed() -> Result<Jobs, JoinError> {
    let (jobs, queue) = async_channel::bounded(8);
    let other_queue = queue.clone();
    let one = tokio::spawn(async move { queue.recv().await.ok() });
    let other = tokio::spawn(async move { other_queue.recv().await.ok() });
    for job in ["home", "news"] {
        // It fails when both tasks have ended: they are joined below.
        let _kept = jobs.send(job).await;
    }
    sorted(vec![one.await?, other.await?])
}

/// Both tasks lock the one receiver.
pub async fn second_best() -> Result<Jobs, JoinError> {
    let (jobs, queue) = mpsc::channel(8);
    let queue = Arc::new(Mutex::new(queue));
    let other_queue = Arc::clone(&queue);
    let one = tokio::spawn(async move { queue.lock().await.recv().await });
    let other = tokio::spawn(async move { other_queue.lock().await.recv().await });
    for job in ["home", "news"] {
        // It fails when both tasks have ended: they are joined below.
        let _kept = jobs.send(job).await;
    }
    sorted(vec![one.await?, other.await?])
}

fn sorted(mut jobs: Jobs) -> Result<Jobs, JoinError> {
    jobs.sort_unstable();
    Ok(jobs)
}
