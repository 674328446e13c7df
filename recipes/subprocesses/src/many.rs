// SPDX-License-Identifier: 0BSD
//! Runs many commands, a limited number at once, and collects all results or stops at the first failure.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features macros,process,rt
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use subprocesses::many::collect_all;
//! use tokio::process::Command;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let codes = [0, 3, 0].map(|code| format!("exit {code}"));
//!     let run = |code: String| async move {
//!         Command::new("sh").args(["-c", &code]).kill_on_drop(true).status().await
//!     };
//!     let statuses = collect_all(codes, NonZeroUsize::MIN.saturating_add(3), run).await;
//!     assert_eq!(statuses.iter().flatten().filter(|status| status.success()).count(), 2);
//! }
//! ```
//!
//! A `JoinSet` is enough for a few commands: it has no limit, and no order.
//!
//! Each process takes descriptors: with three pipes, three in this program. A limit far below `ulimit -n` keeps `spawn`
//! from failing. A command that cannot start is one failed result.
//!
//! # Cancel safety
//!
//! Dropping the future drops the runs that have begun; the others never begin. With the patterns `run` or `group`, a dropped
//! run kills its processes.
//!
//! # Errors
//!
//! [`fail_fast`] returns the first failure, and drops the other runs at once.
//!
//! # Panics
//!
//! A panic in a run goes on in the caller, and drops the other runs.
//!
//! # Cost
//!
//! One task. A command is taken when a slot is free; a list keeps each result.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::pin::pin;

use futures::stream::{self, StreamExt};
use tokio::task::coop::consume_budget;

/// Calls `run` with each command, at most `at_once` at a time, and returns all results in the order of the commands.
pub async fn collect_all<C, F, Fut>(
    commands: impl IntoIterator<Item = C>,
    at_once: NonZeroUsize,
    mut run: F,
) -> Vec<Fut::Output>
where
    F: FnMut(C) -> Fut,
    Fut: Future,
{
    let run = |command| {
        let run = run(command);
        async { Ok::<_, Infallible>(run.await) }
    };
    match fail_fast(commands, at_once, run).await {
        Ok(results) => results,
        Err((_, never)) => match never {},
    }
}

/// Like [`collect_all`], until a run fails. Then the other runs are dropped, and the waiting commands never begin.
///
/// # Errors
///
/// The first failure, with the position of its command, from 0.
pub async fn fail_fast<C, F, Fut, T, E>(
    commands: impl IntoIterator<Item = C>,
    at_once: NonZeroUsize,
    mut run: F,
) -> Result<Vec<T>, (usize, E)>
where
    F: FnMut(C) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let runs = commands.into_iter().enumerate().map(|(position, command)| {
        let run = run(command);
        async move { (position, run.await) }
    });
    // Not `buffered`: there a finished run keeps its slot until all runs before it are done.
    let mut runs = pin!(stream::iter(runs).buffer_unordered(at_once.get()));
    let mut results = Vec::new();
    while let Some((position, result)) = runs.next().await {
        results.push((position, result.map_err(|error| (position, error))?));
        // Runs that are ready at once would let no other task run.
        consume_budget().await;
    }
    results.sort_unstable_by_key(|(position, _)| *position);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
