// SPDX-License-Identifier: 0BSD
//! What was true before an await may be false after it. asyncio: the same, `if key not in cache: cache[key] = await load()`.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! # What you see
//!
//! A page that is loaded twice, a seat that is sold twice. The borrow checker keeps two threads from writing at once; that
//! the answer of a question is old, it cannot know. On many threads no await is needed for it.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Make the question and the act one step. Take a `OnceCell` for what is made once, `fetch_update` or
//! `compare_exchange` for a number, a lock for both otherwise. Or take first and give back if it fails: the recipe
//! `context_managers` has a guard for it.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] while it loads leaves the loading to the next one that waits.
//!
//! # Errors
//!
//! That of `load`: the next caller tries again.

use std::sync::{Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Gives the value, and loads it if it is not there yet. A caller that comes while it is loaded loads it again.
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

/// Gives the value, and loads it if it is not there yet. A caller that comes while it is loaded waits.
pub async fn fixed<T: Clone, E>(
    cache: &OnceCell<T>,
    load: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    cache.get_or_try_init(|| load).await.cloned()
}
