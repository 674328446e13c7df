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
//! use task_groups::task_group::{TaskGroup, task_group};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let total = task_group(async |group: TaskGroup<anyhow::Error>| {
//!         let (net, tax) = (group.spawn(async { Ok(100) }), group.spawn(async { Ok(19) }));
//!         Ok(net.await? + tax.await?)
//!     });
//!     assert_eq!(total.await?, 119);
//!
//!     let failed = task_group(async |group: TaskGroup<&str>| {
//!         group.spawn(async { Err::<(), _>("the price list is gone") });
//!         pending::<Result<(), _>>().await // cancelled with the group
//!     });
//!     assert_eq!(failed.await.unwrap_err().into_errors().next(), Some("the price list is gone"));
//!     Ok(())
//! }
//! ```
//!
//! The first failure, of a child or of the body, cancels the other children and the body. The group waits for all of them,
//! and returns every error. Children add children, through a clone of their [`TaskGroup`].
//!
//! A `JoinSet` with the pattern `join_set` is enough if the parent starts all tasks, and none needs a clean-up.
//!
//! | a child that is cancelled | spawn it with |
//! |---|---|
//! | is dropped at its await | [`TaskGroup::spawn`] |
//! | has its token cancelled, cleans up with awaits, and is dropped after a grace period | [`TaskGroup::spawn_with_grace`] |
//!
//! Work that is ready in the instant of the cancellation takes one more step. Nothing can cancel work that never awaits, and
//! the group waits for it, as in asyncio. A task that a child starts by `tokio::spawn` or `spawn_blocking` is not part of
//! the group.
//!
//! A cancelled child has not failed, whether the group or [`Child::cancel`] has cancelled it. A group that a token cancels has
//! not failed either: it returns `None`.
//!
//! A child that adds itself is a recursion: box its future, or the compiler cannot find out that it is `Send`.
//!
//! Lessons drop each future at every suspension, and run 800 seeded trees of groups on four threads.
//!
//! # Cancel safety
//!
//! Dropping the future of a group drops the body and cancels the children. It cannot wait for them: cancel the group by a
//! token instead ([`task_group_under`]). For a group inside another ([`TaskGroup::nested`]), the outer one waits.
//!
//! A cancellation drops the values in the body. To keep values, let the children send them out by a channel.
//!
//! # Errors
//!
//! [`GroupError`]: every error, in the order in which they happened.
//!
//! # Panics
//!
//! A panic in a child or in the body cancels the group as an error does. So does a panic in a destructor when they are
//! cancelled. When all have ended, the first panic goes on in the owner, and errors are lost. With `panic = "abort"` in the
//! profile, the first panic ends the process.
//!
//! The group panics outside a Tokio runtime. A child whose grace period begins panics on a runtime without a timer.
//!
//! # Cost
//!
//! A child costs 1.5 times a task in a `JoinSet`; `asyncio.TaskGroup` costs 12. If one child fails and the others are
//! cancelled, it is 1.4 and 74.
//!
//! # Differences from asyncio
//!
//! - In asyncio the body is cancelled as a task is. Here it is dropped at its await, so work that cleans up with awaits
//!   belongs in a child (lesson `cancel_the_siblings_and_the_body_and_all_are_waited_for`).
//! - In asyncio the exception of the body comes last. Here errors come in the order in which they happened (lesson
//!   `come_out_together_in_the_order_in_which_they_happened`), each with its child's id (lesson `tell_whose_they_are`).
//! - `except*` picks by type. Here a `match` or a downcast does (lesson `are_picked_by_type`).
//! - In asyncio a task that is due to start when another fails still starts. Here it never begins (lesson
//!   `keep_what_has_not_begun_from_beginning`).
//! - In asyncio a task that awaits a failed task of its group is cancelled at that await. Here too, if the awaited child has
//!   no value: the error comes out once (lesson `cancel_whoever_awaits_the_child_before_it_hears_of_them`).
//! - In asyncio cancelling the block's task cancels its children, and raises `CancelledError`. Here a token cancels them, and
//!   the group returns `None` (lesson `a_token_cancels_the_group_and_all_are_waited_for`).
//! - Exceptions win over the cancellation, which stays visible from Python 3.13 on. Here errors win, and the token stays
//!   cancelled (lesson `errors_win_over_the_cancellation_which_stays_in_the_token`).
//! - In asyncio an inner group of exceptions is one exception of the outer group. Here too, if the outer error type has a
//!   `From` for it (lesson `errors_inside_of_a_group_that_is_cancelled_come_out`).
//! - In asyncio a task has a copy of the context. Here a child inherits neither task-locals nor the current span: use
//!   `KEY.scope(...)` and `.in_current_span()` (lesson `see_no_task_locals_but_those_they_are_given`).
//! - In asyncio tasks take turns on one thread. Here children run on all cores, so shared data needs a lock (lesson
//!   `are_made_on_all_cores`).

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use scopeguard::{ScopeGuard, guard};
use tokio::task::{try_id, yield_now};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

pub use child::{Child, NoValue};
pub use error::{GroupError, MemberError};

use child::Progress;
use shared::Shared;

mod child;
mod error;
mod shared;

/// Adds children to a group. A clone adds to the same group.
#[derive(Debug)]
pub struct TaskGroup<E>(Arc<Shared<E>>);

/// Runs `body` and waits for it and for all children that it and they have added.
pub async fn task_group<T, E>(
    body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
) -> Result<T, GroupError<E>> {
    match TaskGroup::new(CancellationToken::new()).run(body, |_| ()).await? {
        Some(value) => Ok(value),
        None => unreachable!("only the group has this token, and cancels it for a failure alone"),
    }
}

/// Like [`task_group`], under a token that cancels the group from outside. Returns `None` if the token cancelled it.
pub async fn task_group_under<T, E>(
    token: &CancellationToken,
    body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
) -> Result<Option<T>, GroupError<E>> {
    TaskGroup::new(token.child_token()).run(body, |_| ()).await
}

impl<E> TaskGroup<E> {
    fn new(token: CancellationToken) -> Self {
        Self(Arc::new(Shared::new(token)))
    }

    /// Starts a child. When it is cancelled, it is dropped at its await.
    ///
    /// A group that is shutting down or finished refuses the child: `work` is dropped, and the child's value is
    /// [`NoValue::Refused`].
    pub fn spawn<T, F>(&self, work: F) -> Child<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        self.start(self.0.token.child_token(), Duration::ZERO, work)
    }

    /// Starts a child that has a token. To cancel the child cancels the token. The child then has `grace` to end by itself, and
    /// is dropped after that. `Duration::MAX` is no limit, as in asyncio.
    ///
    /// An error that it returns during the grace period is one more error of the group. For a group inside such a child, use
    /// [`task_group_under`] with its token.
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
        let cancelled = token.clone();
        self.start(token, grace, async { work(cancelled).await })
    }

    fn start<T, F>(&self, token: CancellationToken, grace: Duration, work: F) -> Child<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let Some(counted) = self.0.enter() else {
            let progress = Progress::Without { why: NoValue::Refused, has_yielded: false };
            return Child { id: None, token, progress };
        };
        let (group, own) = (self.clone(), token.clone());
        // In a box, because several futures pass it on, and each of them would grow by its size.
        let work = Box::pin(work);
        let task = self.0.runtime.spawn(async move {
            let result = group.0.settle(try_id(), group.0.outcome(&own, grace, work).await);
            drop(counted);
            result
        });
        Child { id: Some(task.id()), token, progress: Progress::Running(task) }
    }

    /// Runs a group inside this one. The outer group cancels it and waits for it. Its body may borrow. Use it in the body and in
    /// children of [`spawn`](Self::spawn).
    ///
    /// Returns `None` if this group is cancelled. If its awaiter is dropped, its errors become errors of this group.
    pub async fn nested<T, Inner>(
        &self,
        body: impl AsyncFnOnce(TaskGroup<Inner>) -> Result<T, Inner>,
    ) -> Result<Option<T>, GroupError<Inner>>
    where
        E: From<GroupError<Inner>> + Send + 'static,
        Inner: Send + 'static,
    {
        let result = match self.0.enter() {
            Some(counted) => self.run_inside(counted, body).await,
            None => Ok(None),
        };
        if let Ok(None) = result {
            // As with a child without a value, an awaiter that is cancelled too ends here.
            self.0.is_ending();
            yield_now().await;
        }
        result
    }

    async fn run_inside<T, Inner>(
        &self,
        counted: TaskTrackerToken,
        body: impl AsyncFnOnce(TaskGroup<Inner>) -> Result<T, Inner>,
    ) -> Result<Option<T>, GroupError<Inner>>
    where
        E: From<GroupError<Inner>> + Send + 'static,
        Inner: Send + 'static,
    {
        let outer = self.clone();
        let orphaned = move |group: TaskGroup<Inner>| {
            let runtime = group.0.runtime.clone();
            runtime.spawn(async move {
                let (failures, panics) = group.0.finish().await;
                if !panics.is_empty() {
                    outer.0.fail(|state| state.panics.extend(panics));
                } else if !failures.is_empty() {
                    let error = GroupError { failures }.into();
                    outer.0.fail(|state| state.failures.push(MemberError { child: None, error }));
                }
                drop(counted);
            });
        };
        TaskGroup::new(self.0.token.child_token()).run(body, orphaned).await
    }

    /// The life of a group. If this future is dropped before its end, `orphaned` gets the group.
    async fn run<T>(
        self,
        body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
        orphaned: impl FnOnce(TaskGroup<E>),
    ) -> Result<Option<T>, GroupError<E>> {
        let owner = guard((self.clone(), orphaned), |(group, orphaned)| {
            group.0.token.cancel();
            orphaned(group);
        });
        let body = Box::pin(async { body(self.clone()).await });
        let value = self.0.settle(None, self.0.outcome(&self.0.token, Duration::ZERO, body).await);
        let (failures, panics) = self.0.finish().await;
        drop(ScopeGuard::into_inner(owner));

        let first = panics.into_iter().next().and_then(|mut first| first.0.take());
        if let Some(first) = first {
            resume_unwind(first);
        }
        if !failures.is_empty() {
            return Err(GroupError { failures });
        }
        // If nothing failed, the group was cancelled from outside.
        Ok(value.ok().filter(|_| !self.0.token.is_cancelled()))
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
