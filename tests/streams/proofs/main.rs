//! Proofs of `recipes/streams`: each await cancelled, streams that are cut anywhere, and the programs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../../support/real_time.rs"]
pub mod real_time;
#[path = "../work.rs"]
pub mod work;
pub mod tools;

mod connect;
mod lines;
mod request_response;
mod serve;
mod relay;
mod fan_out;
mod dial;
mod tls;
mod ends;
mod program;
mod example;
