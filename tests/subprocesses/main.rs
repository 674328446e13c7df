//! Lessons of `recipes/subprocesses`: what asyncio's subprocesses promise, and what Tokio does.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/real_time.rs"]
pub mod real_time;
#[path = "../support/always_ready.rs"]
pub mod always_ready;
pub mod work;

mod pairs;
mod run;
mod group;
mod lines;
mod talk;
mod pipeline;
mod many;
mod terminal;
mod no_orphans;
