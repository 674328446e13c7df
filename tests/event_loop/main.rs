//! Lessons of `recipes/event_loop`: what asyncio's event loop promises, and what Tokio's runtime does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "a lesson's own thread may wait, and few signals need no bound"
)]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/real_time.rs"]
pub mod real_time;
pub mod work;

mod pairs;
mod a_runtime;
mod runner;
mod callbacks;
mod from_a_thread;
mod not_send;
mod owner;
