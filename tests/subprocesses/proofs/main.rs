//! Proofs of `recipes/subprocesses`: each await cancelled, long runs, the death of the caller, and the programs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../../support/real_time.rs"]
pub mod real_time;
#[path = "../work.rs"]
pub mod work;
pub mod tools;

mod run;
mod group;
mod lines;
mod talk;
mod pipeline;
mod many;
mod terminal;
mod no_orphans;
mod ends;
mod program;
mod example;
