//! Lessons of `recipes/executors`: what asyncio's executors promise, and what Tokio, rayon and a pool of your own do.
//!
//! The threads and the processes are real, and so is their time. No lesson sleeps: a job signals that it has begun, and
//! ends when its lesson opens a gate. A lesson that hangs fails after half a minute.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a lesson's own thread may wait")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../support/real_time.rs"]
pub mod real_time;
pub mod work;
#[cfg(unix)]
pub mod worker;

mod pairs;
mod blocking;
mod threads;
mod thread_pool;
mod cpu;
#[cfg(unix)]
mod one_process;
#[cfg(unix)]
mod process_pool;
mod in_a_task;
