// SPDX-License-Identifier: 0BSD
//! Runs at most `limit` tasks at once and returns results in the order of the inputs: `gather` with a `Semaphore`.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use gather::bounded_in_order::bounded_in_order;
//!
//! const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();
//!
//! async fn fetch(page: u32) -> anyhow::Result<String> {
//!     Ok(format!("<page {page}>")) // simulates a request
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut pages = bounded_in_order(1..=100, TEN, fetch);
//!     while let Some(page) = pages.next().await {
//!         println!("{}", page?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! `futures::StreamExt::buffered` is enough if your loop does not wait between results: its work pauses while the
//! loop body awaits. Here the work runs on tasks and goes on.
//!
//! An input is taken when a slot is free, so the source may be endless. A result keeps its slot until it is returned,
//! even while it waits for a slower one before it: memory stays bounded.
//!
//! # Cancel safety
//!
//! [`BoundedInOrder::next`] is cancel safe: its state is in `self`. Dropping the [`BoundedInOrder`] aborts the work and
//! drops the results that were not returned.
//!
//! # Errors
//!
//! An error ends the work as soon as it happens, even if slower inputs before it still run.
//!
//! # Panics
//!
//! A panic in the work, or in the closure before its future exists, resumes in the caller of [`BoundedInOrder::next`]
//! once the rest has ended.
//!
//! # Differences from asyncio
//!
//! `gather` makes a task per input, and all but `limit` of them wait for the semaphore. Here only `limit` tasks exist.

use std::collections::BTreeMap;
use std::mem;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::task::{JoinError, JoinSet};

/// The results of `work` on each of `inputs`, one after the other.
#[derive(Debug)]
pub struct BoundedInOrder<I, W, T, E> {
    /// `None` after the last input, and after an error.
    inputs: Option<I>,
    work: W,
    limit: NonZeroUsize,
    tasks: JoinSet<(usize, Result<T, E>)>,
    /// Results that wait for an earlier one.
    ready: BTreeMap<usize, T>,
    /// The index of the next input to start.
    next_input: usize,
    /// The index of the next result to return.
    next_result: usize,
    /// The error of the earliest input. Kept here, so that a dropped `next` does not lose it.
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
    /// Waits for the next result, in the order of the inputs. Returns `None` after the last one, and after an error.
    pub async fn next(&mut self) -> Option<Result<T, E>> {
        loop {
            self.start();
            if let Some(value) = self.ready.remove(&self.next_result) {
                self.next_result += 1;
                // Fills the slot before the caller handles the value.
                self.start();
                return Some(Ok(value));
            }
            match self.tasks.join_next().await {
                Some(Ok((index, Ok(value)))) if !self.is_stopped() => {
                    self.ready.insert(index, value);
                }
                Some(Ok((index, Err(error)))) => {
                    let errors = self.error.take().into_iter().chain([(index, error)]);
                    self.error = errors.min_by_key(|(at, _)| *at);
                    self.stop();
                }
                Some(Err(error)) if !error.is_cancelled() || !self.is_stopped() => {
                    if self.panic.is_none() {
                        self.panic = Some(error);
                    } else {
                        // The payload of a second panic may panic when it is dropped.
                        catch_unwind(AssertUnwindSafe(|| drop(error))).unwrap_or_else(mem::forget);
                    }
                    self.stop();
                }
                // Ignored: a value after an error, or an aborted task.
                Some(_) => {}
                None => break,
            }
        }
        if let Some(error) = self.panic.take() {
            resume_unwind(error.try_into_panic().unwrap_or_else(|cancelled| Box::new(cancelled)));
        }
        self.error.take().map(|(_, error)| Err(error))
    }

    /// Starts work while a slot is free.
    fn start(&mut self) {
        while self.tasks.len() + self.ready.len() < self.limit.get() {
            let Some(input) = self.inputs.as_mut().and_then(Iterator::next) else { break };
            let index = self.next_input;
            self.next_input += 1;
            match catch_unwind(AssertUnwindSafe(|| (self.work)(input))) {
                Ok(work) => self.tasks.spawn(async move { (index, work.await) }),
                // A panic before the future exists counts as a panic of its item. The panic hook has reported it.
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
