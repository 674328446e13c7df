// SPDX-License-Identifier: 0BSD
//! Watches background workers: it reports every failure, and starts a worker again if asked, after pauses that grow,
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
//! use error_handling::supervise::{End, Restart, Supervisor};
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
//!     assert!(matches!(workers.next_end().await, Some((_, End::Finished))));
//!     Ok(())
//! }
//! ```
//!
//! asyncio has no name for it; Erlang calls it a supervisor.
//!
//! A worker that returns `Ok` has finished and is not started again. A worker that was cancelled is not either: that is
//! no failure, and its end was asked for. The supervisor finds the [`JoinError`] of a cancelled task among the causes of the
//! worker's error and inside an `io::Error`, and not inside a type with `#[error(transparent)]`.
//!
//! A `JoinSet` and a loop over `join_next` are enough without restarts.
//!
//! # Cancel safety
//!
//! [`Supervisor::next_end`] is cancel safe. Dropping the [`Supervisor`], or the future of [`Supervisor::shutdown`],
//! aborts every worker and cancels the token that they were given.
//!
//! # Panics
//!
//! A panic of a worker is a failure of that worker, a [`Panicked`], also one in the call that makes its future. A panic
//! of the report, or of a destructor, ends the worker for which it happened, unreported: [`End::Failed`].

use std::any::Any;
use std::collections::VecDeque;
use std::error::Error;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use std::{io, iter};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use tokio::task::{JoinError, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::JoinMap;

/// When to start a failed worker again.
#[derive(Debug, Clone)]
pub struct Restart {
    /// The pauses before the restarts, with or without jitter. If they have an end (they have by default, after the
    /// third), it is a reason to give up.
    pub pauses: ExponentialBuilder,
    /// After a run that was at least this long the pauses begin anew.
    pub healthy: Duration,
    /// The failure that makes so many within [`window`](Self::window) is the last. 1 means no restart.
    pub failures: usize,
    /// See [`failures`](Self::failures).
    pub window: Duration,
}

/// How a worker ended for good.
#[derive(Debug)]
pub enum End {
    /// It returned `Ok`.
    Finished,
    /// It failed, with this as the last failure, and is not started again.
    Failed(anyhow::Error),
    /// It was cancelled, or the supervisor was shut down while it ran or was to be started again.
    Cancelled,
}

/// A worker panicked with this message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(pub String);

/// A worker of this name has not ended, or its end has not been taken by [`Supervisor::next_end`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is a worker named {0} already")]
pub struct NameTaken(pub String);

/// Starts workers, and starts them again.
#[derive(Debug)]
pub struct Supervisor<R> {
    workers: JoinMap<String, End>,
    stop: CancellationToken,
    /// For what a worker has started with its token and has not waited for.
    _stop_on_drop: DropGuard,
    report: Arc<R>,
}

impl<R> Supervisor<R>
where
    R: Fn(&str, &anyhow::Error, Option<Duration>) + Send + Sync + 'static,
{
    /// `report` is called with each failure, the name of its worker, and the pause before the restart if there is one.
    pub fn new(report: R) -> Self {
        let stop = CancellationToken::new();
        let _stop_on_drop = stop.clone().drop_guard();
        Self { workers: JoinMap::new(), stop, _stop_on_drop, report: Arc::new(report) }
    }

    /// Starts a worker. `work` makes the future of each run; its token is cancelled at the shutdown, so that the
    /// worker can clean up.
    ///
    /// # Errors
    ///
    /// [`NameTaken`]; nothing is started then.
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

    /// Aborts a worker: it ends at its next await, or in its pause, and is not started again. `false` if there is none
    /// of that name.
    pub fn cancel(&mut self, name: &str) -> bool {
        self.workers.abort(name)
    }

    /// Waits for the next worker to end for good, and gives its name and its end. `None` if there is no worker.
    pub async fn next_end(&mut self) -> Option<(String, End)> {
        let (name, end) = self.workers.join_next().await?;
        Some((
            name,
            end.unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => End::Failed(Panicked(text(panic)).into()),
                Err(_aborted) => End::Cancelled,
            }),
        ))
    }

    /// Cancels the workers' token, waits for them up to `grace`, aborts the rest, and gives every end that has not
    /// been taken. When it returns no worker is alive. Failures are reported up to the end.
    pub async fn shutdown(mut self, grace: Duration) -> Vec<(String, End)> {
        let mut ends = Vec::new();
        self.stop.cancel();
        if timeout(grace, self.take_ends(&mut ends)).await.is_err() {
            // Lets workers end that are due in this instant. Tokio cannot tell when all of them have run: each further turn
            // has to end one, but for a few turns.
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

    async fn take_ends(&mut self, ends: &mut Vec<(String, End)>) {
        while let Some(end) = self.next_end().await {
            ends.push(end);
        }
    }
}

async fn supervise<F: Future<Output = anyhow::Result<()>>>(
    restart: Option<Restart>,
    mut work: impl FnMut(CancellationToken) -> F,
    stop: CancellationToken,
    report: impl Fn(&anyhow::Error, Option<Duration>),
) -> End {
    let mut restarts = restart.map(Restarts::new);
    loop {
        let begin = Instant::now();
        // In this task and not in one of its own: an abort has dropped the work when the worker's end is given.
        let run = AssertUnwindSafe(async { work(stop.clone()).await }).catch_unwind().await;
        let failure = match run {
            Ok(Ok(())) => return End::Finished,
            Ok(Err(error)) if is_cancellation(&error) => return End::Cancelled,
            Ok(Err(error)) => error,
            Err(panic) => Panicked(text(panic)).into(),
        };
        let pause = restarts
            .as_mut()
            .filter(|_| !stop.is_cancelled())
            .and_then(|restarts| restarts.pause_after(begin.elapsed()));
        report(&failure, pause);
        let Some(pause) = pause else { return End::Failed(failure) };
        // An error may own a connection or a permit. It must not keep them through the pause.
        drop(failure);
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return End::Cancelled;
        }
    }
}

struct Restarts {
    policy: Restart,
    pauses: <ExponentialBuilder as BackoffBuilder>::Backoff,
    /// When it failed, within the window.
    failures: VecDeque<Instant>,
}

impl Restarts {
    fn new(policy: Restart) -> Self {
        Self { pauses: policy.pauses.build(), policy, failures: VecDeque::new() }
    }

    /// Counts a failure after a run of this length. `None` says to give up.
    fn pause_after(&mut self, run: Duration) -> Option<Duration> {
        if run >= self.policy.healthy {
            self.pauses = self.policy.pauses.build();
        }
        let now = Instant::now();
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|first| now - *first > self.policy.window) {
            self.failures.pop_front();
        }
        if self.failures.len() >= self.policy.failures { None } else { self.pauses.next() }
    }
}

/// Whether the error comes from a task that was aborted. The `source` of an [`io::Error`] skips the error it holds.
fn is_cancellation(error: &anyhow::Error) -> bool {
    let first: &(dyn Error + 'static) = error.as_ref();
    let mut causes =
        iter::successors(Some(first), |&cause| match cause.downcast_ref().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => cause.source(),
        });
    causes.any(|cause| cause.downcast_ref().is_some_and(JoinError::is_cancelled))
}

/// The text of a panic: `panic!` leaves a `&str` or a `String`, `panic_any` whatever it was given.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and the payload of that panic as well: it is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
