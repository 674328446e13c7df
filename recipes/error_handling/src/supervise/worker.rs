// SPDX-License-Identifier: 0BSD
//! One worker of `supervise.rs`: its runs, its failures and its restarts.

use std::any::Any;
use std::collections::VecDeque;
use std::error::Error;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use std::{io, iter};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::WorkerEnd;

/// When to start a failed worker again.
#[derive(Debug, Clone)]
pub struct Restart {
    /// The pauses before the restarts, with or without jitter. The worker is given up after the last pause; by default
    /// there are three.
    pub pauses: ExponentialBuilder,
    /// After a run of at least this length the pauses begin anew.
    pub healthy: Duration,
    /// The worker is given up at this many failures within [`window`](Self::window). 1 means no restart.
    pub failures: usize,
    /// See [`failures`](Self::failures).
    pub window: Duration,
}

/// A worker panicked with this message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(pub String);

/// Runs a worker until it has ended for good.
pub(super) async fn supervise<F: Future<Output = anyhow::Result<()>>>(
    restart: Option<Restart>,
    mut work: impl FnMut(CancellationToken) -> F,
    stop: CancellationToken,
    report: impl Fn(&anyhow::Error, Option<Duration>),
) -> WorkerEnd {
    let mut restarts = restart.map(Restarts::new);
    loop {
        let begin = Instant::now();
        // In this task and not in one of its own: so an abort has dropped the work before the worker's end is returned.
        let run = AssertUnwindSafe(async { work(stop.clone()).await }).catch_unwind().await;
        let failure = match run {
            Ok(Ok(())) => return WorkerEnd::Finished,
            Ok(Err(error)) if is_cancellation(&error) => return WorkerEnd::Cancelled,
            Ok(Err(error)) => error,
            Err(panic) => Panicked(text(panic)).into(),
        };
        let pause = restarts
            .as_mut()
            .filter(|_| !stop.is_cancelled())
            .and_then(|restarts| restarts.pause_after(begin.elapsed()));
        report(&failure, pause);
        let Some(pause) = pause else { return WorkerEnd::Failed(failure) };
        // An error may own a connection or a permit, and must not keep them during the pause.
        drop(failure);
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return WorkerEnd::Cancelled;
        }
    }
}

struct Restarts {
    policy: Restart,
    pauses: <ExponentialBuilder as BackoffBuilder>::Backoff,
    /// The times of its failures within the window.
    failures: VecDeque<Instant>,
}

impl Restarts {
    fn new(policy: Restart) -> Self {
        Self { pauses: policy.pauses.build(), policy, failures: VecDeque::new() }
    }

    /// Counts a failure after a run of this length. Returns the pause, or `None` to give up.
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

/// Returns whether the error comes from a task that was aborted. The `source` of an [`io::Error`] skips the error it
/// holds.
fn is_cancellation(error: &anyhow::Error) -> bool {
    let first: &(dyn Error + 'static) = error.as_ref();
    let mut causes =
        iter::successors(Some(first), |&cause| match cause.downcast_ref().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => cause.source(),
        });
    causes.any(|cause| cause.downcast_ref().is_some_and(JoinError::is_cancelled))
}

/// Returns the text of a panic: the payload of `panic!` is a `&str` or a `String`, that of `panic_any` any value.
pub(super) fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is not text")
        .to_owned();
    // A payload may panic when it is dropped, and so may the payload of that panic: the second one is forgotten.
    catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
    text
}
