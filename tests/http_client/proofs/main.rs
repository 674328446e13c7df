//! Proofs of `recipes/http_client`: what aiohttp's client promises, and what reqwest on Tokio does.
//!
//! The sockets are real, and so is their time. Nothing sleeps: the server holds an answer back until the lesson opens
//! a gate, and counts what it sees. A lesson about a long time pauses the clock once both sides wait.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../work.rs"]
pub mod work;

mod limits;
mod many;
mod status;
mod json;
mod download;
mod resume;
mod websocket;
mod ends;
mod binary;
