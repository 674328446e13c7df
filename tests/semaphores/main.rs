//! Lessons of `recipes/semaphores`: what asyncio's locks promise, and what Tokio's do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/many_threads.rs"]
pub mod many_threads;
pub mod work;

mod pairs;
mod limit;
mod budget;
mod exclusive;
mod event;
mod condition;
mod barrier;
mod rate_limit;
