//! Lessons of `recipes/streams`: what asyncio's streams, servers and transports promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/always_ready.rs"]
pub mod always_ready;
pub mod work;

mod pairs;
mod connect;
mod lines;
mod request_response;
mod serve;
mod relay;
mod fan_out;
mod dial;
mod tls;
