//! Lessons of `recipes/task_groups`: what `asyncio.TaskGroup` and trio's nurseries promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
pub mod work;

mod pairs;
mod task_group;
mod join_set;
mod borrow;
mod cancel_on_drop;
