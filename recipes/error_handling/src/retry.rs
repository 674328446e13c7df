// SPDX-License-Identifier: 0BSD
//! Tries again what may succeed the next time, with pauses that grow, up to a deadline, and never after a cancellation:
//! in asyncio a loop around `try`, or the package `tenacity`.
//!
//! ```sh
//! cargo add backon --no-default-features --features std,tokio-sleep
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use std::{io, time::Duration};
//!
//! use backon::ExponentialBuilder;
//! use error_handling::retry::{Verdict, retry};
//! use tokio::time::Instant;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> io::Result<()> {
//!     let mut server = [Err(io::ErrorKind::TimedOut), Ok("page")].into_iter();
//!     let attempt = || std::future::ready(server.next().unwrap().map_err(io::Error::from));
//!     let judge = |error: &io::Error| match error.kind() {
//!         io::ErrorKind::TimedOut => Verdict::Again,
//!         _ => Verdict::Final,
//!     };
//!     let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(1)).with_jitter();
//!     let deadline = Instant::now() + Duration::from_secs(30);
//!     let log = |error: &io::Error, pause| println!("{error}, again in {pause:?}");
//!     assert_eq!(retry(pauses, deadline, judge, log, attempt).await?, "page");
//!     Ok(())
//! }
//! ```
//!
//! [`backon`] is the loop and the pauses: it draws the jitter, and a seed makes it draw the same again.
//! `attempt.retry(pauses)` is enough without a deadline. This function adds what backon cannot know: which errors are
//! worth it, and how long the caller can wait.
//!
//! # Cancel safety
//!
//! Dropping the future drops the attempt or the pause under way. What half an attempt has done is not undone: repeat
//! only what may be done twice.
//!
//! # Errors
//!
//! The error of the last attempt, as it is.
//!
//! # Panics
//!
//! A panic in an attempt goes on in the caller and is not retried: the same bug would be there again.

use std::error::Error;
use std::time::Duration;
use std::{io, iter};

use backon::{BackoffBuilder, Retryable};
use tokio::task::JoinError;
use tokio::time::Instant;

/// What an error says about another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It would come out the same.
    Final,
    /// It may do better.
    Again,
    /// It may do better, but not sooner than this: the other side has said so.
    After(Duration),
}

/// Makes attempts until one succeeds, an error is [`Verdict::Final`], the pauses have an end, or the next attempt would
/// begin after `deadline`.
///
/// An attempt under way is not cut at the deadline: let `attempt` use `timeout_at` for that. `on_retry` is told each
/// error that is followed by another attempt, and the pause before it.
pub async fn retry<T, E, F>(
    pauses: impl BackoffBuilder,
    deadline: Instant,
    judge: impl Fn(&E) -> Verdict,
    on_retry: impl FnMut(&E, Duration),
    attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    E: Error + 'static,
    F: Future<Output = Result<T, E>>,
{
    attempt
        .retry(pauses)
        .when(|error| !is_cancellation(error))
        .adjust(|error, pause| {
            let pause = match judge(error) {
                Verdict::Final => None,
                Verdict::Again => pause,
                Verdict::After(at_least) => pause.map(|pause| pause.max(at_least)),
            };
            pause.filter(|pause| *pause <= deadline.saturating_duration_since(Instant::now()))
        })
        .notify(on_retry)
        .await
}

/// Whether the error, or one of its causes, is that of a task that was aborted. Whoever aborts wants an end.
///
/// It looks into an [`io::Error`], whose `source` skips the error it holds. It does not see what a type with
/// `#[error(transparent)]` holds, as its `source` skips that too: the caller's judge knows the type.
pub fn is_cancellation(error: &(dyn Error + 'static)) -> bool {
    let mut causes =
        iter::successors(Some(error), |&cause| match cause.downcast_ref().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => cause.source(),
        });
    causes.any(|cause| cause.downcast_ref().is_some_and(JoinError::is_cancelled))
}
