//! The code in the answers of `cargo cookbook find`.
//!
//! The body of each function is shown as it is here, without its margin; `docs/concordance` names the function. What a
//! body does not say itself comes in as an argument.
// A snippet shows one call: what a program would do with the value is not part of it.
#![allow(
    clippy::unused_async,
    clippy::let_underscore_must_use,
    dead_code,
    unnameable_test_items,
    unused_variables,
    reason = "an answer ends where its point is made"
)]

pub mod http;
pub mod io;
pub mod links;
pub mod process;
pub mod python;
pub mod runtime;
pub mod sync;
pub mod tasks;
pub mod time;
pub mod web;

/// The programs of the skill page run as tests of this crate's documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../skills/tokio-async-patterns/SKILL.md")]
mod skill {}

/// What is loaded in the answers.
pub type Page = String;

/// A load that takes a while.
pub async fn fetch(id: u32) -> Page {
    tokio::task::yield_now().await;
    format!("page {id}")
}

/// A load that may fail.
///
/// # Errors
///
/// Never; its callers show what they do if it does.
pub async fn load(id: u32) -> anyhow::Result<Page> {
    Ok(fetch(id).await)
}

/// A call that blocks its thread.
pub fn read_slowly(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}
