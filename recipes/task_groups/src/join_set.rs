// SPDX-License-Identifier: 0BSD
//! Wait for tasks that are all started by now, up to the first failure, which ends the others: `asyncio.TaskGroup` for
//! a list of coroutines.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! `try_join_all` of the crate futures drops the others where they stand, for they share the caller's task. These are
//! tasks, and may be running on another thread when the error is seen. To abort them is a request; here it has been
//! carried out before the error is returned.
//!
//! What `asyncio.TaskGroup` has and this has not: a body that is cancelled too, children that add children, clean-up
//! with awaits, and every error instead of the first. The pattern `task_group` has them.
//!
//! # Cancel safety
//!
//! Dropping the future aborts the tasks, as dropping the set does. It cannot wait for them.
//!
//! # Errors
//!
//! The first error in time. Tasks that fail after it are not heard.
//!
//! # Panics
//!
//! A panic of a task ends the others as an error does, and then goes on in the caller.

use std::panic::resume_unwind;

use tokio::task::JoinSet;

/// The value of each task, in the order in which they finish. A task that was aborted has none, and has not failed.
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
