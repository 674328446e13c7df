// SPDX-License-Identifier: 0BSD
//! Watches background workers: reports every failure, and restarts a failed worker if asked, after growing pauses,
//! until it fails too often.
//!
//! ```sh
//! cargo add anyhow
//! cargo add backon --no-default-features --features std
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features rt,time
//! cargo add tokio-util --features join-map,rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use backon::ExponentialBuilder;
//! use error_handling::supervise::{WorkerEnd, Restart, Supervisor};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut workers = Supervisor::new(|name, error, _pause| println!("{name}: {error}"));
//!     let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(1));
//!     let minute = Duration::from_secs(60);
//!     let restart = Restart { pauses, healthy: minute, failures: 5, window: minute };
//!     let mut runs = 0;
//!     workers.start("feed", Some(restart), move |_stop| {
//!         runs += 1;
//!         async move { anyhow::Ok(anyhow::ensure!(runs == 2, "connection lost")) }
//!     })?;
//!     assert!(matches!(workers.next_end().await, Some((_, WorkerEnd::Finished))));
//!     Ok(())
//! }
//! ```
//!
//! asyncio has no name for it; Erlang calls it a supervisor.
//!
//! A worker that returns `Ok` has finished and is not restarted. A cancelled worker is not restarted either: a
//! cancellation is no failure. The supervisor finds the [`JoinError`](tokio::task::JoinError) of a cancelled task among
//! the causes of the worker's error and inside an `io::Error`. It does not find one inside a type with
//! `#[error(transparent)]` (lesson `a_worker_that_ends_for_its_own_task_was_aborted_counts_as_cancelled`).
//!
//! Without restarts, a `JoinSet` and a loop over `join_next` are enough.
//!
//! # Cancel safety
//!
//! [`Supervisor::next_end`] is cancel safe. Dropping the [`Supervisor`], or the future of [`Supervisor::shutdown`],
//! aborts every worker and cancels their token.
//!
//! # Panics
//!
//! A panic of a worker is a failure of that worker, a [`Panicked`], even in the call that makes its future. A panic of
//! the report, or of a destructor, ends its worker without a report: [`WorkerEnd::Failed`]. With `panic = "abort"` in
//! the profile, no panic is caught.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::JoinMap;

use worker::{supervise, text};

mod worker;

pub use worker::{Panicked, Restart};

/// How a worker ended for good.
#[derive(Debug)]
pub enum WorkerEnd {
    /// It returned `Ok`.
    Finished,
    /// It failed, last with this error, and is not restarted.
    Failed(anyhow::Error),
    /// It was cancelled, or the supervisor was shut down while it ran or waited for its restart.
    Cancelled,
}

/// A worker of this name has not ended, or [`Supervisor::next_end`] has not returned its end yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is a worker named {0} already")]
pub struct NameTaken(pub String);

/// Starts workers, and restarts them after a failure.
#[derive(Debug)]
pub struct Supervisor<R> {
    workers: JoinMap<String, WorkerEnd>,
    stop: CancellationToken,
    /// Ends tasks that a worker has started with its token and does not wait for.
    _stop_on_drop: DropGuard,
    report: Arc<R>,
}

impl<R> Supervisor<R>
where
    R: Fn(&str, &anyhow::Error, Option<Duration>) + Send + Sync + 'static,
{
    /// Makes a supervisor. It calls `report` with each failure: the name of the worker, the error, and the pause before
    /// the restart, if there is one.
    pub fn new(report: R) -> Self {
        let stop = CancellationToken::new();
        let _stop_on_drop = stop.clone().drop_guard();
        Self { workers: JoinMap::new(), stop, _stop_on_drop, report: Arc::new(report) }
    }

    /// Starts a worker. `work` makes the future of each run. Its token is cancelled at the shutdown, so that the worker
    /// can clean up.
    ///
    /// # Errors
    ///
    /// [`NameTaken`]; no worker is started then.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn start<F>(
        &mut self,
        name: impl Into<String>,
        restart: Option<Restart>,
        work: impl FnMut(CancellationToken) -> F + Send + 'static,
    ) -> Result<(), NameTaken>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let name = name.into();
        if self.workers.contains_key(&name) {
            return Err(NameTaken(name));
        }
        let (stop, report) = (self.stop.clone(), self.report.clone());
        self.workers.spawn(name.clone(), async move {
            supervise(restart, work, stop, |error, pause| report(&name, error, pause)).await
        });
        Ok(())
    }

    /// Aborts a worker: it ends at its next await, or in its pause, and is not restarted. Returns `false` if no worker
    /// has that name.
    pub fn cancel(&mut self, name: &str) -> bool {
        self.workers.abort(name)
    }

    /// Waits until the next worker ends for good, and returns its name and its end. Returns `None` if there is no
    /// worker.
    pub async fn next_end(&mut self) -> Option<(String, WorkerEnd)> {
        let (name, end) = self.workers.join_next().await?;
        Some((
            name,
            end.unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => WorkerEnd::Failed(Panicked(text(panic)).into()),
                Err(_aborted) => WorkerEnd::Cancelled,
            }),
        ))
    }

    /// Cancels the workers' token, waits for them up to `grace`, and aborts the rest. Returns every end that `next_end`
    /// has not returned yet. When it returns, no worker is alive. Failures are reported up to the end.
    pub async fn shutdown(mut self, grace: Duration) -> Vec<(String, WorkerEnd)> {
        let mut ends = Vec::new();
        self.stop.cancel();
        if timeout(grace, self.take_ends(&mut ends)).await.is_err() {
            // Lets workers end that are due in this instant. Tokio does not show when all of them have run: each
            // further turn must end at least one; a few turns may end none.
            let mut idle_turns = 0;
            while !self.workers.is_empty() && idle_turns < 4 + self.workers.len() / 30 {
                yield_now().await;
                let before = ends.len();
                while let Some(end) = self.next_end().now_or_never().flatten() {
                    ends.push(end);
                }
                idle_turns = if ends.len() > before { 0 } else { idle_turns + 1 };
            }
        }
        self.workers.abort_all();
        self.take_ends(&mut ends).await;
        ends
    }

    async fn take_ends(&mut self, ends: &mut Vec<(String, WorkerEnd)>) {
        while let Some(end) = self.next_end().await {
            ends.push(end);
        }
    }
}
