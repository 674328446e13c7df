// SPDX-License-Identifier: 0BSD
//! A job of the pool: as its queue sees it, and as its caller does.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::worker::Shared;

/// Why a job has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It was cancelled before it began.
    #[error("the job was cancelled")]
    Cancelled,
    /// It panicked. Holds the text of the panic.
    #[error("the job panicked: {0}")]
    Panicked(String),
    /// It had not begun when the initializer failed. Holds the text of that error.
    #[error("the pool is broken: {0}")]
    Broken(String),
    /// It is not done yet, and a thread of its own pool would wait for it.
    #[error(transparent)]
    OwnPool(#[from] OwnPool),
}

/// A thread of a pool would wait for its own pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a thread of the pool would wait for its own pool")]
pub struct OwnPool;

/// The stage of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has not begun.
    Queued,
    /// It has begun.
    Running,
    /// It has ended, with a value or a panic, or will never begin because the pool broke.
    Done,
    /// It will never begin.
    Cancelled,
}

/// A job in the queue.
pub(super) struct Entry {
    pub(super) stage: Arc<Mutex<Stage>>,
    settle: Box<dyn FnOnce(Verdict) + Send>,
}

enum Verdict {
    Run,
    Refuse(JobError),
}

type Outcome<T> = oneshot::Receiver<Result<T, JobError>>;

impl Entry {
    pub(super) fn new<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> (Self, Outcome<T>) {
        let (sender, outcome) = oneshot::channel();
        let stage = Arc::new(Mutex::new(Stage::Queued));
        let settle = {
            let stage = stage.clone();
            move |verdict| {
                let (outcome, last) = match verdict {
                    Verdict::Run => (contained(work).map_err(JobError::Panicked), Stage::Done),
                    Verdict::Refuse(error) => {
                        // Only the panic hook reports a panic of the destructor.
                        let _contained = contained(|| drop(work));
                        let last = if error == JobError::Cancelled { Stage::Cancelled } else { Stage::Done };
                        (Err(error), last)
                    }
                };
                set(&stage, last);
                // The send fails if the job was dropped.
                let _contained = contained(|| drop(sender.send(outcome)));
            }
        };
        (Self { stage, settle: Box::new(settle) }, outcome)
    }

    /// Marks it as running: from here on it cannot be cancelled.
    pub(super) fn begin(&self) {
        set(&self.stage, Stage::Running);
    }

    pub(super) fn run(self) {
        (self.settle)(Verdict::Run);
    }

    pub(super) fn refuse(self, error: JobError) {
        (self.settle)(Verdict::Refuse(error));
    }
}

/// A submitted job: await it for its result.
#[derive(Debug)]
#[must_use = "a job that is dropped before it began never begins"]
pub struct Job<T> {
    id: u64,
    pool: Arc<Shared>,
    stage: Arc<Mutex<Stage>>,
    result: Outcome<T>,
    detached: bool,
}

impl<T> Job<T> {
    pub(super) fn new(id: u64, pool: Arc<Shared>, stage: Arc<Mutex<Stage>>, result: Outcome<T>) -> Self {
        Self { id, pool, stage, result, detached: false }
    }

    /// Returns its stage: `running()`, `done()`, `cancelled()`.
    pub fn stage(&self) -> Stage {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels it if it has not begun. Returns whether it is cancelled.
    pub fn cancel(&self) -> bool {
        if let Some(entry) = self.pool.withdraw(self.id) {
            entry.refuse(JobError::Cancelled);
        }
        self.stage() == Stage::Cancelled
    }

    /// Lets it run without a waiter.
    pub fn detach(mut self) {
        self.detached = true;
    }

    /// Waits on a thread: `Future.result()`.
    ///
    /// # Errors
    ///
    /// The same as those of the await.
    ///
    /// # Panics
    ///
    /// On a thread of a runtime, which must not block: await the job there.
    pub fn blocking_wait(mut self) -> Result<T, JobError> {
        if self.waits_for_own_pool() {
            return Err(OwnPool.into());
        }
        let (_none, nothing) = oneshot::channel();
        mem::replace(&mut self.result, nothing).blocking_recv().unwrap_or(Err(JobError::Cancelled))
    }

    fn waits_for_own_pool(&self) -> bool {
        self.pool.is_own_thread() && matches!(self.stage(), Stage::Queued | Stage::Running)
    }
}

impl<T> Future for Job<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.result).poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome.unwrap_or(Err(JobError::Cancelled))),
            Poll::Pending if self.waits_for_own_pool() => Poll::Ready(Err(OwnPool.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if !self.detached {
            self.cancel();
        }
    }
}

fn set(stage: &Mutex<Stage>, to: Stage) {
    *stage.lock().unwrap_or_else(PoisonError::into_inner) = to;
}

/// Calls `f`; the error is the text of its panic.
pub(super) fn contained<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text =
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a value that is not text");
        let text = text.to_owned();
        // The payload may be a value whose destructor panics.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            mem::forget(another);
        }
        text
    })
}
