//! Lessons of `recipes/diagnosing`: what asyncio's debug mode tells, and what tells it of a program on Tokio.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a lesson's own thread may wait")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/real_time.rs"]
pub mod real_time;
pub mod work;

mod pairs;
mod stuck;
mod lock_order;
mod slow_polls;
mod watchdog;
mod load;
mod counted;
mod descriptors;
mod panics;
