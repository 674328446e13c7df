// SPDX-License-Identifier: 0BSD
//! Waits for a set of started tasks, and aborts the rest at the first failure: `asyncio.TaskGroup` for a list of coroutines.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::future::pending;
//!
//! use task_groups::join_set::try_join_all;
//! use tokio::task::JoinSet;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mut pages = JoinSet::new();
//!     for page in ["home", "faq"] {
//!         pages.spawn(async move { Ok::<_, &str>(page.len()) });
//!     }
//!     assert_eq!(try_join_all(pages).await.map(|mut lengths| lengths.pop()), Ok(Some(3)));
//!
//!     let mut services = JoinSet::from_iter([pending::<Result<(), &str>>()]);
//!     services.spawn(async { Err("the port is taken") });
//!     assert_eq!(try_join_all(services).await, Err("the port is taken")); // the other is gone
//! }
//! ```
//!
//! `try_join_all` of the crate futures drops the others at their await, because they share the caller's task. Here they are
//! tasks, and may be running on another thread when the error comes. An abort is only a request, so this function returns
//! the error once all tasks have ended.
//!
//! `JoinSet::join_all` is enough if no task fails.
//!
//! It does not cancel a body, children cannot add children or clean up with awaits, and it returns one error only. The
//! pattern `task_group` does all four.
//!
//! # Cancel safety
//!
//! Dropping the future aborts the tasks, as dropping the set does. It cannot wait for them. Values of finished tasks are
//! dropped too, even if every task is done. To keep them, own the set, and take each value by `join_next` of `&mut set`.
//!
//! # Errors
//!
//! The first error in time. Later errors are dropped.
//!
//! # Panics
//!
//! A panic in a task ends the others as an error does, and then goes on in the caller. If another task panics with a value
//! whose destructor panics, that panic goes on instead.

use std::panic::resume_unwind;

use tokio::task::JoinSet;

/// Returns the value of each task, in the order of completion. An aborted task has no value, but has not failed.
pub async fn try_join_all<T, E>(mut tasks: JoinSet<Result<T, E>>) -> Result<Vec<T>, E>
where
    T: 'static,
    E: 'static,
{
    let mut values = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        match ended.map_err(|error| error.try_into_panic()) {
            Ok(Ok(value)) => values.push(value),
            Ok(Err(error)) => {
                tasks.shutdown().await;
                return Err(error);
            }
            Err(Ok(panic)) => {
                tasks.shutdown().await;
                resume_unwind(panic);
            }
            Err(Err(_aborted)) => {}
        }
    }
    Ok(values)
}
