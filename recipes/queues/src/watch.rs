// SPDX-License-Identifier: 0BSD
//! Every receiver gets the newest value, and what came between is skipped: a variable with a `Condition` in asyncio.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! For state, such as a configuration or a price: a receiver that was busy wants what holds now, not what held
//! meanwhile. Nothing queues up, the sender never waits, and the last value is never skipped.
//!
//! # Cancel safety
//!
//! [`follow_newest`] may be dropped and called again with the same receiver: a value that it has not handed to
//! `on_value` is still new then. If `on_value` was at work, its work is cut off there.

use tokio::sync::watch;

/// Calls `on_value` with the newest value, each time there is one that the receiver has not seen, until every sender is
/// gone and the last value is seen.
///
/// A new receiver counts the value that is there already as seen. `newest.mark_changed()` before makes it start with
/// that one.
pub async fn follow_newest<T, F>(newest: &mut watch::Receiver<T>, mut on_value: impl FnMut(T) -> F)
where
    T: Clone,
    F: Future<Output = ()>,
{
    while newest.changed().await.is_ok() {
        // A clone, for senders wait as long as the value is borrowed.
        let value = newest.borrow_and_update().clone();
        on_value(value).await;
    }
}
