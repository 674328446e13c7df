//! Proofs of `recipes/diagnosing`: each await cancelled, the ends of each number, the golden files, the binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../../support/real_time.rs"]
pub mod real_time;

mod stuck;
mod lock_order;
mod slow_polls;
mod ends;
mod binary;
mod demo;
