//! Lessons of `recipes/async_iterators`: what `async for` and async generators promise, and what streams on Tokio do.
//!
//! A lesson whose name begins with `a_cancelled` or `cancelled` drops the future at each of its suspensions.
//! `prefetch`, `consume` and `closable` also run on four threads, 200 rounds each. A seed chooses lengths, limits,
//! pauses and the moment of leaving; 100,000 rounds each were run once. They share only Tokio's channels and tasks,
//! which loom and shuttle do not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../support/mod.rs"]
pub mod support;
pub mod work;

mod pairs;
mod by_hand;
mod next_method;
mod generator;
mod unfold;
mod pages;
mod prefetch;
mod consume;
mod break_early;
mod closable;
mod two_way;
