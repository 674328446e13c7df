//! Proofs of `recipes/graceful_shutdown`: how a program ends at a signal, with nothing lost.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../../support/real_time.rs"]
pub mod real_time;
#[cfg(unix)]
#[path = "../processes.rs"]
pub mod processes;
#[path = "../work.rs"]
pub mod work;

mod ends;
mod until_signal;
mod shutdown;
mod interrupt;
#[cfg(unix)]
mod binary;
mod demo;
