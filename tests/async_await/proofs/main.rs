//! Proofs of `recipes/async_await`: what asyncio's `async`, `await` and `run` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
// A lesson that says "the compiler warns" expects the warning. If none comes, that lesson does not compile.
#![deny(unfulfilled_lint_expectations)]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../../support/many_threads.rs"]
pub mod many_threads;
#[path = "../work.rs"]
pub mod work;

mod call_and_await;
mod sequential_or_concurrent;
mod laziness;
mod yielding;
mod async_closures;
mod many_readers;
mod single_flight;
mod ends;
mod demo;
