// SPDX-License-Identifier: 0BSD
//! Collects several errors and picks them apart by type: `ExceptionGroup` and `except*`.
//!
//! ```sh
//! cargo add anyhow
//! ```
//!
//! ```
//! use std::io;
//!
//! use error_handling::error_group::ErrorGroup;
//!
//! fn main() {
//!     let not_found = io::Error::from(io::ErrorKind::NotFound);
//!     let results = [Ok("home"), Err(not_found.into()), Err(anyhow::anyhow!("no title"))];
//!     let Err(mut group) = ErrorGroup::collect("loading three pages", results) else { return };
//!     assert_eq!(group.to_string(), "loading three pages [entity not found; no title]");
//!
//!     for error in group.take::<io::Error>() {
//!         println!("skipped: {error}");
//!     }
//!     let rest = group.into_result().unwrap_err(); // what is left
//!     assert_eq!(rest.to_string(), "loading three pages [no title]");
//! }
//! ```
//!
//! | Python | here |
//! |---|---|
//! | `except* NotFound as group: for error in group.exceptions: ...` | `for error in group.take::<NotFound>() { ... }` |
//! | the end of the `try`, which raises the remaining errors | `group.into_result()?;` |
//!
//! An `except*` takes its errors out of the group, and the remaining errors are raised again. Here [`take`] and
//! [`split_off`] take errors, and [`into_result`] returns the remaining ones. A group may hold groups; [`take`] and
//! [`split_off`] search them too.
//!
//! A `Vec` of your own `enum` is enough if every error has that type: the compiler reports a case that your `match`
//! forgets.
//!
//! [`take`]: ErrorGroup::take
//! [`split_off`]: ErrorGroup::split_off
//! [`into_result`]: ErrorGroup::into_result
//!
//! # Panics
//!
//! A panic in the predicate of [`split_off`] goes on, and leaves the group unchanged. A group that is nested some ten
//! thousand deep overflows the stack; a group cannot hold itself.

use std::error::Error;
use std::{fmt, mem};

/// Errors that happened side by side, in order.
#[derive(Debug)]
pub struct ErrorGroup {
    message: String,
    errors: Vec<anyhow::Error>,
}

impl ErrorGroup {
    /// Makes a group of these errors. `message` says what was being done.
    pub fn new(message: impl Into<String>, errors: impl IntoIterator<Item = anyhow::Error>) -> Self {
        Self { message: message.into(), errors: errors.into_iter().collect() }
    }

    /// Returns every value, or every error.
    ///
    /// # Errors
    ///
    /// A group of all errors, if there is at least one. The values are dropped then.
    pub fn collect<T>(
        message: impl Into<String>,
        results: impl IntoIterator<Item = anyhow::Result<T>>,
    ) -> Result<Vec<T>, Self> {
        let (mut values, mut group) = (Vec::new(), Self::new(message, []));
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(error) => group.errors.push(error),
            }
        }
        group.into_result().map(|()| values)
    }

    /// Takes every error of type `E` out of the group and of the groups in it: `except* E`.
    ///
    /// It finds an error under a context too, and returns it without the context. To keep the context, use
    /// [`split_off`](Self::split_off).
    pub fn take<E: Error + Send + Sync + 'static>(&mut self) -> Vec<E> {
        let taken = self.split_off(|error| error.is::<E>()).into_leaves();
        taken.into_iter().filter_map(|error| error.downcast().ok()).collect()
    }

    /// Moves every error for which `matches` returns true into a group of its own: `ExceptionGroup.split`.
    ///
    /// `matches` is called for errors, not for the groups in this group. Both sides keep messages and nesting; a nested
    /// group that becomes empty is removed. A context around a nested group stays on this side.
    pub fn split_off(&mut self, matches: impl FnMut(&anyhow::Error) -> bool) -> Self {
        // Every answer comes before the first move: a panic of `matches` leaves the group as it was.
        let answers: Vec<_> = self.leaves().into_iter().map(matches).collect();
        self.split_by(&mut answers.into_iter())
    }

    /// Takes out each leaf for which the next of `answers` is true.
    fn split_by(&mut self, answers: &mut std::vec::IntoIter<bool>) -> Self {
        let mut taken = Self::new(self.message.clone(), []);
        for mut error in mem::take(&mut self.errors) {
            if let Some(inner) = error.downcast_mut::<Self>() {
                let taken_of_inner = inner.split_by(answers);
                let left = !inner.is_empty();
                if !taken_of_inner.is_empty() {
                    taken.errors.push(taken_of_inner.into());
                }
                if left {
                    self.errors.push(error);
                }
            } else if answers.next() == Some(true) {
                taken.errors.push(error);
            } else {
                self.errors.push(error);
            }
        }
        taken
    }

    /// Returns the remaining errors, if there are any: the end of a row of `except*`.
    ///
    /// # Errors
    ///
    /// The group itself, unless it is empty.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Returns whether the group and the groups in it hold no error.
    pub fn is_empty(&self) -> bool {
        self.errors.iter().all(|error| error.downcast_ref().is_some_and(Self::is_empty))
    }

    /// Returns every error in order, with those of a nested group at the position of that group.
    pub fn leaves(&self) -> Vec<&anyhow::Error> {
        let inner = |error| anyhow::Error::downcast_ref::<Self>(error);
        self.errors.iter().flat_map(|error| inner(error).map_or_else(|| vec![error], Self::leaves)).collect()
    }

    /// Does the same by value. The messages of the groups are lost.
    pub fn into_leaves(self) -> Vec<anyhow::Error> {
        let leaves =
            |error: anyhow::Error| error.downcast().map_or_else(|error| vec![error], Self::into_leaves);
        self.errors.into_iter().flat_map(leaves).collect()
    }
}

/// The message and every error with its causes, on one line.
impl fmt::Display for ErrorGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<_> = self.errors.iter().map(|error| format!("{error:#}")).collect();
        write!(f, "{} [{}]", self.message, errors.join("; "))
    }
}

// Without a `source`, because that is one cause, and a group has many errors.
impl Error for ErrorGroup {}
