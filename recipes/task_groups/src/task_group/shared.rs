// SPDX-License-Identifier: 0BSD
//! What a group and its children share: who is in it, how each has ended, and whether the group is ending.

use std::any::Any;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use tokio::runtime::Handle;
use tokio::task::Id;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{MemberError, NoValue};

#[derive(Debug)]
pub(super) struct Shared<E> {
    pub(super) runtime: Handle,
    /// Cancelled, it ends the body and every child.
    pub(super) token: CancellationToken,
    /// Counts the children, and the groups inside.
    tracker: TaskTracker,
    /// Set before any member can see that a child was refused, or cancelled with the group. A cancellation from further out
    /// reaches one token after the other: this ends a member that sees it before its own token is cancelled.
    ending: AtomicBool,
    state: Mutex<State<E>>,
}

#[derive(Debug)]
pub(super) struct State<E> {
    finished: bool,
    pub(super) failures: Vec<MemberError<E>>,
    pub(super) panics: Vec<Panic>,
}

/// What a panic holds. Its destructor may panic too: that goes to the panic hook.
#[derive(Debug)]
pub(super) struct Panic(pub(super) Option<Box<dyn Any + Send>>);

impl Drop for Panic {
    fn drop(&mut self) {
        let payload = self.0.take();
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(another);
        }
    }
}

impl<E> Shared<E> {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self {
            runtime: Handle::current(),
            token,
            tracker: TaskTracker::new(),
            ending: AtomicBool::new(false),
            state: Mutex::new(State { finished: false, failures: Vec::new(), panics: Vec::new() }),
        }
    }

    /// Counts a member in. Under one lock with the end of the group, so that none comes in after it.
    pub(super) fn enter(&self) -> Option<TaskTrackerToken> {
        let state = self.lock();
        let is_open = !state.finished && !self.is_ending();
        is_open.then(|| self.tracker.token())
    }

    /// Waits until all members have left, closes the group, and takes their failures.
    pub(super) async fn finish(&self) -> (Vec<MemberError<E>>, Vec<Panic>) {
        self.tracker.close();
        loop {
            self.tracker.wait().await;
            let mut state = self.lock();
            // One may have come in meanwhile. Now none can.
            if self.tracker.is_empty() {
                state.finished = true;
                return (mem::take(&mut state.failures), mem::take(&mut state.panics));
            }
        }
    }

    /// Sorts how a child or the body has ended.
    pub(super) fn settle<T>(
        &self,
        child: Option<Id>,
        ended: thread::Result<Option<Result<T, E>>>,
    ) -> Result<T, NoValue> {
        match ended {
            Ok(Some(Ok(value))) => Ok(value),
            Ok(Some(Err(error))) => {
                self.fail(|state| state.failures.push(MemberError { child, error }));
                Err(NoValue::Failed)
            }
            Ok(None) => {
                // For the awaiter of this child.
                self.is_ending();
                Err(NoValue::Cancelled)
            }
            Err(panic) => {
                self.fail(|state| state.panics.push(Panic(Some(panic))));
                Err(NoValue::Panicked)
            }
        }
    }

    /// Cancels the group for what `record` writes down.
    pub(super) fn fail(&self, record: impl FnOnce(&mut State<E>)) {
        record(&mut self.lock());
        self.token.cancel();
    }

    /// Whether the group is cancelled, by itself or from outside. To ask sets `ending`.
    pub(super) fn is_ending(&self) -> bool {
        if self.token.is_cancelled() {
            self.ending.store(true, SeqCst);
        }
        self.ending.load(SeqCst)
    }

    /// How `work` ends: with a result, with nothing, when its grace after the cancellation is over, or with a panic.
    pub(super) async fn outcome<T>(
        &self,
        token: &CancellationToken,
        grace: Duration,
        work: impl Future<Output = T> + Unpin,
    ) -> thread::Result<Option<T>> {
        let ending = poll_fn(|_| if self.ending.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending });
        let overdue = async {
            select(ending, pin!(token.cancelled())).await;
            // A sleep needs a timer, and not every runtime has one.
            if !grace.is_zero() {
                sleep(grace).await;
            }
        };
        let in_time = async {
            if token.is_cancelled() {
                return None;
            }
            match select(work, pin!(overdue)).await {
                Either::Left((result, _)) => Some(result),
                Either::Right(_) => None,
            }
        };
        // What has panicked is dropped and not polled again. What it shares with others may be half changed.
        AssertUnwindSafe(in_time).catch_unwind().await
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        // Nothing panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
