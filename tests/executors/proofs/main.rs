//! Proofs of `recipes/executors`: what asyncio's executors promise, and what Tokio, rayon and a pool of your own do.
//!
//! The threads and the processes are real, and so is their time. No lesson sleeps: a job signals that it has begun, and
//! ends when its lesson opens a gate. A lesson that hangs fails after half a minute.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../../support/real_time.rs"]
pub mod real_time;
#[path = "../work.rs"]
pub mod work;
#[cfg(unix)]
#[path = "../worker.rs"]
pub mod worker;
pub mod tools;

mod blocking;
mod threads;
mod thread_pool;
mod cpu;
mod ends;
#[cfg(unix)]
mod one_process;
#[cfg(unix)]
mod process_pool;
#[cfg(unix)]
mod program;
