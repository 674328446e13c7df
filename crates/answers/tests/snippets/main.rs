//! Answers of `cargo cookbook find` that no recipe proves: each lesson runs the code that is shown.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod http;
mod python;
mod web;
