//! Proofs of `recipes/event_loop`: what asyncio's event loop promises, and what Tokio's runtime does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../../support/real_time.rs"]
pub mod real_time;
#[path = "../../support/many_threads.rs"]
pub mod many_threads;
#[path = "../work.rs"]
pub mod work;

mod callbacks;
mod ends;
mod not_send;
mod owner;
mod demo;
