// SPDX-License-Identifier: 0BSD
//! Waits until the first, the first failure, or all of some tasks are done, and can wait again: `asyncio.wait`.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use gather::wait::{MaybeDone, ReturnWhen, wait};
//!
//! async fn fetch(millis: u64) -> anyhow::Result<u64> {
//!     tokio::time::sleep(Duration::from_millis(millis)).await;
//!     Ok(millis)
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut tasks = [30, 10, 20].map(|millis| MaybeDone::from(tokio::spawn(fetch(millis))));
//!     let first = wait(&mut tasks, ReturnWhen::FirstCompleted, None).await?;
//!     println!("done: {:?}, pending: {:?}", first.done, first.pending); // [1], [0, 2]
//!     let limit = Some(Duration::from_secs(1));
//!     let all = wait(&mut tasks, ReturnWhen::AllCompleted, limit).await?;
//!     println!("done: {:?}", all.done); // [0, 1, 2]
//!     Ok(())
//! }
//! ```
//!
//! `JoinSet::join_next` is enough to take results as they come. For two futures take the pattern `first_completed`.
//!
//! Waiting never ends a task. A timeout is no error: the result lists the tasks that are done by then. To wait again,
//! call [`wait`] with the same tasks; the finished ones keep their results.
//!
//! # Cancel safety
//!
//! Cancel safe: results are kept in the slice, so a dropped wait loses none, even those of tasks that it has not seen
//! to be done.
//!
//! # Errors
//!
//! [`NothingToWaitFor`] for an empty slice or set: there is no first task.
//!
//! # Cost
//!
//! A wake-up checks only the tasks that have ended. A call of [`wait`] checks each task once, because it lists all of
//! them. A loop of `FIRST_COMPLETED` over many thousands, with few done each time, is cheaper with [`take_done`]: its
//! cost depends only on the tasks that have ended.
//!
//! # Differences from asyncio
//!
//! - `wait` of nothing raises `ValueError`. Here it is [`NothingToWaitFor`]; `JoinSet::join_next` returns `None`, and
//!   `select_all` panics.
//! - A task and a timeout can be due in one instant. In asyncio the timer that was set first decides. Here the wait looks
//!   again, turn by turn, while more tasks end and the clock shows the same millisecond. Tokio does not show when all
//!   tasks that are due have run: a task that needs several turns more is pending.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::iter;
use std::mem;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinHandle, JoinSet, coop::consume_budget, coop::unconstrained, yield_now};
use tokio::time::{Instant, timeout_at};

/// A spawned task, or its result once it is done.
#[derive(Debug)]
pub enum MaybeDone<T> {
    /// Not seen to be done yet.
    Pending(Running<T>),
    /// Done: its value, or how it panicked or was aborted.
    Done(Result<T, JoinError>),
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnWhen {
    /// At least one task is done (`FIRST_COMPLETED`).
    FirstCompleted,
    /// A task has returned `Err` or panicked, or all are done (`FIRST_EXCEPTION`). An aborted task is no failure.
    FirstError,
    /// Every task is done (`ALL_COMPLETED`).
    AllCompleted,
}

/// Which tasks are done and which are not, as indices into the slice that was waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitResult {
    /// Tasks that have a result.
    pub done: Vec<usize>,
    /// Tasks that still run.
    pub pending: Vec<usize>,
}

/// The slice or the set of tasks was empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NothingToWaitFor;

impl fmt::Display for NothingToWaitFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are no tasks to wait for")
    }
}

impl Error for NothingToWaitFor {}

/// Waits until the condition `return_when` is true or `time_limit` has passed. `None`: no limit.
pub async fn wait<T, E>(
    tasks: &mut [MaybeDone<Result<T, E>>],
    return_when: ReturnWhen,
    time_limit: Option<Duration>,
) -> Result<WaitResult, NothingToWaitFor> {
    if tasks.is_empty() {
        return Err(NothingToWaitFor);
    }
    // A loop may find every task done: let other tasks have a turn.
    consume_budget().await;
    let mut wait = Wait::new(tasks, return_when);
    // A limit beyond the clock's range is no limit.
    match time_limit.and_then(|limit| Instant::now().checked_add(limit)) {
        None => wait.holds().await,
        Some(deadline) => {
            if timeout_at(deadline, wait.holds()).await.is_err() {
                wait.further_turns(deadline).await;
            }
        }
    }
    let left = wait.left;
    drop(wait);
    let (mut done, mut pending) = (Vec::with_capacity(tasks.len() - left), Vec::with_capacity(left));
    for (index, task) in tasks.iter().enumerate() {
        if task.is_done() { done.push(index) } else { pending.push(index) }
    }
    Ok(WaitResult { done, pending })
}

/// Waits until a task of the set is done, and takes all that are done, each with its id: a loop of `FIRST_COMPLETED`.
/// The set keeps those that are pending. A `timeout` around it loses nothing.
///
/// # Errors
///
/// [`NothingToWaitFor`] for an empty set. The error or panic of a task is its entry in the list.
pub async fn take_done<T: 'static>(
    tasks: &mut JoinSet<T>,
) -> Result<Vec<Result<(Id, T), JoinError>>, NothingToWaitFor> {
    let mut done = vec![tasks.join_next_with_id().await.ok_or(NothingToWaitFor)?];
    done.extend(iter::from_fn(|| tasks.try_join_next_with_id()));
    Ok(done)
}

/// A wait under way.
struct Wait<'a, T, E> {
    tasks: &'a mut [MaybeDone<Result<T, E>>],
    return_when: ReturnWhen,
    ended: Arc<Ended>,
    /// The number of tasks that have not been seen to be done.
    left: usize,
    has_failed: bool,
}

impl<'a, T, E> Wait<'a, T, E> {
    fn new(tasks: &'a mut [MaybeDone<Result<T, E>>], return_when: ReturnWhen) -> Self {
        // The list of an earlier wait, if there is one: its tasks report to it already.
        let earlier = tasks.iter().find_map(|task| task.report().map(|report| report.ended.clone()));
        let ended = earlier.filter(|ended| ended.is_taken_over()).unwrap_or_default();
        let mut wait = Self { tasks, return_when, ended: ended.clone(), left: 0, has_failed: false };
        let mut to_look_at = Vec::new();
        let mut reports = ended.lock();
        // The reports may be of another slice. The loop below finds tasks that have ended before.
        reports.indices.clear();
        for (index, task) in wait.tasks.iter_mut().enumerate() {
            wait.has_failed |= task.has_failed();
            let MaybeDone::Pending(Running { handle, report }) = task else { continue };
            wait.left += 1;
            match report {
                Some(report) if Arc::ptr_eq(&report.ended, &ended) => {
                    report.index.store(index, Ordering::Relaxed);
                    if handle.is_finished() {
                        to_look_at.push(index);
                    }
                }
                other => {
                    *other = Some(Arc::new(Report { index: AtomicUsize::new(index), ended: ended.clone() }));
                    to_look_at.push(index);
                }
            }
        }
        drop(reports);
        to_look_at.into_iter().for_each(|index| wait.look_at(index));
        wait
    }

    /// Waits until the condition is true.
    async fn holds(&mut self) {
        poll_fn(|cx| {
            let old_waker = self.ended.lock().waiter.replace(cx.waker().clone());
            drop(old_waker);
            self.look();
            if self.is_over() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Lets tasks finish whose timers fire in the instant of the deadline: one turn, and more while each ends some
    /// tasks.
    async fn further_turns(&mut self, deadline: Instant) {
        let mut quiet = 0;
        while quiet < 3 && !self.is_over() {
            yield_now().await;
            let left = self.left;
            self.look();
            quiet = if self.left < left { 0 } else { quiet + 1 };
            // Timers count in milliseconds.
            if deadline.elapsed() >= Duration::from_millis(1) {
                break;
            }
        }
        // A result that is ready counts, even if its report has not arrived yet.
        for index in 0..self.tasks.len() {
            if matches!(&self.tasks[index], MaybeDone::Pending(running) if running.is_finished()) {
                self.look_at(index);
            }
        }
    }

    /// Checks the tasks that have reported their end.
    fn look(&mut self) {
        let indices = mem::take(&mut self.ended.lock().indices);
        indices.into_iter().for_each(|index| self.look_at(index));
    }

    /// Stores the result of a task if it has one, or has the task report its end.
    fn look_at(&mut self, index: usize) {
        let Some(task @ MaybeDone::Pending(_)) = self.tasks.get_mut(index) else { return };
        let MaybeDone::Pending(Running { handle, report: Some(report) }) = task else { return };
        let waker = Waker::from(report.clone());
        // Unconstrained: the budget would let this task see only 128 results in a turn, even if a thousand tasks are
        // done.
        let mut result = unconstrained(handle);
        if let Poll::Ready(result) = Pin::new(&mut result).poll(&mut Context::from_waker(&waker)) {
            *task = MaybeDone::Done(result);
            self.left -= 1;
            self.has_failed |= task.has_failed();
        }
    }

    fn is_over(&self) -> bool {
        match self.return_when {
            ReturnWhen::FirstCompleted => self.left < self.tasks.len(),
            ReturnWhen::FirstError => self.has_failed || self.left == 0,
            ReturnWhen::AllCompleted => self.left == 0,
        }
    }
}

impl<T, E> Drop for Wait<'_, T, E> {
    fn drop(&mut self) {
        let mut reports = self.ended.lock();
        reports.is_taken = false;
        let waker = reports.waiter.take();
        // Outside the lock: dropping a waker may drop a task.
        drop(reports);
        drop(waker);
    }
}

/// A task that is waited for. Its methods are those of its [`JoinHandle`]; await it to wait for this task alone.
#[derive(Debug)]
pub struct Running<T> {
    handle: JoinHandle<T>,
    /// Reports its end: `None` before the first wait.
    report: Option<Arc<Report>>,
}

/// The waker of one task.
#[derive(Debug)]
struct Report {
    /// Changed under the lock of `ended`.
    index: AtomicUsize,
    ended: Arc<Ended>,
}

/// Where tasks report their end.
#[derive(Debug, Default)]
struct Ended(Mutex<Reports>);

#[derive(Debug, Default)]
struct Reports {
    indices: Vec<usize>,
    waiter: Option<Waker>,
    /// Whether a wait under way uses this list. A second wait at that time has a list of its own.
    is_taken: bool,
}

impl Ended {
    fn is_taken_over(&self) -> bool {
        !mem::replace(&mut self.lock().is_taken, true)
    }

    fn lock(&self) -> MutexGuard<'_, Reports> {
        // No code under the lock panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Report {
    fn wake(self: Arc<Self>) {
        let waiter = {
            let mut reports = self.ended.lock();
            reports.indices.push(self.index.load(Ordering::Relaxed));
            reports.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

impl<T> Deref for Running<T> {
    type Target = JoinHandle<T>;

    fn deref(&self) -> &JoinHandle<T> {
        &self.handle
    }
}

impl<T> Future for Running<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // From now on the task wakes another waiter.
        self.report = None;
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<T> MaybeDone<T> {
    /// Returns whether a [`wait`] has seen that the task is done.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn report(&self) -> Option<&Arc<Report>> {
        match self {
            Self::Pending(running) => running.report.as_ref(),
            Self::Done(_) => None,
        }
    }
}

impl<T, E> MaybeDone<Result<T, E>> {
    fn has_failed(&self) -> bool {
        match self {
            Self::Done(Ok(result)) => result.is_err(),
            Self::Done(Err(error)) => error.is_panic(),
            Self::Pending(_) => false,
        }
    }
}

impl<T> From<JoinHandle<T>> for MaybeDone<T> {
    fn from(handle: JoinHandle<T>) -> Self {
        Self::Pending(Running { handle, report: None })
    }
}
