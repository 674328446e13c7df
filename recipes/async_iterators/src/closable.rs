// SPDX-License-Identifier: 0BSD
//! Makes a generator whose clean-up may await and runs exactly once: `try ... finally` around a `yield`, `aclose()`,
//! `contextlib.aclosing`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features macros,rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use async_iterators::closable::closable;
//! use futures::{FutureExt, TryStreamExt};
//! use tokio_util::task::TaskTracker;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut counts = closable(
//!         &TaskTracker::new(),
//!         vec!["ada", "bob"], // a connection, say
//!         |users, out| async move { Ok(out.give(users.len()).await) }.boxed(),
//!         async |users| anyhow::Ok(drop(users)), // may await
//!     );
//!     assert_eq!(counts.try_next().await?, Some(2));
//!     counts.close().await // waits for the clean-up
//! }
//! ```
//!
//! The body runs only while the consumer asks for the next item. The clean-up gets the resource whenever the body ends:
//! it returns, fails or panics, or the consumer calls [`Closable::close`] or drops the generator. The drop may happen
//! in the middle of a `next()`. A close and a drop move body and clean-up to a task of the tracker: no second
//! cancellation reaches it there.
//!
//! `async_stream::stream!` with a guard in the body is enough if the clean-up does not await.
//!
//! Before the runtime ends, let the clean-ups end: `tracker.close(); tracker.wait().await`. A runtime that shuts down
//! drops its tasks at their current await, and clean-ups with them.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing: the following `next()` goes on where it was, in the clean-up as well. A dropped
//! [`Closable::close`] leaves the clean-up running on its task.
//!
//! # Errors
//!
//! An error of the body comes as the last item, after the clean-up. If the body had none, an error of the clean-up
//! comes there instead. If both fail, the body's error comes, and that of the clean-up is lost. After a drop there is
//! no consumer: log the error in the clean-up.
//!
//! # Panics
//!
//! A panic of the body resumes in the consumer, after the clean-up. So does a panic of the clean-up, if the body did
//! not panic. [`closable`] panics outside a Tokio runtime.
//!
//! # Differences from asyncio
//!
//! - `aclose()` runs the `finally`, and waits. So does [`Closable::close`] (lesson
//!   `close_drops_the_body_at_its_yield_and_waits_for_the_clean_up`).
//! - A generator that was never started has no `finally` to run. Here the resource exists from the start, so the
//!   clean-up runs (lesson `never_started_it_cleans_up_and_does_not_run_the_body`).
//! - An exception in `finally` replaces that of the body. Here the body's error is returned, and that of the clean-up is lost
//!   (lesson `an_error_of_the_clean_up_is_told_if_the_body_had_none`).

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use futures::{FutureExt, Stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Takes the items of the body.
#[derive(Debug)]
pub struct Out<T>(mpsc::Sender<T>);

impl<T> Out<T> {
    /// Gives `item` to the consumer, and returns when the consumer asks for the next one: `yield item`. Closing the
    /// generator drops the body at this await.
    pub async fn give(&mut self, item: T) {
        if self.0.send(item).await.is_ok() {
            // There is room again when the item has been taken, and the body is polled again when the consumer asks for
            // the next. An error cannot be seen: a closed body is dropped before it is polled.
            let _room = self.0.reserve().await;
        }
    }
}

/// A generator that can be closed. After the end it stays at the end.
#[must_use = "a generator does nothing unless polled, and its drop starts the clean-up"]
pub struct Closable<T, E: Send + 'static> {
    items: mpsc::Receiver<T>,
    /// The body and then the clean-up in one future, so the clean-up cannot be skipped. `None` when both are done.
    run: Option<BoxFuture<'static, Result<(), E>>>,
    /// How body and clean-up ended, until the consumer has read it.
    ended: Option<Result<(), E>>,
    tracker: TaskTracker,
    runtime: Handle,
}

/// Makes a generator of `body`, which works with `resource`. `clean_up` gets the resource when the body ends.
///
/// `body` is a closure that returns `Box::pin(async move { ... })`. It may be dropped at each of its awaits: work that
/// must not be dropped belongs into the clean-up. A close does not run a body that was never started. It runs the
/// clean-up, because the resource exists already.
pub fn closable<R, T, E, F>(
    tracker: &TaskTracker,
    mut resource: R,
    body: impl for<'a> FnOnce(&'a mut R, &'a mut Out<T>) -> BoxFuture<'a, Result<(), E>> + Send + 'static,
    clean_up: impl FnOnce(R) -> F + Send + 'static,
) -> Closable<T, E>
where
    R: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<(), E>> + Send,
{
    let (sender, items) = mpsc::channel(1);
    let run = async move {
        let until_closed = async {
            let mut out = Out(sender.clone());
            tokio::select! {
                biased;
                () = sender.closed() => Ok(()),
                outcome = async { body(&mut resource, &mut out).await } => outcome,
            }
        };
        // The body is dropped and never polled again, so its half-done state is not seen. The clean-up sees the
        // resource as the panic left it, as a `finally` does.
        let outcome = AssertUnwindSafe(until_closed).catch_unwind().await;
        let cleaned = AssertUnwindSafe(async { clean_up(resource).await }).catch_unwind().await;
        match (outcome, cleaned) {
            (Ok(outcome), Ok(cleaned)) => outcome.and(cleaned),
            (Err(panic), cleaned) => {
                // The payload of a second panic may panic when it is dropped, and must not replace the first panic.
                catch_unwind(AssertUnwindSafe(|| drop(cleaned))).unwrap_or_else(mem::forget);
                resume_unwind(panic)
            }
            (Ok(_), Err(panic)) => resume_unwind(panic),
        }
    };
    Closable {
        items,
        run: Some(run.boxed()),
        ended: None,
        tracker: tracker.clone(),
        runtime: Handle::current(),
    }
}

impl<T, E: Send + 'static> Closable<T, E> {
    /// Drops the body at its await, runs the clean-up and waits for it. Does nothing if the generator has ended before.
    pub async fn close(mut self) -> Result<(), E> {
        self.items.close();
        match self.run.take() {
            Some(run) => self.tracker.spawn_on(run, &self.runtime).await.unwrap_or_else(|error| {
                resume_unwind(error.try_into_panic().unwrap_or_else(|cancelled| Box::new(cancelled)))
            }),
            None => self.ended.take().unwrap_or(Ok(())),
        }
    }
}

// Only the box's content is pinned, and the box itself may be moved.
impl<T, E: Send + 'static> Unpin for Closable<T, E> {}

impl<T, E: Send + 'static> Stream for Closable<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        // Taken while it is polled: after a panic in the clean-up the future must not be polled again.
        if let Some(mut run) = self.run.take() {
            match run.as_mut().poll(cx) {
                Poll::Pending => self.run = Some(run),
                Poll::Ready(ended) => self.ended = Some(ended),
            }
        }
        Poll::Ready(match ready!(self.items.poll_recv(cx)) {
            Some(item) => Some(Ok(item)),
            None => self.ended.take().and_then(Result::err).map(Err),
        })
    }
}

impl<T, E: Send + 'static> Drop for Closable<T, E> {
    fn drop(&mut self) {
        self.items.close();
        if let Some(run) = self.run.take() {
            self.tracker.spawn_on(run, &self.runtime);
        }
    }
}
