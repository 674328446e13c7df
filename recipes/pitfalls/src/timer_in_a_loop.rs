// SPDX-License-Identifier: 0BSD
//! A timer made in a loop restarts with every turn. asyncio: `wait_for(queue.get(), 0.1)` in a loop.
//!
//! ```sh
//! cargo add tokio --features macros,sync,time
//! ```
//!
//! # What you see
//!
//! It works while there is little to do. Under load the timer never fires: each item comes first and drops the timer. The
//! batch that should be written every 100 ms grows until the load ends.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Make the timer before the loop, and poll it by `&mut`. Or make the deadline before the loop, and `sleep_until` it. An
//! `interval` before the loop works too. A new timer in each turn is right for an idle timeout.
//!
//! # Cancel safety
//!
//! End [`fixed`] by closing the channel. Dropping it drops the items that it has not written yet.

use std::mem::take;
use std::pin::pin;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

/// Collects items, and writes them once no item has come for `delay`.
pub async fn broken<T>(mut items: Receiver<T>, delay: Duration, mut write: impl FnMut(Vec<T>)) {
    let mut batch = Vec::new();
    loop {
        select! {
            item = items.recv() => match item {
                Some(item) => batch.push(item),
                None => break,
            },
            () = sleep(delay), if !batch.is_empty() => write(take(&mut batch)),
        }
    }
    if !batch.is_empty() {
        write(batch);
    }
}

/// Collects items, and writes them at the latest when the oldest is `delay` old.
pub async fn fixed<T>(mut items: Receiver<T>, delay: Duration, mut write: impl FnMut(Vec<T>)) {
    let mut batch = Vec::new();
    let mut timer = pin!(sleep(delay));
    loop {
        select! {
            // Polls the timer first: a queue that is never empty must not delay it.
            biased;
            () = &mut timer, if !batch.is_empty() => write(take(&mut batch)),
            item = items.recv() => match item {
                Some(item) => {
                    if batch.is_empty() {
                        timer.set(sleep(delay));
                    }
                    batch.push(item);
                }
                None => break,
            },
        }
    }
    if !batch.is_empty() {
        write(batch);
    }
}
