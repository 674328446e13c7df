// SPDX-License-Identifier: 0BSD
//! A child of a group, and its value.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::task::{Id, JoinHandle, try_id};
use tokio_util::sync::CancellationToken;

/// Why a child has no value. Its error or its panic is the group's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoValue {
    /// It returned an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It was cancelled, or its runtime has ended.
    Cancelled,
    /// The group was shutting down or finished, so the child has not begun.
    Refused,
    /// The child would wait for itself, forever. asyncio raises: "Task cannot await on itself".
    Itself,
}

/// A child of a group. Dropping this value does not end the child.
///
/// It is a future with the child's value, in the block or after it. It yields once before it returns [`NoValue`]. If the
/// group is being cancelled, an awaiter in the group is cancelled at that point, and does not fail too.
#[derive(Debug)]
pub struct Child<T> {
    pub(super) id: Option<Id>,
    pub(super) token: CancellationToken,
    pub(super) progress: Progress<T>,
}

#[derive(Debug)]
pub(super) enum Progress<T> {
    Running(JoinHandle<Result<T, NoValue>>),
    Without { why: NoValue, has_yielded: bool },
}

impl<T> Child<T> {
    /// Returns the id of the child's task; `None` if the child was refused.
    pub fn id(&self) -> Option<Id> {
        self.id
    }

    /// Cancels only this child. A cancelled child has not failed, so the group goes on.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Returns whether the child has ended.
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
                // Panics are caught inside the task, so the runtime has shut down.
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
