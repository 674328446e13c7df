// SPDX-License-Identifier: 0BSD
//! Handles each result as soon as it is ready, up to one deadline for all: `asyncio.as_completed(aws, timeout=...)`.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use gather::as_completed::as_completed;
//! use tokio::time::{Instant, sleep};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut tasks = tokio::task::JoinSet::new();
//!     for (page, millis) in [("slow", 20), ("quick", 10)] {
//!         tasks.spawn(async move {
//!             sleep(Duration::from_millis(millis)).await;
//!             page
//!         });
//!     }
//!     let deadline = Instant::now() + Duration::from_secs(1);
//!     as_completed(&mut tasks, deadline, |page| println!("{page:?}")).await?; // "quick", then "slow"
//!     Ok(())
//! }
//! ```
//!
//! `JoinSet::join_next` in a loop is enough without a deadline.
//!
//! The tasks belong to the caller. After the deadline the rest still runs: wait again, call [`JoinSet::abort_all`], or
//! drop the set, which aborts too.
//!
//! # Cancel safety
//!
//! Cancel safe: a result is either still in `tasks` or was passed to `on_result`.
//!
//! # Errors
//!
//! [`Elapsed`] if the deadline passes while a task still runs.
//!
//! # Differences from asyncio
//!
//! - `as_completed(timeout=...)` is one deadline, as here. A `timeout` in the loop starts anew with each item; so does
//!   the one of `tokio_stream`.
//! - From Python 3.13 on, `async for` gives the tasks themselves. Here the [`Id`] shows whose result it is.

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Calls `on_result` for each task of `tasks`, in the order of completion.
///
/// The [`Id`] shows whose result it is: it equals that of the `AbortHandle` that `JoinSet::spawn` returned. A task that
/// panicked or was aborted arrives as a [`JoinError`], which has the id too.
pub async fn as_completed<T: 'static>(
    tasks: &mut JoinSet<T>,
    deadline: Instant,
    mut on_result: impl FnMut(Result<(Id, T), JoinError>),
) -> Result<(), Elapsed> {
    // A deadline, because a timeout would start anew with every result.
    while let Some(result) = timeout_at(deadline, tasks.join_next_with_id()).await? {
        on_result(result);
    }
    Ok(())
}
