// SPDX-License-Identifier: 0BSD
//! Runs a task per input, on all cores, and returns the results in the inputs' order: `gather` over `create_task`.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use gather::parallel_in_order::parallel_in_order;
//!
//! async fn word_count(text: &str) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! #[tokio::main(flavor = "current_thread")] // without the flavor: on all cores
//! async fn main() -> anyhow::Result<()> {
//!     for count in parallel_in_order(["to be", "or not to be"], word_count).await {
//!         println!("{}", count?); // 2, then 4
//!     }
//!     Ok(())
//! }
//! ```
//!
//! `tokio_util::task::JoinQueue` is enough if you spawn the tasks yourself: it returns results in the order of the
//! spawns. `JoinSet` returns them in the order of completion.
//!
//! Tasks run on every worker of a multi-thread runtime, start when they are spawned, and do not delay each other when
//! one computes. They need `Send + 'static`: a task can outlive the caller's borrows.
//!
//! # Cancel safety
//!
//! Dropping the future aborts every task. `join_all` over bare `JoinHandle`s would detach them.
//! Results that are ready and not returned yet are dropped too. The future of an asyncio `gather` cannot be cancelled
//! after its end. To keep results, collect from tasks that you own: `wait` and `as_completed` borrow theirs.
//!
//! # Errors
//!
//! Each slot holds its task's value, or the [`JoinError`] of a task that panicked, perhaps in the closure before its
//! future exists. The other tasks run on.
//!
//! # Differences from asyncio
//!
//! Cancelling a `gather` cancels its children. A `JoinQueue` or a `JoinSet` that is dropped aborts its tasks, but a
//! dropped `JoinHandle` detaches its task.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::task::JoinError;
use tokio_util::task::JoinQueue;

/// Starts `work` on every input at once and waits for all. Returns the results in the order of `inputs`.
pub async fn parallel_in_order<I, T, F>(
    inputs: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> F,
) -> Vec<Result<T, JoinError>>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut tasks = JoinQueue::new();
    for input in inputs {
        match catch_unwind(AssertUnwindSafe(|| work(input))) {
            Ok(work) => tasks.spawn(work),
            // A panic before the future exists counts as a panic of its task. The panic hook has reported it.
            Err(panic) => tasks.spawn(async { resume_unwind(panic) }),
        };
    }
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result);
    }
    results
}
