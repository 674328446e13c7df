// SPDX-License-Identifier: 0BSD
//! A future that is no longer polled can hold a lock, or its position in the queue for one. asyncio: not possible, a task
//! goes on by itself.
//!
//! ```sh
//! cargo add tokio --features macros,rt,sync,time
//! cargo add tokio-util --features rt
//! ```
//!
//! # What you see
//!
//! Now and then, a deadlock without a cycle. The update is first in the queue of the lock. `select!` runs the other branch,
//! which asks for the same lock and waits behind the update. The lock becomes free and is handed to the update. The update
//! is not polled until the branch ends, and the branch never ends.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Give the future to a task, which goes on by itself. Or drop the future before the branch awaits. Or run both with
//! `join!`. Keep polling a future that has begun, or drop it.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] aborts the update.
//!
//! # Panics
//!
//! A panic in `update` goes on in the caller.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::sync::Mutex;
use tokio::task::JoinError;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// Updates the value. If that takes longer than `patience`, reports the present value and goes on waiting.
pub async fn broken<T: Clone>(
    value: &Mutex<T>,
    update: impl FnOnce(&mut T),
    patience: Duration,
    report: impl FnOnce(T),
) {
    let mut updating = Box::pin(async { update(&mut *value.lock().await) });
    select! {
        () = &mut updating => return,
        () = sleep(patience) => {}
    }
    let so_far = value.lock().await.clone();
    report(so_far);
    updating.await;
}

/// Updates the value. If that takes longer than `patience`, reports the present value and goes on waiting.
///
/// # Errors
///
/// If the runtime shuts down before the update is made.
pub async fn fixed<T: Clone + Send + 'static>(
    value: Arc<Mutex<T>>,
    update: impl FnOnce(&mut T) + Send + 'static,
    patience: Duration,
    report: impl FnOnce(T),
) -> Result<(), JoinError> {
    let mut updating = AbortOnDropHandle::new(tokio::spawn({
        let value = Arc::clone(&value);
        async move { update(&mut *value.lock().await) }
    }));
    let updated = select! {
        updated = &mut updating => updated,
        () = sleep(patience) => {
            let so_far = value.lock().await.clone();
            report(so_far);
            updating.await
        }
    };
    match updated {
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        updated => updated,
    }
}
