// SPDX-License-Identifier: 0BSD
//! `Notify::notify_waiters` wakes the present waiters, and no later one. asyncio: an `Event` stays set.
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Now and then a start hangs: the event had happened before the wait. A flag beside the `Notify` makes the gap smaller. On
//! many threads a gap remains, between the check of the flag and the call of `notified`.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Wait for a state and not for an event: `watch` with `wait_for` checks first and then waits, and fails if the sender is
//! gone. `SetOnce` does so for a value that is set once. With a `Notify`, make the `notified()` future before you check.
//! The recipe `semaphores` has an event that can be cleared.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the preparation.
//!
//! # Errors
//!
//! `RecvError` if the preparation has panicked or the runtime shuts down, because no task is left to finish it.

use std::sync::Arc;

use tokio::sync::watch::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

/// Prepares in the background, does something else, and waits for the preparation: forever, if it ended before.
pub async fn broken<T>(
    prepare: impl Future<Output = ()> + Send + 'static,
    meanwhile: impl Future<Output = T>,
) -> T {
    let ready = Arc::new(Notify::new());
    let _preparing = AbortOnDropHandle::new(tokio::spawn({
        let ready = Arc::clone(&ready);
        async move {
            prepare.await;
            ready.notify_waiters();
        }
    }));
    let done = meanwhile.await;
    ready.notified().await;
    done
}

/// Prepares in the background, does something else, and waits for the preparation.
pub async fn fixed<T>(
    prepare: impl Future<Output = ()> + Send + 'static,
    meanwhile: impl Future<Output = T>,
) -> Result<T, RecvError> {
    let (ready, mut is_ready) = watch::channel(false);
    let _preparing = AbortOnDropHandle::new(tokio::spawn(async move {
        prepare.await;
        ready.send_replace(true);
    }));
    let done = meanwhile.await;
    // A value that was sent is seen even if the sender is gone by then.
    is_ready.wait_for(|is_ready| *is_ready).await?;
    Ok(done)
}
