//! Lessons of `recipes/timeouts`: what asyncio's `timeout`, `wait_for`, `cancel` and `shield` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/many_threads.rs"]
pub mod many_threads;
pub mod work;

mod pairs;
mod time_limit;
mod deadline;
mod timeout_and_wait;
mod reschedule;
mod abort;
mod cooperative;
mod cancel_and_confirm;
mod shield;
mod select_loop;
mod in_a_task;
