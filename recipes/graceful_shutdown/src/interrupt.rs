// SPDX-License-Identifier: 0BSD
//! Asks `main` to end at Ctrl-C, and lets it clean up, as `asyncio.run` does with `KeyboardInterrupt`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features macros,rt
//! cargo add tokio-util
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use graceful_shutdown::interrupt::{MainEnded, interruptible};
//! use futures::stream;
//! use tokio::time::sleep;
//! use tokio_util::sync::CancellationToken;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     // In a program: the stream of the pattern `signals`.
//!     let signals = stream::once(sleep(Duration::from_millis(1)));
//!     let ended = interruptible(signals, async |stop: CancellationToken| {
//!         stop.cancelled().await; // serves until then
//!         "state saved"
//!     });
//!     assert_eq!(ended.await, MainEnded::Interrupted((), "state saved"));
//! }
//! ```
//!
//! The first signal cancels a token: `main` watches it where it may stop, cleans up, and returns. The second drops `main` at
//! its await.
//!
//! A `tokio::select!` over `main` and `tokio::signal::ctrl_c()` is enough if `main` needs no clean-up that awaits.
//!
//! The signals are a parameter: in a test, a channel or a timer.
//!
//! # Cancel safety
//!
//! Dropping the future drops `main`, and cancels the token for the tasks that `main` has started with it.
//!
//! # Panics
//!
//! A panic in `main` resumes in the caller.
//!
//! # Differences from asyncio
//!
//! - asyncio cancels the main task at the first Ctrl-C, waits for its `finally` blocks, and raises `KeyboardInterrupt`. At
//!   the second it raises at once.
//! - A `main` that swallows its cancellation returns as if nothing had happened. Here [`MainEnded`] names the signal.
//! - A task of `tokio::spawn` is not dropped with `main`: give it the token.

use std::pin::pin;

use futures::{Stream, StreamExt};
use tokio::task::coop::unconstrained;
use tokio_util::sync::CancellationToken;

/// How `main` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MainEnded<T, S> {
    /// By itself, with this value.
    Finished(T),
    /// This signal cancelled its token, and it returned this.
    Interrupted(S, T),
    /// It was dropped at the second signal, which this is.
    CutOff(S),
}

/// Runs `main`. At the first signal its token is cancelled, at the second it is dropped.
///
/// A `main` that ends in the instant of the first signal has finished.
pub async fn interruptible<S, T, F>(
    signals: impl Stream<Item = S>,
    main: impl FnOnce(CancellationToken) -> F,
) -> MainEnded<T, S>
where
    F: Future<Output = T>,
{
    let cancel = CancellationToken::new();
    let _cancel_on_drop = cancel.clone().drop_guard();
    let mut signals = pin!(signals.fuse());
    let mut main = pin!(main(cancel.clone()));
    let mut first = None;
    loop {
        tokio::select! {
            biased;
            value = &mut main => return match first {
                None => MainEnded::Finished(value),
                Some(signal) => MainEnded::Interrupted(signal, value),
            },
            // Unconstrained: a `main` that uses up the turn of this task would never be interrupted.
            Some(signal) = unconstrained(signals.next()) => {
                if first.is_some() {
                    return MainEnded::CutOff(signal);
                }
                cancel.cancel();
                first = Some(signal);
            }
        }
    }
}
