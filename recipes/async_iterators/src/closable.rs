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
//! The body gives items out and runs only while it is asked for the next one. The clean-up gets the resource at every
//! end of the body: it returns, fails or panics; the consumer calls [`Closable::close`], or drops the generator, also
//! in the middle of a `next()`. The last two move body and clean-up to a task of the tracker: no second cancellation
//! reaches it there.
//!
//! `async_stream::stream!` is enough where the clean-up does not await: there a guard in the body does it.
//!
//! Before the runtime ends, let the clean-ups end: `tracker.close(); tracker.wait().await`. A runtime that shuts down
//! drops its tasks where they are, and clean-ups with them.
//!
//! # Cancel safety
//!
//! A dropped `next()` loses nothing; the next one goes on where it was, in the clean-up as well. A dropped
//! [`Closable::close`] leaves the clean-up running on its task.
//!
//! # Errors
//!
//! An error of the body comes as the last item, after the clean-up. An error of the clean-up comes in its place if the
//! body had none. If both fail, the body's error comes, and that of the clean-up is lost. After a drop there is no
//! consumer: log the error in the clean-up.
//!
//! # Panics
//!
//! A panic of the body goes on in the consumer, after the clean-up. So does one of the clean-up, if the body did not
//! panic. [`closable`] panics outside a Tokio runtime.
//!
//! # Differences from asyncio
//!
//! - `aclose()` runs the `finally`, and waits. So does [`Closable::close`] (lesson
//!   `close_drops_the_body_at_its_yield_and_waits_for_the_clean_up`).
//! - A generator that was never started has no `finally` to run. Here the resource is there from the start, so the clean-up runs
//!   (lesson `never_started_it_cleans_up_and_does_not_run_the_body`).
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

/// Where the body gives its items.
#[derive(Debug)]
pub struct Out<T>(mpsc::Sender<T>);

impl<T> Out<T> {
    /// `yield item`: returns when the consumer has taken the item and asks for the next one. Closing the generator
    /// drops the body at this await.
    pub async fn give(&mut self, item: T) {
        if self.0.send(item).await.is_ok() {
            // There is room again when the item has been taken, and the body is polled again when the next is asked
            // for. An error cannot be seen: a closed body is dropped before it is polled.
            let _room = self.0.reserve().await;
        }
    }
}

/// A generator that can be closed. After the end it stays at the end.
#[must_use = "a generator does nothing unless polled, and its drop starts the clean-up"]
pub struct Closable<T, E: Send + 'static> {
    items: mpsc::Receiver<T>,
    /// The body and then the clean-up, in one: so there is no way past the clean-up. `None` when both are done.
    run: Option<BoxFuture<'static, Result<(), E>>>,
    /// How they ended, until the consumer has read it.
    ended: Option<Result<(), E>>,
    tracker: TaskTracker,
    runtime: Handle,
}

/// Makes a generator of `body`, which works with `resource`; `clean_up` gets the resource when the body is over.
///
/// `body` is a closure that returns `Box::pin(async move { ... })`. It may be dropped at each of its awaits: what must
/// not be dropped belongs into the clean-up. A body that was never started is not run by a close; the clean-up is, for
/// the resource is there already.
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
        // The body is dropped and never polled again, so its half-done state is not seen; the clean-up sees the resource as
        // the panic left it, as a `finally` does.
        let outcome = AssertUnwindSafe(until_closed).catch_unwind().await;
        let cleaned = AssertUnwindSafe(async { clean_up(resource).await }).catch_unwind().await;
        match (outcome, cleaned) {
            (Ok(outcome), Ok(cleaned)) => outcome.and(cleaned),
            (Err(panic), cleaned) => {
                // The payload of a second panic may panic when it is dropped, and must not take the first one along.
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
    /// Drops the body at its await, runs the clean-up and waits for it. If the generator has come to its end
    /// before, nothing is left to do.
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

// Nothing in it is pinned but the box, which may be moved.
impl<T, E: Send + 'static> Unpin for Closable<T, E> {}

impl<T, E: Send + 'static> Stream for Closable<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        // Taken while it is polled: after a panic in the clean-up it must not be polled again.
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
