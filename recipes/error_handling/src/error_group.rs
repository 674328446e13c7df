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
//! | the end of the `try`, which raises what is left | `group.into_result()?;` |
//!
//! An `except*` takes its part out of the group, and what no clause has taken is raised again. Here [`take`] and
//! [`split_off`] take, and [`into_result`] passes on what is left. A group may hold groups; both look into them.
//!
//! A `Vec` of your own `enum` is enough where every error has that type: `match` over it, and the compiler says which
//! case was forgotten.
//!
//! [`take`]: ErrorGroup::take
//! [`split_off`]: ErrorGroup::split_off
//! [`into_result`]: ErrorGroup::into_result
//!
//! # Panics
//!
//! One in the predicate of [`split_off`] goes on, and the group is as it was. A group that holds itself cannot be built; one that is nested some ten thousand deep overflows the stack.

use std::error::Error;
use std::{fmt, mem};

/// Errors that happened side by side, in order.
#[derive(Debug)]
pub struct ErrorGroup {
    message: String,
    errors: Vec<anyhow::Error>,
}

impl ErrorGroup {
    /// A group of these errors. `message` says what was being done.
    pub fn new(message: impl Into<String>, errors: impl IntoIterator<Item = anyhow::Error>) -> Self {
        Self { message: message.into(), errors: errors.into_iter().collect() }
    }

    /// Every value, or every error.
    ///
    /// # Errors
    ///
    /// A group of all the errors, if there is one at least. The values are dropped then.
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
    /// It is found under a context too, and comes without it; where that matters, use [`split_off`](Self::split_off).
    pub fn take<E: Error + Send + Sync + 'static>(&mut self) -> Vec<E> {
        let taken = self.split_off(|error| error.is::<E>()).into_leaves();
        taken.into_iter().filter_map(|error| error.downcast().ok()).collect()
    }

    /// Moves every error for which `matches` holds into a group of its own: `ExceptionGroup.split`.
    ///
    /// `matches` is asked about errors, not about the groups in this one. Messages and nesting stay as they are on
    /// both sides; a group in this one that has become empty vanishes. A context around such a group stays on this
    /// side.
    pub fn split_off(&mut self, matches: impl FnMut(&anyhow::Error) -> bool) -> Self {
        // Every answer comes before the first move: a panic of `matches` leaves the group as it was.
        let answers: Vec<_> = self.leaves().into_iter().map(matches).collect();
        self.split_by(&mut answers.into_iter())
    }

    /// Takes the leaves out for which the next of `answers` is true.
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

    /// What is left, if anything is: the end of a row of `except*`.
    ///
    /// # Errors
    ///
    /// The group itself, unless it is empty.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Whether there is no error in it, nor in a group in it.
    pub fn is_empty(&self) -> bool {
        self.errors.iter().all(|error| error.downcast_ref().is_some_and(Self::is_empty))
    }

    /// Every error, those of the groups in this one where the group is.
    pub fn leaves(&self) -> Vec<&anyhow::Error> {
        let inner = |error| anyhow::Error::downcast_ref::<Self>(error);
        self.errors.iter().flat_map(|error| inner(error).map_or_else(|| vec![error], Self::leaves)).collect()
    }

    /// The same, as values. The messages of the groups are gone.
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

// Without a `source`: that is one error, the cause of this one, and a group has many.
impl Error for ErrorGroup {}
