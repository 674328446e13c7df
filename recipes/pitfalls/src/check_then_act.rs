// SPDX-License-Identifier: 0BSD
//! A check before an await may be out of date after it. asyncio: the same, `if key not in cache: cache[key] = await load()`.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! # What you see
//!
//! A page is loaded twice, or a seat is sold twice. The borrow checker keeps two threads from writing at once, but it cannot
//! know that a check is out of date. On many threads this happens even without an await.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Make the check and the act one step. Take a `OnceCell` for a value that is made once, `fetch_update` or
//! `compare_exchange` for a number, and otherwise a lock around both. Or take first and return it on failure: the recipe
//! `context_managers` has a guard for that.
//!
//! # Cancel safety
//!
//! If [`fixed`] is dropped while it loads, the next waiter loads.
//!
//! # Errors
//!
//! The error of `load`. The next caller tries again.

use std::sync::{Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Returns the value, and loads it if it is not there yet. A caller that comes during the load loads it again.
pub async fn broken<T: Clone, E>(
    cache: &Mutex<Option<T>>,
    load: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let held = cache.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(value) = held {
        return Ok(value);
    }
    let value = load.await?;
    *cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
    Ok(value)
}

/// Returns the value, and loads it if it is not there yet. A caller that comes during the load waits.
pub async fn fixed<T: Clone, E>(
    cache: &OnceCell<T>,
    load: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    cache.get_or_try_init(|| load).await.cloned()
}
