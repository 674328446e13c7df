// SPDX-License-Identifier: 0BSD
//! `let _ = token.drop_guard()` cancels the token on the same line. asyncio: no counterpart, `finally: task.cancel()`
//! comes at the end.
//!
//! ```sh
//! cargo add tokio-util
//! ```
//!
//! # What you see
//!
//! Helpers end before they have done anything, without an error.
//!
//! # What catches it
//!
//! Nothing by default: a `DropGuard` may be ignored, so the bare `token.drop_guard();` passes too. Two lints of rustc are
//! off by default: `let_underscore_drop` catches `let _ =`, and `unused_results` the bare call.
//!
//! # What to do
//!
//! Give the guard a name, and switch `let_underscore_drop` on.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] after its first poll cancels the token.

use tokio_util::sync::CancellationToken;

/// Does the work while helpers run that should end with it. The helpers end at once.
#[allow(let_underscore_drop, reason = "the pitfall")]
pub async fn broken<T>(helpers: CancellationToken, work: impl Future<Output = T>) -> T {
    let _ = helpers.drop_guard();
    work.await
}

/// Does the work while helpers run. They end with it: when it is done, when it panics, when it is dropped.
pub async fn fixed<T>(helpers: CancellationToken, work: impl Future<Output = T>) -> T {
    let _ends_the_helpers = helpers.drop_guard();
    work.await
}
