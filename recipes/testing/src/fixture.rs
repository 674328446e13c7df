// SPDX-License-Identifier: 0BSD
//! Runs a test with a set-up and a tear-down that await, after a failure too: `asyncSetUp` and `asyncTearDown`.
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! ```
//! use testing::fixture::with_fixture;
//!
//! #[tokio::main(flavor = "current_thread")] // in a test: #[tokio::test]
//! async fn main() {
//!     let mut tables = Vec::new();
//!     let create = async {
//!         tables.push("users");
//!         &mut tables
//!     };
//!     let drop_them = async |tables: &mut Vec<_>| tables.clear(); // may await
//!     let count = with_fixture(create, async |tables| tables.len(), drop_them).await;
//!     assert_eq!((count, tables.len()), (1, 0));
//! }
//! ```
//!
//! A value with a `Drop` is enough if the tear-down does not await: an aborted task, a temporary folder, a socket.
//!
//! An early `?` of the test returns its error after the tear-down. To use several fixtures, nest the calls, or take a tuple.
//!
//! # Cancel safety
//!
//! Dropping the future drops the fixture, and the tear-down does not run. So put a `timeout` into the test, not around it.
//!
//! # Panics
//!
//! A panic of the test resumes after the tear-down. A panic of the tear-down resumes if the test has passed; otherwise only
//! the panic hook reports it.
//!
//! # Differences from asyncio
//!
//! `unittest` counts a test and a tear-down that both fail as a failure and an error. Here the test's panic is the result.

use std::mem;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt;

/// Waits for `set_up`, runs `test` with the fixture, and then runs `tear_down`, however the test has ended.
pub async fn with_fixture<F, T>(
    set_up: impl Future<Output = F>,
    test: impl AsyncFnOnce(&mut F) -> T,
    tear_down: impl AsyncFnOnce(F),
) -> T {
    let mut fixture = set_up.await;
    // Only the tear-down sees a fixture that a panic has left half changed.
    let tested = AssertUnwindSafe(async { test(&mut fixture).await }).catch_unwind().await;
    let torn_down = AssertUnwindSafe(async { tear_down(fixture).await }).catch_unwind().await;
    let output = match tested {
        Ok(output) => output,
        Err(panic) => {
            // The panic hook has reported that of the tear-down. It may hold a value whose destructor panics.
            mem::forget(torn_down);
            resume_unwind(panic)
        }
    };
    torn_down.unwrap_or_else(|panic| resume_unwind(panic));
    output
}
