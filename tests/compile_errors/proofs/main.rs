//! Proofs of `recipes/compile_errors`: each form is dropped at each await, and the binary runs as its user runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;

mod forms;
mod binary;
