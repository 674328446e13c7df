// SPDX-License-Identifier: 0BSD
//! The state that a group and its children share: the members, how each has ended, and whether the group is ending.

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
use tokio::task::coop::unconstrained;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{MemberError, NoValue};

#[derive(Debug)]
pub(super) struct Shared<E> {
    pub(super) runtime: Handle,
    /// Its cancellation ends the body and every child.
    pub(super) token: CancellationToken,
    /// Counts the children, and the groups inside.
    tracker: TaskTracker,
    /// Set before any member can see that a child was refused, or cancelled with the group. A cancellation from outside reaches
    /// one token after the other. With this flag, a member that sees its effect first also ends.
    ending: AtomicBool,
    state: Mutex<State<E>>,
}

#[derive(Debug)]
pub(super) struct State<E> {
    finished: bool,
    pub(super) failures: Vec<MemberError<E>>,
    pub(super) panics: Vec<Panic>,
}

/// The payload of a panic. Its destructor may panic too: only the panic hook reports that.
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

    /// Counts a member in, under the same lock as the end of the group, so that no member comes in after the end.
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
            // A member may have come in meanwhile. From here on none can.
            if self.tracker.is_empty() {
                state.finished = true;
                return (mem::take(&mut state.failures), mem::take(&mut state.panics));
            }
        }
    }

    /// Records how a child or the body has ended.
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
                // Sets `ending` for the awaiter of this child.
                self.is_ending();
                Err(NoValue::Cancelled)
            }
            Err(panic) => {
                self.fail(|state| state.panics.push(Panic(Some(panic))));
                Err(NoValue::Panicked)
            }
        }
    }

    /// Records a failure by `record`, and cancels the group.
    pub(super) fn fail(&self, record: impl FnOnce(&mut State<E>)) {
        record(&mut self.lock());
        self.token.cancel();
    }

    /// Returns whether the group is cancelled, by itself or from outside. The call sets `ending`.
    pub(super) fn is_ending(&self) -> bool {
        if self.token.is_cancelled() {
            self.ending.store(true, SeqCst);
        }
        self.ending.load(SeqCst)
    }

    /// Runs `work` to its end: a result, a panic, or `None` if its grace period after the cancellation is over.
    pub(super) async fn outcome<T>(
        &self,
        token: &CancellationToken,
        grace: Duration,
        work: impl Future<Output = T> + Unpin,
    ) -> thread::Result<Option<T>> {
        let ending = poll_fn(|_| if self.ending.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending });
        let overdue = async {
            select(ending, pin!(token.cancelled())).await;
            // A sleep needs a timer, which not every runtime has. Unconstrained, because a child that uses up the budget of its
            // task would never be cut off.
            if !grace.is_zero() {
                unconstrained(sleep(grace)).await;
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
        // A future that has panicked is dropped and not polled again. Data that it shares may be half changed.
        AssertUnwindSafe(in_time).catch_unwind().await
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        // No code panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
