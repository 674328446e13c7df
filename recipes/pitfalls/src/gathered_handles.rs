// SPDX-License-Identifier: 0BSD
//! `try_join_all` over handles returns at the first error, and the other tasks run on. asyncio: `gather` without
//! `return_exceptions` leaves them running too.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt
//! ```
//!
//! # What you see
//!
//! Changes after the error was reported: the caller rolls back, and a remaining task writes again. A `timeout` around it
//! has the same effect. Over futures, `try_join_all` drops the others; over handles it detaches them.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Take a `JoinSet`. It aborts its tasks when it is dropped, and `shutdown` waits until they are gone. The recipe `gather`
//! has the forms side by side; the recipe `task_groups` has the form that collects every error.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts every task.
//!
//! # Panics
//!
//! A panic in `job` goes on in the caller, after the other tasks have ended. It also panics if the runtime shuts down
//! meanwhile.

use std::panic::resume_unwind;

use futures::future::try_join_all;
use tokio::task::JoinSet;

/// Runs each job as a task of its own, and returns at the first error.
pub async fn broken<K, T, E, F>(keys: impl IntoIterator<Item = K>, job: impl Fn(K) -> F) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let tasks = keys.into_iter().map(|key| tokio::spawn(job(key)));
    let joined =
        tasks.map(|task| async { task.await.unwrap_or_else(|error| resume_unwind(error.into_panic())) });
    try_join_all(joined).await
}

/// Runs each job as a task of its own. At the first error it aborts the others, and returns once all have ended.
///
/// # Errors
///
/// The first error in time.
pub async fn fixed<K, T, E, F>(keys: impl IntoIterator<Item = K>, job: impl Fn(K) -> F) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (place, key) in keys.into_iter().enumerate() {
        let job = job(key);
        tasks.spawn(async move { job.await.map(|value| (place, value)) });
    }
    let mut values = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(value)) => values.push(value),
            Ok(Err(error)) => {
                tasks.shutdown().await;
                return Err(error);
            }
            Err(error) => {
                tasks.shutdown().await;
                resume_unwind(error.into_panic());
            }
        }
    }
    values.sort_unstable_by_key(|(place, _)| *place);
    Ok(values.into_iter().map(|(_, value)| value).collect())
}
