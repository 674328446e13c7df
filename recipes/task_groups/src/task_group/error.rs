// SPDX-License-Identifier: 0BSD
//! The error of a group that has failed.

use std::error::Error;
use std::fmt;

use tokio::task::Id;

/// The errors of a group, at least one, in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupError<E> {
    /// Each error, with the member that returned it.
    pub failures: Vec<MemberError<E>>,
}

/// An error, with the member that returned it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberError<E> {
    /// The [`Child::id`](super::Child::id) of the child that returned it. `None` for the body, and for a dropped inner group.
    pub child: Option<Id>,
    /// The error that the member returned.
    pub error: E,
}

impl<E> GroupError<E> {
    /// Returns only the errors.
    pub fn into_errors(self) -> impl Iterator<Item = E> {
        self.failures.into_iter().map(|failure| failure.error)
    }
}

/// Shows the number of errors and each of them, on one line.
impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<_> = self.failures.iter().map(|failure| format!("{:#}", failure.error)).collect();
        let plural = if errors.len() == 1 { "" } else { "s" };
        write!(f, "{} error{plural} in a task group [{}]", errors.len(), errors.join("; "))
    }
}

// Without a `source`, which is one error: here are many side by side.
impl<E: fmt::Debug + fmt::Display> Error for GroupError<E> {}
