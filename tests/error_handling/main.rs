//! Lessons of `recipes/error_handling`: exceptions in asyncio; errors, panics and cancellations on Tokio.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
pub mod work;

mod pairs;
mod one_task;
mod outcome;
mod error_group;
mod background;
mod supervise;
mod retry;
mod circuit_breaker;
mod context;
mod span_trace;
mod in_a_task;
