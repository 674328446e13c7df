// SPDX-License-Identifier: 0BSD
//! Uses a resource and always cleans up after it, with a clean-up that awaits: `async with`.
//!
//! ```sh
//! cargo add futures
//! cargo add scopeguard
//! cargo add thiserror
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use context_managers::scope::with;
//! use futures::FutureExt;
//! use tokio_util::task::TaskTracker;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let cleanups = TaskTracker::new();
//!     let connect = async { anyhow::Ok(vec!["ada", "bob"]) };
//!     let users = with(
//!         &cleanups,
//!         connect,
//!         async |connection, _inside| Ok(connection.len()),
//!         |connection, _outcome| async move { Ok(drop(connection)) }.boxed(), // may await
//!     );
//!     assert_eq!(users.await?, 2);
//!     cleanups.close();
//!     cleanups.wait().await; // also for those of cancelled scopes
//!     Ok(())
//! }
//! ```
//!
//! Neither a dropped future nor `drop` can await. So the clean-up is a task of its own. It runs exactly once: after a
//! success, an error, an early return, a panic and a cancellation (a timeout, an abort, a lost `select!`). A caller
//! that is not cancelled waits for it. If the caller is cancelled meanwhile, or once more, it stops waiting, and the
//! clean-up runs on. The [`TaskTracker`] counts each open scope and each clean-up under way: wait for it before the
//! runtime ends (`drain`).
//!
//! A guard with a `drop` is enough for clean-up that does not wait: `drop_guard`.
//!
//! A context manager of your own is a function that takes the body and passes it on to [`with`].
//!
//! The body may borrow from its caller, and is an async closure. The clean-up has to be `Send + 'static`, because it
//! outlives the caller. No bound says that the future of an async closure is `Send`, so it is a closure that returns a
//! boxed future: `|resource, outcome| async move { ... }.boxed()`.
//!
//! # Cancel safety
//!
//! Dropping the future while it enters drops `enter`; there is no resource, and no clean-up. A drop in the body starts
//! the clean-up with [`Outcome::Cancelled`]. A drop during the clean-up does not change it.
//!
//! # Errors
//!
//! [`ScopeError`]: the error of entering or of the body, that of the clean-up, or both. After a panic or a cancellation
//! no caller gets an error: a clean-up that fails then has to log its error.
//!
//! # Panics
//!
//! [`with`] panics outside a Tokio runtime. A panic in the body resumes in the caller after the clean-up. A panic in
//! the clean-up resumes, too, unless the body failed: then the body's error is returned, and only the panic hook
//! reports the panic.
//!
//! # Differences from asyncio
//!
//! - An exit returns true to suppress an exception. Here the clean-up replaces the error with a value (lesson
//!   `the_clean_up_may_suppress_an_error`).
//! - An exception of the exit hides that of the body. Here both are in the error (lesson
//!   `the_errors_of_body_and_clean_up_are_both_reported`).
//! - After a cancellation the awaiter of the task gets the exception of the exit. Here no caller is left, so the clean-up logs
//!   its errors (lesson `after_a_cancellation_nobody_hears_the_error_of_the_clean_up`).
//! - asyncio needs a `shield` to survive a second cancellation, and `asyncio.run` cancels the shielded task, too. Here the
//!   clean-up is a task, which the tracker waits for.
//! - An abort is a request: right after it the clean-up is not spawned yet. The tracker counts a scope from its first
//!   poll.
//! - A scope waits for the scopes inside. If another task keeps one of them open forever, the clean-up never runs.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures::FutureExt;
use futures::future::BoxFuture;
use scopeguard::{ScopeGuard, guard};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// How a body ended. The clean-up may replace it with another outcome, which the caller then gets.
#[derive(Debug)]
pub enum Outcome<T, E> {
    /// It returned a value.
    Ok(T),
    /// It returned an error.
    Err(E),
    /// It panicked with this payload.
    Panicked(Box<dyn Any + Send>),
    /// It was dropped before its end.
    Cancelled,
}

/// Why a scope returned no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError<E> {
    /// Entering failed, or the body failed and the clean-up did not.
    #[error("{0}")]
    Body(E),
    /// Only the clean-up failed.
    #[error("the clean-up failed: {0}")]
    CleanUp(E),
    /// Both failed.
    #[error("{body}; and the clean-up failed: {clean_up}")]
    Both {
        /// The error of the body.
        body: E,
        /// The error of the clean-up.
        clean_up: E,
    },
    /// The end of the runtime cut off the clean-up, or the clean-up changed the outcome to [`Outcome::Cancelled`].
    #[error("cancelled")]
    Cancelled,
}

/// Waits for `enter`, runs `body` on the resource, and then always runs `clean_up`.
///
/// The tracker that the body gets is for scopes inside this one: their clean-ups end before this one begins.
pub async fn with<R, T, E>(
    cleanups: &TaskTracker,
    enter: impl Future<Output = Result<R, E>>,
    body: impl AsyncFnOnce(&mut R, &TaskTracker) -> Result<T, E>,
    clean_up: impl for<'a> FnOnce(R, &'a mut Outcome<T, E>) -> BoxFuture<'a, Result<(), E>> + Send + 'static,
) -> Result<T, ScopeError<E>>
where
    R: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    // Taken before there is a resource to lose. With the token, a drain also waits for open scopes, even if an abort
    // has not reached them yet.
    let (runtime, open) = (Handle::current(), cleanups.token());
    let inside = TaskTracker::new();
    let resource = enter.await.map_err(ScopeError::Body)?;

    let nested = inside.clone();
    let start_clean_up = move |resource, mut outcome| {
        let task = async move {
            nested.close();
            nested.wait().await;
            let cleaned = async { clean_up(resource, &mut outcome).await };
            let cleaned = AssertUnwindSafe(cleaned).catch_unwind().await;
            (outcome, cleaned)
        };
        open.task_tracker().spawn_on(task, &runtime)
    };

    // Nothing awaits from `enter` to here, so no cancellation comes between them.
    let mut entered = guard((resource, start_clean_up), |(resource, start_clean_up)| {
        drop(start_clean_up(resource, Outcome::Cancelled));
    });
    let body = async { body(&mut entered.0, &inside).await };
    let outcome = match AssertUnwindSafe(body).catch_unwind().await {
        Ok(Ok(value)) => Outcome::Ok(value),
        Ok(Err(error)) => Outcome::Err(error),
        Err(panic) => Outcome::Panicked(panic),
    };
    let (resource, start_clean_up) = ScopeGuard::into_inner(entered);

    // Here too: the task starts before anything awaits.
    match start_clean_up(resource, outcome).await {
        Ok((Outcome::Panicked(panic), _)) => resume_unwind(panic),
        Ok((Outcome::Ok(value), Ok(Ok(())))) => Ok(value),
        Ok((Outcome::Ok(_), Ok(Err(error)))) => Err(ScopeError::CleanUp(error)),
        Ok((Outcome::Err(body), Ok(Err(clean_up)))) => Err(ScopeError::Both { body, clean_up }),
        Ok((Outcome::Err(error), Err(panic))) => {
            // The payload of a panic may panic when it is dropped, and the error must not be lost then.
            catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
            Err(ScopeError::Body(error))
        }
        Ok((Outcome::Err(error), Ok(Ok(())))) => Err(ScopeError::Body(error)),
        Ok((Outcome::Cancelled, Ok(Err(error)))) => Err(ScopeError::CleanUp(error)),
        Ok((Outcome::Ok(_) | Outcome::Cancelled, Err(panic))) => resume_unwind(panic),
        Ok((Outcome::Cancelled, Ok(Ok(())))) | Err(_) => Err(ScopeError::Cancelled),
    }
}
