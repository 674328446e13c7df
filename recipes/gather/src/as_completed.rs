// SPDX-License-Identifier: 0BSD
//! Handle each result as it arrives, up to one deadline for all: `asyncio.as_completed(aws, timeout=...)`.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! The tasks belong to the caller. When the deadline passes, what has arrived has been handled, the rest still runs,
//! and the caller decides: wait again, [`JoinSet::abort_all`], or drop the set, which aborts too.
//!
//! # Cancel safety
//!
//! Cancel safe: a result is either still in `tasks` or has been given to `on_result`.
//!
//! # Errors
//!
//! [`Elapsed`] when the deadline passes while a task still runs.

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Calls `on_result` for each task of `tasks` in the order in which they finish.
///
/// The [`Id`] is that of the `AbortHandle` which `JoinSet::spawn` returned: it tells whose result this is. A task
/// that panicked or was aborted arrives as a [`JoinError`], which has the id too.
pub async fn as_completed<T: 'static>(
    tasks: &mut JoinSet<T>,
    deadline: Instant,
    mut on_result: impl FnMut(Result<(Id, T), JoinError>),
) -> Result<(), Elapsed> {
    // One deadline, not a timeout for each item: a timeout would start anew with every result.
    while let Some(result) = timeout_at(deadline, tasks.join_next_with_id()).await? {
        on_result(result);
    }
    Ok(())
}
