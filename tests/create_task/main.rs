//! Lessons of `recipes/create_task`: what asyncio's `create_task` and its `Task` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
pub mod work;

mod pairs;
mod spawn;
mod named;
mod owner;
mod context;
mod done_callback;
mod eager;
