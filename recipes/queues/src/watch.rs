// SPDX-License-Identifier: 0BSD
//! Gives every receiver the newest value and skips older ones: a variable with a `Condition` in asyncio.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use queues::watch::follow_newest;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let (price, mut newest) = tokio::sync::watch::channel(0);
//!     for value in [10, 11, 12] {
//!         price.send_replace(value);
//!     }
//!     drop(price);
//!     follow_newest(&mut newest, async |price| println!("price {price}")).await; // 12
//! }
//! ```
//!
//! `changed()` and `borrow_and_update()` of the receiver are enough if you write the loop yourself.
//!
//! Use it for state, such as a configuration or a price. No value queues up, the sender never waits, and the last value
//! is never skipped.
//!
//! `send` fails while there is no receiver, and keeps the old value. `send_replace` sets the value in any case.
//!
//! # Cancel safety
//!
//! [`follow_newest`] may be dropped and called again with the same receiver: a value that it has not passed to
//! `on_value` is still new. An `on_value` that is running is cut off.

use tokio::sync::watch;

/// Calls `on_value` with the newest value whenever the receiver has not seen it, until every sender is dropped and the
/// last value is seen.
///
/// A new receiver counts the current value as seen. Call `newest.mark_changed()` first to start with that value.
pub async fn follow_newest<T, F>(newest: &mut watch::Receiver<T>, mut on_value: impl FnMut(T) -> F)
where
    T: Clone,
    F: Future<Output = ()>,
{
    while newest.changed().await.is_ok() {
        // Cloned: a sender has to wait while the value is borrowed.
        let value = newest.borrow_and_update().clone();
        on_value(value).await;
    }
}
