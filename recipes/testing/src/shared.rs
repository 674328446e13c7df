// SPDX-License-Identifier: 0BSD
//! Makes a fixture once for all tests, on a runtime that outlives each of them: `scope="session"`.
//!
//! ```sh
//! cargo add tokio --features rt-multi-thread,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use testing::shared::Shared;
//!
//! static ECHO: Shared<tokio::sync::mpsc::Sender<&str>> = Shared::new();
//!
//! #[tokio::main(flavor = "current_thread")] // in each test: #[tokio::test]
//! async fn main() {
//!     let start = || async {
//!         let (sender, mut words) = tokio::sync::mpsc::channel(1);
//!         tokio::spawn(async move { while words.recv().await.is_some() {} });
//!         sender
//!     };
//!     let echo = ECHO.get(start).await;
//!     assert!(echo.send("hello").await.is_ok());
//! }
//! ```
//!
//! Each `#[tokio::test]` has a runtime of its own. When it ends, its tasks and sockets end, even if a `static` `OnceCell` keeps
//! them: the next test finds a dead connection pool. A plain `OnceCell` is enough for a value without tasks and sockets, such
//! as a configuration.
//!
//! If set-up is quick, prefer a separate fixture per test: it needs no shared runtime, and tests may run in any order.
//!
//! # Cancel safety
//!
//! Dropping the future aborts `make`, and the next caller makes the fixture.
//!
//! # Panics
//!
//! If no runtime can be built, and if a fixture awaits itself, also through others. A panic of `make` resumes in the caller,
//! and the next caller makes the fixture.
//!
//! # Differences from asyncio
//!
//! pytest tears down a session fixture. A `static` is never dropped: a resource that outlives the process, such as a
//! database, needs a clean-up at the next start.

use std::panic::{panic_any, resume_unwind};
use std::sync::LazyLock;
use std::{future, io};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;
use tokio_util::task::AbortOnDropHandle;

tokio::task_local! {
    /// The addresses of the fixtures that this task makes, one within the other.
    static MAKING: Vec<usize>;
}

/// A fixture that the first test makes and all tests use.
#[derive(Debug, Default)]
pub struct Shared<T> {
    fixture: OnceCell<T>,
}

impl<T: Send + 'static> Shared<T> {
    /// Makes an empty value for a `static`.
    pub const fn new() -> Self {
        Self { fixture: OnceCell::const_new() }
    }

    /// Returns the fixture. The first caller makes it by `make`, whose tasks and sockets live as long as the process.
    pub async fn get<Fut>(&self, make: impl FnOnce() -> Fut) -> &T
    where
        Fut: Future<Output = T> + Send + 'static,
    {
        let address = std::ptr::from_ref(self).addr();
        let mut making = MAKING.try_with(Vec::clone).unwrap_or_default();
        assert!(!making.contains(&address), "a fixture awaits itself");
        making.push(address);
        let make = || async {
            match AbortOnDropHandle::new(runtime().spawn(MAKING.scope(making, make()))).await {
                Ok(fixture) => fixture,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    // The task is aborted only when this future is dropped.
                    Err(_cancelled) => future::pending().await,
                },
            }
        };
        self.fixture.get_or_init(make).await
    }
}

/// The runtime of all shared fixtures.
fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<io::Result<Runtime>> =
        LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build());
    match &*RUNTIME {
        Ok(runtime) => runtime,
        Err(error) => panic_any(format!("no runtime for shared fixtures: {error}")),
    }
}
