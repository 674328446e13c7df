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
//! The first failure, of a child or of the body, cancels the other children and the body. All are waited for, and all
//! errors come out together. Children may add children, through a clone of their [`TaskGroup`].
//!
//! A `JoinSet` (the pattern `join_set`) is enough for children that are all started by the parent and need no clean-up.
//!
//! | a child that is cancelled | spawn it with |
//! |---|---|
//! | is dropped at the await where it is | [`TaskGroup::spawn`] |
//! | gets its token cancelled, cleans up with awaits, and is dropped if that takes too long | [`TaskGroup::spawn_with_grace`] |
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
//! token ([`task_group_under`]) instead. For a group inside of another ([`TaskGroup::nested`]), the one around it waits.
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

/// Adds children to a group. Its clones add to the same one.
#[derive(Debug)]
pub struct TaskGroup<E>(Arc<Shared<E>>);

/// Runs `body` and waits for it and for all children that it and they have added.
pub async fn task_group<T, E>(
    body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
) -> Result<T, GroupError<E>> {
    match TaskGroup::new(CancellationToken::new()).run(body, |_| ()).await? {
        Some(value) => Ok(value),
        None => unreachable!("nobody has this token but the group, which cancels it for a failure alone"),
    }
}

/// The same under a token that cancels the group from outside: it gives `None` then.
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
        let Some(counted) = self.0.enter() else {
            let progress = Progress::Without { why: NoValue::Refused, has_yielded: false };
            return Child { id: None, token, progress };
        };
        let (group, own) = (self.clone(), token.clone());
        // In a box, for it is handed on through several futures, and each of them would have a place of its size.
        let work = Box::pin(work);
        let task = self.0.runtime.spawn(async move {
            let result = group.0.settle(try_id(), group.0.outcome(&own, grace, work).await);
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
            // As a child without a value does, for whoever is cancelled too.
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
        // Without a failure, it was cancelled from outside.
        Ok(value.ok().filter(|_| !self.0.token.is_cancelled()))
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
