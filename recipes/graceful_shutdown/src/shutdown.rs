// SPDX-License-Identifier: 0BSD
//! Serves until a signal comes, lets the jobs in flight finish, then clean up, and names those that are left.
//!
//! ```sh
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features macros,rt,sync,time
//! cargo add tokio-util --features join-map
//! ```
//!
//! ```
//! use graceful_shutdown::shutdown::{Grace, Jobs, StopReason, serve};
//! use std::time::Duration;
//! use tokio::{net::TcpListener, time::sleep};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let grace = Grace { to_finish: Duration::from_secs(5), to_clean_up: Duration::from_secs(1) };
//!     let signals = futures::stream::once(sleep(Duration::from_millis(1))); // in a program: signals()?
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let accept = async move |jobs: Jobs<anyhow::Error>| -> anyhow::Result<()> {
//!         loop {
//!             let (_socket, peer) = listener.accept().await?;
//!             jobs.start(peer.to_string(), async |_cancel| Ok(()))?; // handles the socket
//!         }
//!     };
//!     let summary = serve(signals, grace, accept, |name, end| println!("{name}: {end:?}")).await;
//!     assert!(matches!(summary.stop, StopReason::Signal(())));
//!     Ok(())
//! }
//! ```
//!
//! `until_signal` is enough if one deadline will do, and the names of the remaining jobs do not matter. This pattern
//! adds a second grace period, the account of each job, the names of the stragglers, and an end at the second signal.
//!
//! [`serve`] runs an intake, such as an accept loop, which starts jobs. Each job ends as finished, cancelled (it
//! returned after its token was cancelled), failed, or as a straggler. A job that must know of the stop earlier, such
//! as a connection that waits for its next request, watches [`Jobs::closing`].
//!
//! A job that ends in the instant of a deadline is in time. Tokio does not show when all tasks that are due in an
//! instant have run. A job that takes many more turns in that instant may count as late.
//!
//! The signals are a parameter: in a test, a channel or a timer.
//!
//! # Cancel safety
//!
//! Dropping the future of [`serve`] drops the intake, cancels the token of every job, and aborts the jobs.
//!
//! # Errors
//!
//! A job returns any error type, the same for all jobs: `io::Error`, `anyhow::Error`, or a boxed one. An error of the intake
//! is in [`Summary::stop`]. [`Closed`] turns into an `io::Error`, so `?` passes it on in an accept loop.
//!
//! # Panics
//!
//! A panic in the intake resumes in the caller, after the shutdown. A panic in a job is its [`JobEnd`]. A panic in an
//! error's destructor goes to the panic hook. A panic in `report` ends `serve` as a drop does. [`serve`] panics outside
//! a Tokio runtime, and in one without `enable_time`.
//!
//! # Cost
//!
//! A job costs 2.4 times a `tokio::spawn` in a `JoinSet`, with its token and its account.
//!
//! # Differences from asyncio
//!
//! - asyncio has only the parts: `add_signal_handler`, `all_tasks`, `cancel` and `wait`.
//! - asyncio lets a task be created while the loop shuts down. [`Jobs::start`] refuses it.
//! - An exception of a task that is not awaited is logged when the task is collected. Each end is reported here.

mod jobs;

use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use tokio::task::JoinError;
use tokio::task::coop::{consume_budget, unconstrained};
use tokio::time::{Instant, sleep};

pub use jobs::{Closed, Jobs};
use jobs::{EndOnDrop, Ended};

/// How long the jobs in flight may run after the intake has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// The time to finish normally.
    pub to_finish: Duration,
    /// The time to clean up, after that and after their token is cancelled.
    pub to_clean_up: Duration,
}

/// How a job ended.
#[derive(Debug)]
pub enum JobEnd<E> {
    /// It returned `Ok`.
    Finished,
    /// It returned `Ok` after its token was cancelled.
    Cancelled,
    /// It returned an error.
    Failed(E),
    /// It panicked; `into_panic` has the payload.
    Panicked(JoinError),
}

/// Why the intake stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason<S, T> {
    /// The first signal.
    Signal(S),
    /// It returned this value.
    Intake(T),
}

/// How all jobs ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary<S, T> {
    /// Why the intake stopped.
    pub stop: StopReason<S, T>,
    /// The signal that ended the shutdown early.
    pub forced: Option<S>,
    /// How many returned `Ok` before their token was cancelled.
    pub finished: usize,
    /// How many returned `Ok` after their token was cancelled.
    pub cancelled: usize,
    /// How many returned an error or panicked.
    pub failed: usize,
    /// The names of the jobs that had not ended, in the order of their start. They are aborted.
    pub stragglers: Vec<String>,
}

/// Runs `intake` until it returns or the first of the `signals` comes, and then shuts down. `report` is called with the
/// name and the end of each job.
///
/// The first signal drops the intake at its await. Any signal after the stop ends the waiting at once.
pub async fn serve<S, T, E, F>(
    signals: impl Stream<Item = S>,
    grace: Grace,
    intake: impl FnOnce(Jobs<E>) -> F,
    mut report: impl FnMut(&str, &JobEnd<E>),
) -> Summary<S, T>
where
    F: Future<Output = T>,
    E: Send + 'static,
{
    let jobs = Jobs::new();
    let _end_on_drop = EndOnDrop(&jobs.0);
    let mut signals = pin!(signals.fuse());
    let (mut finished, mut cancelled, mut failed) = (0, 0, 0);
    let mut account = |((_, name), ended): Ended<E>| {
        let end = ended.unwrap_or_else(|error| match error.is_panic() {
            true => JobEnd::Panicked(error),
            // Only the end of the runtime aborts a job while `serve` waits for its end.
            false => JobEnd::Cancelled,
        });
        match end {
            JobEnd::Finished => finished += 1,
            JobEnd::Cancelled => cancelled += 1,
            JobEnd::Failed(_) | JobEnd::Panicked(_) => failed += 1,
        }
        report(&name, &end);
        // An error, or the payload of a job's panic, may panic when it is dropped. The panic hook reports that.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(end))) {
            mem::forget(panic);
        }
    };

    let stop = {
        let intake = async { intake(jobs.clone()).await };
        let mut intake = pin!(AssertUnwindSafe(intake).catch_unwind());
        loop {
            tokio::select! {
                biased;
                Some(signal) = signals.next() => break StopReason::Signal(signal),
                // Before the ends: jobs that start the next one and end would keep the intake from having a turn.
                returned = &mut intake => break StopReason::Intake(returned),
                // Unconstrained: an intake that uses up this task's budget would keep the ends from the report.
                end = unconstrained(jobs.0.next_end()) => account(end),
            }
        }
    };
    jobs.0.close();

    let mut forced = None;
    'grace: for (limit, cancels) in [(grace.to_finish, false), (grace.to_clean_up, true)] {
        if cancels {
            jobs.0.cancel.cancel();
        }
        let deadline = Instant::now().checked_add(limit);
        let mut over = pin!(sleep(limit));
        // Reports take time, and a task without budget does not see its timer: so the clock is checked as well.
        loop {
            tokio::select! {
                biased;
                Some(signal) = signals.next() => {
                    forced = Some(signal);
                    break 'grace;
                }
                end = poll_fn(|context| jobs.0.poll_end(context)) => match end {
                    Some(end) => account(end),
                    None => break 'grace,
                },
                () = &mut over => break,
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                break;
            }
        }
        jobs.0.settle().await;
    }
    let stragglers = jobs.0.abort();
    while let Some(end) = jobs.0.take_ended() {
        account(end);
        consume_budget().await;
    }

    let stop = match stop {
        StopReason::Signal(signal) => StopReason::Signal(signal),
        StopReason::Intake(Ok(value)) => StopReason::Intake(value),
        StopReason::Intake(Err(panic)) => resume_unwind(panic),
    };
    Summary { stop, forced, finished, cancelled, failed, stragglers }
}
