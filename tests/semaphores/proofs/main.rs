//! Proofs of `recipes/semaphores`: what asyncio's locks promise, and what Tokio's do.
//!
//! No crate has the event, the condition and the barrier in this form, and many threads share them, so they are tested most.
//! Each of their futures is cancelled at every suspension. The lessons run each type on four threads, for 100 to 500 rounds
//! with a schedule from a seed, and drop waits at any moment. No permit is missing, no wake-up is lost, and no index is given
//! twice.
//!
//! `python3 tests/interleavings.py` runs seven scenarios of these three under shuttle, 20,000 schedules each; none failed.
//! At every lock, atomic and notification, shuttle decides which thread runs next. It treats every atomic as sequentially
//! consistent. loom cannot run them: Tokio can only be built for loom inside Tokio's own workspace.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../work.rs"]
pub mod work;

mod limit;
mod budget;
mod exclusive;
mod event;
mod condition;
mod barrier;
mod rate_limit;
mod ends;
mod demo;
