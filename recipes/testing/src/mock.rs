// SPDX-License-Identifier: 0BSD
//! Answers calls as a test requires, and keeps their arguments: `AsyncMock`.
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! ```
//! use testing::mock::Mock;
//!
//! trait Mailer {
//!     async fn send(&self, to: &str) -> bool;
//! }
//! impl Mailer for Mock<String, bool> {
//!     async fn send(&self, to: &str) -> bool {
//!         self.call(to.to_owned()).await
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mailer = Mock::in_order([false, true]);
//!     while !mailer.send("ada").await {} // what is tested
//!     assert_eq!(mailer.calls(), ["ada", "ada"]); // await_args_list
//!     assert_eq!(mailer.calls().len(), 2); // await_count
//! }
//! ```
//!
//! A closure is enough if the code under test takes one: `async |to: &str| true`. For a trait with many methods, write a
//! struct with one mock per method; the crate mockall generates such a struct.
//!
//! # Cancel safety
//!
//! A call counts from its first poll. Dropping it drops its answer.
//!
//! # Panics
//!
//! A call after the last answer of [`Mock::in_order`] panics. A call whose answer panics is kept too.
//!
//! # Differences from asyncio
//!
//! - `AsyncMock` counts calls and awaits separately. Here a future that is never awaited is no call.
//! - `AsyncMock` takes any method and any arguments. Here the compiler compares them with the trait.

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt, ready};

type Answer<A, R> = dyn Fn(&A) -> BoxFuture<'static, R> + Send + Sync;

/// Answers calls with arguments of type `A`. Several arguments are a tuple.
pub struct Mock<A, R> {
    calls: Mutex<Vec<A>>,
    answer: Box<Answer<A, R>>,
}

impl<A, R: Send + 'static> Mock<A, R> {
    /// Answers by a function, which may wait, fail or use the arguments: `side_effect=function`.
    pub fn with<Fut>(answer: impl Fn(&A) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = R> + Send + 'static,
    {
        Self { calls: Mutex::default(), answer: Box::new(move |arguments| answer(arguments).boxed()) }
    }

    /// Always answers with this value: `return_value=value`.
    pub fn returning(value: R) -> Self
    where
        R: Clone + Sync,
    {
        Self::with(move |_| ready(value.clone()))
    }

    /// Answers with one value after the other: `side_effect=[...]`.
    pub fn in_order(answers: impl IntoIterator<Item = R>) -> Self {
        let answers: Mutex<VecDeque<R>> = Mutex::new(answers.into_iter().collect());
        Self::with(move |_| match answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
            Some(answer) => ready(answer),
            None => panic!("a call after the last answer"),
        })
    }

    /// Keeps the arguments, and answers.
    pub async fn call(&self, arguments: A) -> R {
        let answer = catch_unwind(AssertUnwindSafe(|| (self.answer)(&arguments)));
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(arguments);
        answer.unwrap_or_else(|panic| resume_unwind(panic)).await
    }

    /// Returns the arguments of all calls so far: `await_args_list`. It removes none of them.
    pub fn calls(&self) -> Vec<A>
    where
        A: Clone,
    {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<A: Debug, R> Debug for Mock<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock").field("calls", &self.calls).finish_non_exhaustive()
    }
}
