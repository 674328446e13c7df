// SPDX-License-Identifier: 0BSD
//! Cancels work at each of its awaits in turn, and calls a check after each.
//!
//! It needs no crate.
//!
//! ```
//! use std::cell::Cell;
//!
//! use testing::cancel_anywhere::cancel_anywhere;
//!
//! #[tokio::main(flavor = "current_thread")] // in a test: #[tokio::test(start_paused = true)]
//! async fn main() {
//!     let steps = Cell::new(0);
//!     let work = async || {
//!         steps.set(1);
//!         tokio::task::yield_now().await;
//!         steps.set(2);
//!     };
//!     let suspensions = cancel_anywhere(work, |_at| assert_eq!(steps.take(), 1)).await;
//!     assert_eq!((suspensions, steps.get()), (1, 2));
//! }
//! ```
//!
//! A `timeout` around the work tries only the await at which it fires. This tries each await, one after the other, and at last
//! lets the work finish. `abort`, `timeout` and a lost `select!` all drop a future in this way.
//!
//! It drops the future right after a suspension. The tool `cancel_sweep` of the Tokio cookbook also drops it between wake-up
//! and poll, where a permit or an item can be lost. It also waits for clean-up that a drop has spawned.
//!
//! Each run has to take the same path: write `biased;` in a `select!`, and seed the random numbers.
//!
//! # Cancel safety
//!
//! Dropping the future drops the run that is under way.
//!
//! # Panics
//!
//! A panic of `check` goes on in the caller. Its argument is the number of the suspension after which the work was dropped.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Drops a run of `make` after its first suspension, the next run after its second, and so on, and calls `check` after each
/// drop. Returns the number of suspensions of the run that finished.
pub async fn cancel_anywhere<T>(make: impl AsyncFn() -> T, mut check: impl FnMut(usize)) -> usize {
    let mut last = 0;
    loop {
        last += 1;
        let mut suspensions = 0;
        let is_over = {
            let mut run = pin!(make());
            poll_fn(|cx| match run.as_mut().poll(cx) {
                Poll::Ready(_output) => Poll::Ready(true),
                Poll::Pending => {
                    suspensions += 1;
                    if suspensions == last { Poll::Ready(false) } else { Poll::Pending }
                }
            })
            .await
        };
        if is_over {
            return suspensions;
        }
        check(suspensions);
    }
}
