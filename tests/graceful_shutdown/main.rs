//! Lessons of `recipes/graceful_shutdown`: how a program ends at a signal, with nothing lost.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "a lesson's own thread may wait, and few signals need no bound"
)]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/real_time.rs"]
pub mod real_time;
#[cfg(unix)]
pub mod processes;
pub mod work;

#[cfg(unix)]
mod pairs;
mod until_signal;
mod shutdown;
mod interrupt;
#[cfg(unix)]
mod signals;
