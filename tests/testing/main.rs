//! Lessons of `recipes/testing`: what pytest-asyncio, `IsolatedAsyncioTestCase` and `AsyncMock` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
pub mod work;

mod pairs;
mod flavours;
mod paused_time;
mod fixture;
mod shared;
mod mock;
mod generated_mock;
mod streams;
mod fake_server;
mod http;
mod eventually;
mod polled_by_hand;
mod captured_log;
mod clock;
mod cancel_anywhere;
mod in_parallel;
