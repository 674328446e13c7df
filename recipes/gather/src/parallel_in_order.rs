// SPDX-License-Identifier: 0BSD
//! One task for each input, results in the order of the inputs: `asyncio.gather(*map(create_task, ...))` on all cores.
//!
//! ```sh
//! cargo add tokio --features rt
//! cargo add tokio-util --features rt
//! ```
//!
//! `join_all` polls its futures on the caller's task: one core, however many the machine has. Tasks run on every
//! worker of a multi-thread runtime, start when they are spawned, and do not hold each other up when one computes.
//! The price is `Send + 'static`: a task may outlive the caller's borrows.
//!
//! # Cancel safety
//!
//! Dropping the future aborts every task. (`join_all` over bare `JoinHandle`s would detach them instead.)
//! Results that are there and not returned yet are dropped with it. The future of an asyncio `gather` that is done refuses to
//! be cancelled. To keep results, collect from tasks that you own: `wait` and `as_completed` borrow theirs.
//!
//! # Errors
//!
//! Each slot holds its task's value, or the [`JoinError`] of a task that panicked. The others run on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::task::JoinError;
use tokio_util::task::JoinQueue;

/// Starts `work` on every input at once and waits for all of it. The results stand in the order of `inputs`.
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
            // A panic before there is a future is that of its task, too. The panic hook has reported it.
            Err(panic) => tasks.spawn(async { resume_unwind(panic) }),
        };
    }
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result);
    }
    results
}
