// SPDX-License-Identifier: 0BSD
//! Runs a group of tasks that never outlive the group: `asyncio.TaskGroup`, a nursery in trio.
//!
//! ```sh
//! cargo add futures
//! cargo add scopeguard
//! cargo add tokio --features rt,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::future::pending;
//!
//! use task_groups::task_group::{Group, task_group};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let total = task_group(async |group: Group<anyhow::Error>| {
//!         let (net, tax) = (group.spawn(async { Ok(100) }), group.spawn(async { Ok(19) }));
//!         Ok(net.await? + tax.await?)
//!     });
//!     assert_eq!(total.await?, 119);
//!
//!     let failed = task_group(async |group: Group<&str>| {
//!         group.spawn(async { Err::<(), _>("the price list is gone") });
//!         pending::<Result<(), _>>().await // cancelled with the group
//!     });
//!     assert_eq!(failed.await.unwrap_err().into_errors().next(), Some("the price list is gone"));
//!     Ok(())
//! }
//! ```
//!
//! The first failure, of a child or of the body, cancels the other children and the body. All are waited for, and all
//! errors come out together. Children may add children, through a clone of their [`Group`].
//!
//! A `JoinSet` (the pattern `join_set`) is enough for children that are all started by the parent and need no clean-up.
//!
//! | a child that is cancelled | spawn it with |
//! |---|---|
//! | is dropped at the await where it is | [`Group::spawn`] |
//! | gets its token cancelled, cleans up with awaits, and is dropped if that takes too long | [`Group::spawn_with_grace`] |
//!
//! What is ready in the instant of the cancellation still takes one step. Nothing can cancel work that never awaits,
//! here as in asyncio; it is waited for.
//!
//! A child that was cancelled, by the group or alone ([`Child::cancel`]), has not failed. A group that was cancelled
//! from outside has not failed either: it returns `None`.
//!
//! # Cancel safety
//!
//! Dropping the future of a group drops the body and cancels the children. It cannot wait for them: cancel it by a
//! token ([`task_group_under`]) instead. For a group inside of another ([`Group::nested`]), the one around it waits.
//!
//! A cancellation that meets values which are there drops them with the body. Children that send their values out of
//! the group, by a channel, keep them.
//!
//! # Errors
//!
//! [`GroupError`]: every error, in the order in which they happened.
//!
//! # Panics
//!
//! A panic of a child or of the body, also in what it drops when it is cancelled, cancels the group as an error does.
//! When all have ended it goes on in the owner: the first one, if there are more. Errors are lost then.
//!
//! The group itself panics outside a Tokio runtime; a child whose grace period begins, on one without a timer.

use std::any::Any;
use std::error::Error;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;
use std::{fmt, mem};

use futures::FutureExt;
use futures::future::{Either, select};
use scopeguard::{ScopeGuard, guard};
use tokio::runtime::Handle;
use tokio::task::{Id, JoinHandle, coop::unconstrained, try_id, yield_now};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The errors of a group, one at least, in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupError<E> {
    /// Each error, and whose it is.
    pub failures: Vec<Failure<E>>,
}

/// An error, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure<E> {
    /// The child that returned it: its [`Child::id`]. None if it was the body, or a group inside that was dropped.
    pub child: Option<Id>,
    /// What it returned.
    pub error: E,
}

/// Why a child has no value. Its error or its panic is the group's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoValue {
    /// It returned an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It was cancelled, or its runtime has ended.
    Cancelled,
    /// The group was shutting down or finished: it has not begun.
    Refused,
    /// The child would wait for itself, forever. asyncio raises: "Task cannot await on itself".
    Itself,
}

/// Adds children to a group. Its clones add to the same one.
#[derive(Debug)]
pub struct Group<E>(Arc<Shared<E>>);

/// A child of a group. To drop it does nothing to the child.
///
/// It is a future that gives the child's value, in the block or after it. It yields once before it says that there is
/// none: when the group is being cancelled, whoever awaits it in the group is cancelled there, and does not fail too.
#[derive(Debug)]
pub struct Child<T> {
    id: Option<Id>,
    token: CancellationToken,
    progress: Progress<T>,
}

#[derive(Debug)]
enum Progress<T> {
    Running(JoinHandle<Result<T, NoValue>>),
    Without { why: NoValue, has_yielded: bool },
}

#[derive(Debug)]
struct Shared<E> {
    runtime: Handle,
    /// Cancelled, it ends the body and every child.
    token: CancellationToken,
    /// Counts the children, and the groups inside.
    tracker: TaskTracker,
    /// Set before anybody in the group can hear that a child was refused, or cancelled with the group. A cancellation
    /// from further out reaches one token after the other: this ends whoever hears of it before it is their turn.
    ending: AtomicBool,
    state: Mutex<State<E>>,
}

#[derive(Debug)]
struct State<E> {
    finished: bool,
    failures: Vec<Failure<E>>,
    panics: Vec<Panic>,
}

/// What a panic holds. Its destructor may panic too: that goes to the panic hook.
#[derive(Debug)]
struct Panic(Option<Box<dyn Any + Send>>);

impl Drop for Panic {
    fn drop(&mut self) {
        let payload = self.0.take();
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(another);
        }
    }
}

/// Runs `body` and waits for it and for all children that it and they have added.
pub async fn task_group<T, E>(body: impl AsyncFnOnce(Group<E>) -> Result<T, E>) -> Result<T, GroupError<E>> {
    match Group::new(CancellationToken::new()).run(body, |_| ()).await? {
        Some(value) => Ok(value),
        None => unreachable!("nobody has this token but the group, which cancels it for a failure alone"),
    }
}

/// The same under a token that cancels the group from outside: it gives `None` then.
pub async fn task_group_under<T, E>(
    token: &CancellationToken,
    body: impl AsyncFnOnce(Group<E>) -> Result<T, E>,
) -> Result<Option<T>, GroupError<E>> {
    Group::new(token.child_token()).run(body, |_| ()).await
}

impl<E> Group<E> {
    fn new(token: CancellationToken) -> Self {
        Self(Arc::new(Shared {
            runtime: Handle::current(),
            token,
            tracker: TaskTracker::new(),
            ending: AtomicBool::new(false),
            state: Mutex::new(State { finished: false, failures: Vec::new(), panics: Vec::new() }),
        }))
    }

    /// Starts a child. When it is cancelled, it is dropped where it stands.
    ///
    /// A group that is shutting down or finished starts none: `work` is dropped, and the child gives
    /// [`NoValue::Refused`].
    pub fn spawn<T, F>(&self, work: F) -> Child<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        self.start(self.0.token.child_token(), Duration::ZERO, work)
    }

    /// Starts a child that is told by its token when it is cancelled. It then has `grace` to come to its end; after
    /// that it is dropped where it stands. `Duration::MAX` is no limit, as in asyncio.
    ///
    /// An error that it returns then is one more error of the group.
    pub fn spawn_with_grace<T, F>(
        &self,
        grace: Duration,
        work: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Child<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let token = self.0.token.child_token();
        let told = token.clone();
        self.start(token, grace, async { work(told).await })
    }

    fn start<T, F>(&self, token: CancellationToken, grace: Duration, work: F) -> Child<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let Some(counted) = self.enter() else {
            let progress = Progress::Without { why: NoValue::Refused, has_yielded: false };
            return Child { id: None, token, progress };
        };
        let (group, own) = (self.clone(), token.clone());
        // In a box, for it is handed on through several futures, and each of them would have a place of its size.
        let work = Box::pin(work);
        let task = self.0.runtime.spawn(async move {
            let result = group.settle(try_id(), group.outcome(&own, grace, work).await);
            drop(counted);
            result
        });
        Child { id: Some(task.id()), token, progress: Progress::Running(task) }
    }

    /// Runs a group inside of this one, which cancels it and is not over before it is. Its body may borrow.
    ///
    /// If this group is cancelled, it gives `None`, or, being dropped with whoever awaits it, gives its errors to this
    /// group itself.
    pub async fn nested<T, Inner>(
        &self,
        body: impl AsyncFnOnce(Group<Inner>) -> Result<T, Inner>,
    ) -> Result<Option<T>, GroupError<Inner>>
    where
        E: From<GroupError<Inner>> + Send + 'static,
        Inner: Send + 'static,
    {
        let result = match self.enter() {
            Some(counted) => self.run_inside(counted, body).await,
            None => Ok(None),
        };
        if let Ok(None) = result {
            // As a child without a value does, for whoever is cancelled too.
            self.is_ending();
            yield_now().await;
        }
        result
    }

    async fn run_inside<T, Inner>(
        &self,
        counted: TaskTrackerToken,
        body: impl AsyncFnOnce(Group<Inner>) -> Result<T, Inner>,
    ) -> Result<Option<T>, GroupError<Inner>>
    where
        E: From<GroupError<Inner>> + Send + 'static,
        Inner: Send + 'static,
    {
        let outer = self.clone();
        let orphaned = move |group: Group<Inner>| {
            let runtime = group.0.runtime.clone();
            runtime.spawn(async move {
                let (failures, panics) = group.finish().await;
                if !panics.is_empty() {
                    outer.fail(|state| state.panics.extend(panics));
                } else if !failures.is_empty() {
                    let error = GroupError { failures }.into();
                    outer.fail(|state| state.failures.push(Failure { child: None, error }));
                }
                drop(counted);
            });
        };
        Group::new(self.0.token.child_token()).run(body, orphaned).await
    }

    /// The life of a group. If this future is dropped before its end, `orphaned` gets the group.
    async fn run<T>(
        self,
        body: impl AsyncFnOnce(Group<E>) -> Result<T, E>,
        orphaned: impl FnOnce(Group<E>),
    ) -> Result<Option<T>, GroupError<E>> {
        let owner = guard((self.clone(), orphaned), |(group, orphaned)| {
            group.0.token.cancel();
            orphaned(group);
        });
        let body = Box::pin(async { body(self.clone()).await });
        let value = self.settle(None, self.outcome(&self.0.token, Duration::ZERO, body).await);
        let (failures, panics) = self.finish().await;
        drop(ScopeGuard::into_inner(owner));

        let first = panics.into_iter().next().and_then(|mut first| first.0.take());
        if let Some(first) = first {
            resume_unwind(first);
        }
        if !failures.is_empty() {
            return Err(GroupError { failures });
        }
        // Without a failure, it was cancelled from outside.
        Ok(value.ok().filter(|_| !self.0.token.is_cancelled()))
    }

    /// Counts somebody in. Under one lock with the end of the group, so that nobody slips in after it.
    fn enter(&self) -> Option<TaskTrackerToken> {
        let state = self.lock();
        let is_open = !state.finished && !self.is_ending();
        is_open.then(|| self.0.tracker.token())
    }

    /// Waits until everybody has left, closes the group, and takes what they have left behind.
    async fn finish(&self) -> (Vec<Failure<E>>, Vec<Panic>) {
        self.0.tracker.close();
        loop {
            self.0.tracker.wait().await;
            let mut state = self.lock();
            // Somebody may have come in meanwhile. Now nobody can.
            if self.0.tracker.is_empty() {
                state.finished = true;
                return (mem::take(&mut state.failures), mem::take(&mut state.panics));
            }
        }
    }

    /// Sorts how a child or the body has ended.
    fn settle<T>(
        &self,
        child: Option<Id>,
        ended: thread::Result<Option<Result<T, E>>>,
    ) -> Result<T, NoValue> {
        match ended {
            Ok(Some(Ok(value))) => Ok(value),
            Ok(Some(Err(error))) => {
                self.fail(|state| state.failures.push(Failure { child, error }));
                Err(NoValue::Failed)
            }
            Ok(None) => {
                // For whoever awaits this child.
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
    fn fail(&self, record: impl FnOnce(&mut State<E>)) {
        record(&mut self.lock());
        self.0.token.cancel();
    }

    /// Whether the group is cancelled, by itself or from outside. To ask sets `ending`.
    fn is_ending(&self) -> bool {
        if self.0.token.is_cancelled() {
            self.0.ending.store(true, SeqCst);
        }
        self.0.ending.load(SeqCst)
    }

    /// How `work` ends: with a result, with nothing, when its grace after the cancellation is over, or with a panic.
    async fn outcome<T>(
        &self,
        token: &CancellationToken,
        grace: Duration,
        work: impl Future<Output = T> + Unpin,
    ) -> thread::Result<Option<T>> {
        let ending = poll_fn(|_| if self.0.ending.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending });
        let overdue = async {
            select(ending, pin!(token.cancelled())).await;
            // A sleep needs a timer, and not every runtime has one. Unconstrained: a child that uses up the turn of its task
            // would never be cut off.
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
        // What has panicked is dropped and not polled again. What it shares with others may be half changed.
        AssertUnwindSafe(in_time).catch_unwind().await
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        // Nothing panics under the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Child<T> {
    /// Which task it is. None if it was refused.
    pub fn id(&self) -> Option<Id> {
        self.id
    }

    /// Cancels this child alone. To be cancelled is not to fail: the group goes on.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        match &self.progress {
            Progress::Running(task) => task.is_finished(),
            Progress::Without { .. } => true,
        }
    }
}

impl<T> Future for Child<T> {
    type Output = Result<T, NoValue>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let why = match &mut self.progress {
            Progress::Running(task) if try_id() == Some(task.id()) => {
                return Poll::Ready(Err(NoValue::Itself));
            }
            Progress::Running(task) => match ready!(Pin::new(task).poll(cx)) {
                Ok(Ok(value)) => return Poll::Ready(Ok(value)),
                Ok(Err(why)) => why,
                // A panic is caught inside: the runtime has shut down.
                Err(_) => NoValue::Cancelled,
            },
            Progress::Without { why, has_yielded: true } => return Poll::Ready(Err(*why)),
            Progress::Without { why, .. } => *why,
        };
        self.progress = Progress::Without { why, has_yielded: true };
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<E> Clone for Group<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> GroupError<E> {
    /// The errors alone.
    pub fn into_errors(self) -> impl Iterator<Item = E> {
        self.failures.into_iter().map(|failure| failure.error)
    }
}

/// How many errors, and each of them, on one line.
impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<_> = self.failures.iter().map(|failure| format!("{:#}", failure.error)).collect();
        let plural = if errors.len() == 1 { "" } else { "s" };
        write!(f, "{} error{plural} in a task group [{}]", errors.len(), errors.join("; "))
    }
}

// Without a `source`: that is one error, the cause of this one, and here are many side by side.
impl<E: fmt::Debug + fmt::Display> Error for GroupError<E> {}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the child has failed",
            Self::Panicked => "the child has panicked",
            Self::Cancelled => "the child was cancelled",
            Self::Refused => "the task group takes no more children",
            Self::Itself => "the child would wait for itself",
        })
    }
}

impl Error for NoValue {}
