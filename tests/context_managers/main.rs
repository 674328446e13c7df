//! Lessons of `recipes/context_managers`: what asyncio's `async with`, `AsyncExitStack` and `nullcontext` promise, and
//! what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/many_threads.rs"]
pub mod many_threads;
pub mod work;

mod pairs;
mod drop_guard;
mod scope;
mod drain;
mod exit_stack;
mod optional;
mod transaction;
