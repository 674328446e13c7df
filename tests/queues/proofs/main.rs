//! Proofs of `recipes/queues`: what asyncio's queues promise, and what Tokio's channels do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../work.rs"]
pub mod work;

mod producer_consumer;
mod tracked;
mod many_consumers;
mod joinable;
mod reserve;
mod batch;
mod broadcast;
mod watch;
mod ends;
mod demo;
