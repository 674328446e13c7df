//! Lessons of `recipes/async_await`: what asyncio's `async`, `await` and `run` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
// A lesson that says "the compiler warns" expects the warning. If none comes, that lesson does not compile.
#![deny(unfulfilled_lint_expectations)]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
pub mod work;

mod pairs;
mod call_and_await;
mod run;
mod sequential_or_concurrent;
mod laziness;
mod yielding;
mod async_closures;
mod many_readers;
mod single_flight;
mod one_thread_or_many;
