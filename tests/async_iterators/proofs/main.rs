//! Proofs of `recipes/async_iterators`: what `async for` and async generators promise, and what streams on Tokio do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../work.rs"]
pub mod work;
pub mod tools;

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
mod ends;
mod demo;
