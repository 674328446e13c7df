// SPDX-License-Identifier: 0BSD
//! Retries a call after growing pauses, up to a number of attempts and a total time: `tenacity`, `backoff`, `stamina`.
//!
//! ```sh
//! cargo add fastrand
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use std::io::{Error, ErrorKind};
//! use std::time::Duration;
//!
//! use http_client::retry::{Policy, Verdict, retry};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     let mut answers = [Err(Error::from(ErrorKind::TimedOut)), Ok("page")].into_iter();
//!     let fetch = || std::future::ready(answers.next().unwrap());
//!     let policy = Policy { attempts: 5, total: Duration::from_secs(60), ..Policy::default() };
//!     let page = retry(policy, fetch, |error| match error.kind() {
//!         ErrorKind::NotFound => Verdict::Final,
//!         _ => Verdict::Again,
//!     });
//!     assert_eq!(page.await?, "page");
//!     Ok(())
//! }
//! ```
//!
//! Tokio has no retry. The crate `backon` is enough if you judge only errors:
//! `attempt.retry(ExponentialBuilder::default())`. This file adds the pause that a server asks for (`Retry-After`),
//! outcomes that are not errors, and cancellation.
//!
//! Take [`retry_outcome`] for `anyhow::Error`, for a response that may say "busy", and to report each retry.
//!
//! The policy begins no attempt after its `total`, and cuts off none: give each attempt a `tokio::time::timeout`.
//!
//! # Cancel safety
//!
//! Dropping the future drops the attempt or the pause under way. The effects of half an attempt are not undone: repeat
//! only calls that may be done twice.
//!
//! # Errors
//!
//! The last outcome, unchanged.
//!
//! # Panics
//!
//! A panic in an attempt goes on in the caller and is not retried (lesson
//! `a_panic_in_an_attempt_goes_on_in_the_caller`).
//!
//! # Differences from asyncio
//!
//! A cancellation is an error here, the [`JoinError`] of an aborted task. [`retry`] never repeats it.

use std::error::Error;
use std::time::Duration;
use std::{io, iter};

use tokio::task::JoinError;
use tokio::time::{Instant, sleep};

/// How often to try, and how long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The most attempts, the first one included. 0 counts as 1. Default: 5.
    pub attempts: u32,
    /// The back-off before the second attempt. It doubles with each further one. Default: 100 ms.
    pub pause: Duration,
    /// The longest pause. If the server asks for a longer one, there is no further attempt. Default: 10 s.
    pub longest: Duration,
    /// No attempt begins later than this after the first. Default: one minute.
    pub total: Duration,
    /// Returns a random number from 0 to 1: a pause lies between half of the back-off and all of it. So clients that
    /// failed together come back one by one. Default: `fastrand::f64`. `|| 1.0` gives exact pauses.
    pub random: fn() -> f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 5,
            pause: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            total: Duration::from_secs(60),
            random: fastrand::f64,
        }
    }
}

/// Whether to make another attempt after an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No: it is a success, or would be the same failure again.
    Final,
    /// Yes: another attempt may do better.
    Again,
    /// Yes, but not sooner than after this pause, because the server asks for it.
    After(Duration),
}

/// `None` is final. `Some` is the shortest pause: with zero the back-off decides.
impl From<Option<Duration>> for Verdict {
    fn from(pause: Option<Duration>) -> Self {
        pause.map_or(Self::Final, Self::After)
    }
}

/// Makes attempts until one succeeds, `judge` calls an error [`Verdict::Final`], or the policy ends it.
///
/// # Errors
///
/// The error of the last attempt. A cancellation is final without a call of `judge`.
pub async fn retry<T, E, F>(
    policy: Policy,
    attempt: impl FnMut() -> F,
    judge: impl Fn(&E) -> Verdict,
) -> Result<T, E>
where
    E: Error + 'static,
    F: Future<Output = Result<T, E>>,
{
    let judge = |outcome: &Result<T, E>| match outcome {
        Err(error) if !is_cancellation(error) => judge(error),
        _ => Verdict::Final,
    };
    retry_outcome(policy, attempt, judge, |_, _| {}).await
}

/// Makes attempts until `judge` calls an outcome [`Verdict::Final`], or the policy ends it. Returns the last outcome.
///
/// `on_retry` gets each outcome that is followed by another attempt, and the pause before that attempt.
pub async fn retry_outcome<T, F: Future<Output = T>>(
    policy: Policy,
    mut attempt: impl FnMut() -> F,
    judge: impl Fn(&T) -> Verdict,
    mut on_retry: impl FnMut(&T, Duration),
) -> T {
    let begin = Instant::now();
    let mut back_off = policy.pause;
    for _ in 1..policy.attempts {
        let outcome = attempt().await;
        let asked_for = match judge(&outcome) {
            Verdict::Final => return outcome,
            Verdict::Again => Duration::ZERO,
            // Coming back sooner than asked would be worse than giving up.
            Verdict::After(pause) if pause > policy.longest => return outcome,
            Verdict::After(pause) => pause,
        };
        let half = back_off.min(policy.longest) / 2;
        // A server in trouble may ask for a pause of zero: then the back-off decides.
        let pause = asked_for.max(half + half.mul_f64((policy.random)().clamp(0.0, 1.0)));
        if begin.elapsed().saturating_add(pause) > policy.total {
            return outcome;
        }
        on_retry(&outcome, pause);
        // An outcome may hold a connection or a permit, and must not keep it during the pause.
        drop(outcome);
        sleep(pause).await;
        back_off = back_off.saturating_mul(2);
    }
    attempt().await
}

/// Returns whether the error, or one of its causes, is that of a task that was aborted.
///
/// It looks into an [`io::Error`], whose `source` skips the error it holds. It cannot see the error in a type with
/// `#[error(transparent)]`: let `judge` look there. For an `anyhow::Error`, pass `error.as_ref()`.
pub fn is_cancellation(error: &(dyn Error + 'static)) -> bool {
    let mut causes =
        iter::successors(Some(error), |&cause| match cause.downcast_ref().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => cause.source(),
        });
    causes.any(|cause| cause.downcast_ref().is_some_and(JoinError::is_cancelled))
}
