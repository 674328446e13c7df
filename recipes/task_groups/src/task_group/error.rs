// SPDX-License-Identifier: 0BSD
//! What comes out of a group that has failed.

use std::error::Error;
use std::fmt;

use tokio::task::Id;

/// The errors of a group, one at least, in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupError<E> {
    /// Each error, and whose it is.
    pub failures: Vec<MemberError<E>>,
}

/// An error, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberError<E> {
    /// The child that returned it: its [`Child::id`](super::Child::id). None if it was the body, or a group inside that was dropped.
    pub child: Option<Id>,
    /// What it returned.
    pub error: E,
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
