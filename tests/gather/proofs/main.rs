//! Proofs of `recipes/gather`: what asyncio's `gather`, `wait` and `as_completed` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../work.rs"]
pub mod work;
pub mod tools;

mod in_order;
mod every_outcome;
mod fail_fast;
mod parallel_in_order;
mod bounded_in_order;
mod first_completed;
mod wait;
mod as_completed;
mod first_success;
mod ends;
mod demo;
