//! Proofs of `recipes/testing`: each await cancelled, many tests at once, ends, and the golden files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../../support/many_threads.rs"]
pub mod many_threads;
#[path = "../../support/real_time.rs"]
pub mod real_time;
pub mod tools;

mod fixture;
mod shared;
mod mock;
mod fake_server;
mod eventually;
mod cancel_anywhere;
mod ends;
mod demo;
