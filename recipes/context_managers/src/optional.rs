// SPDX-License-Identifier: 0BSD
//! Uses an optional context manager: `contextlib.nullcontext`.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use context_managers::optional::{given_or_opened, limited};
//! use tokio::sync::Semaphore;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let two_at_once = Semaphore::new(2);
//!     for limit in [Some(&two_at_once), None] {
//!         assert_eq!(limited(limit, async { "page" }).await?, "page");
//!     }
//!
//!     let mut log = vec!["started"];
//!     let open = async { anyhow::Ok(Vec::new()) }; // not needed: dropped
//!     let lines = given_or_opened(Some(&mut log), open, async |log| {
//!         log.push("worked");
//!         Ok(log.len())
//!     });
//!     assert_eq!(lines.await?, 2);
//!     Ok(())
//! }
//! ```
//!
//! Python needs an object that does nothing, because `async with` needs some object. A Rust guard is a value, so an
//! `Option` of it is enough: `None` has nothing to drop. A variable that is set on one path only is dropped on that
//! path only.
//!
//! # Cancel safety
//!
//! Dropping either future releases the permit, or the resource that it opened.

use tokio::sync::{AcquireError, Semaphore};

/// Runs `work` within `limit`, or at once without one.
///
/// # Errors
///
/// [`AcquireError`] if the semaphore is closed. `work` is dropped without having run.
pub async fn limited<T>(limit: Option<&Semaphore>, work: impl Future<Output = T>) -> Result<T, AcquireError> {
    let _permit = match limit {
        Some(limit) => Some(limit.acquire().await?),
        None => None,
    };
    Ok(work.await)
}

/// Runs `body` on the `given` resource, which stays the caller's. Without one, it opens its own and drops it at the
/// end.
///
/// # Errors
///
/// Errors of `open` and of `body`.
pub async fn given_or_opened<R, T, E>(
    given: Option<&mut R>,
    open: impl Future<Output = Result<R, E>>,
    body: impl AsyncFnOnce(&mut R) -> Result<T, E>,
) -> Result<T, E> {
    let mut opened;
    let resource = match given {
        Some(resource) => resource,
        None => {
            opened = open.await?;
            &mut opened
        }
    };
    body(resource).await
}
