// SPDX-License-Identifier: 0BSD
//! At most `limit` at a time, results in the order of the inputs, and the first error ends it all:
//! `asyncio.gather` with a `Semaphore`, without the thousand tasks that wait for it.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! Inputs are taken from the source when there is room, so a long or endless source is no trouble. Room is made when
//! a result is handed out, not when it is computed: results that wait for a slower one before them count, and memory
//! stays bounded. The work runs on tasks of its own, so it goes on while the caller handles a result; the work of
//! `futures::StreamExt::buffered` stands still meanwhile.
//!
//! # Cancel safety
//!
//! [`BoundedInOrder::next`] is cancel safe: everything it knows is in `self`. Dropping the value aborts the work.
//!
//! # Errors
//!
//! An error ends the work as soon as it happens, also when slower inputs before it are still at work.
//!
//! # Panics
//!
//! A panic in the work goes on in the caller of [`BoundedInOrder::next`], once the rest of the work has ended.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::task::{JoinError, JoinSet};

/// The results of `work` on each of `inputs`, one after the other.
#[derive(Debug)]
pub struct BoundedInOrder<I, W, T, E> {
    /// Where work comes from. `None` once it has ended, by itself or by an error.
    inputs: Option<I>,
    work: W,
    limit: NonZeroUsize,
    tasks: JoinSet<(usize, Result<T, E>)>,
    /// Results that wait for an earlier one.
    ready: BTreeMap<usize, T>,
    /// The index of the next input to start.
    next_input: usize,
    /// The index of the next result to hand out.
    next_result: usize,
    /// Of the errors seen, the one of the earliest input. Here, so that a dropped `next` does not lose it.
    error: Option<(usize, E)>,
    panic: Option<JoinError>,
}

/// Prepares `work` on each of `inputs`, at most `limit` at a time. Nothing starts before the first
/// [`next`](BoundedInOrder::next).
pub fn bounded_in_order<I, W, F, T, E>(
    inputs: I,
    limit: NonZeroUsize,
    work: W,
) -> BoundedInOrder<I::IntoIter, W, T, E>
where
    I: IntoIterator,
    W: FnMut(I::Item) -> F,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    BoundedInOrder {
        inputs: Some(inputs.into_iter()),
        work,
        limit,
        tasks: JoinSet::new(),
        ready: BTreeMap::new(),
        next_input: 0,
        next_result: 0,
        error: None,
        panic: None,
    }
}

impl<I, W, F, T, E> BoundedInOrder<I, W, T, E>
where
    I: Iterator,
    W: FnMut(I::Item) -> F,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    /// The next result in the order of the inputs; `None` when there are no more, and after an error.
    pub async fn next(&mut self) -> Option<Result<T, E>> {
        loop {
            self.start();
            if let Some(value) = self.ready.remove(&self.next_result) {
                self.next_result += 1;
                // The room it leaves is filled before the caller goes away with the value.
                self.start();
                return Some(Ok(value));
            }
            match self.tasks.join_next().await {
                Some(Ok((index, Ok(value)))) if !self.is_stopped() => {
                    self.ready.insert(index, value);
                }
                Some(Ok((index, Err(error)))) => {
                    self.error = [self.error.take(), Some((index, error))]
                        .into_iter()
                        .flatten()
                        .min_by_key(|(at, _)| *at);
                    self.stop();
                }
                Some(Err(error)) if !error.is_cancelled() || !self.is_stopped() => {
                    self.panic.get_or_insert(error);
                    self.stop();
                }
                // Came too late, or was aborted: the work has been stopped already.
                Some(_) => {}
                None => break,
            }
        }
        if let Some(error) = self.panic.take() {
            resume_unwind(error.try_into_panic().unwrap_or_else(|cancelled| Box::new(cancelled)));
        }
        self.error.take().map(|(_, error)| Err(error))
    }

    /// Starts work for as long as there is room.
    fn start(&mut self) {
        while self.tasks.len() + self.ready.len() < self.limit.get()
            && let Some(input) = self.inputs.as_mut().and_then(Iterator::next)
        {
            let index = self.next_input;
            self.next_input += 1;
            match catch_unwind(AssertUnwindSafe(|| (self.work)(input))) {
                Ok(work) => self.tasks.spawn(async move { (index, work.await) }),
                // A panic before there is a future is that of its item, too. The panic hook has reported it.
                Err(panic) => self.tasks.spawn(async { resume_unwind(panic) }),
            };
        }
    }

    fn stop(&mut self) {
        self.inputs = None;
        self.tasks.abort_all();
    }

    fn is_stopped(&self) -> bool {
        self.error.is_some() || self.panic.is_some()
    }
}
