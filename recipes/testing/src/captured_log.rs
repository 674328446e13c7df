// SPDX-License-Identifier: 0BSD
//! Captures the `tracing` lines of a test, for assertions: `assertLogs`, `caplog`.
//!
//! ```sh
//! cargo add tracing
//! cargo add tracing-subscriber --no-default-features --features fmt
//! ```
//!
//! ```
//! use testing::captured_log::CapturedLog;
//!
//! #[tokio::main(flavor = "current_thread")] // in a test: #[tokio::test]
//! async fn main() {
//!     let (log, _this_thread) = CapturedLog::start();
//!     let work = async { tracing::warn!(attempt = 1, "no answer") };
//!     assert!(tokio::spawn(work).await.is_ok());
//!     assert_eq!(log.lines(), ["WARN no answer attempt=1"]);
//! }
//! ```
//!
//! It captures only this thread, so parallel tests do not see each other's lines. The tasks of a `#[tokio::test]` run on its
//! thread. For a task of a `multi_thread` runtime, pass the log on: `work.with_subscriber(log.dispatch())`
//! (`tracing::instrument::WithSubscriber`). For a thread: `tracing::dispatcher::with_default(&log.dispatch(), ...)`.
//!
//! The crate tracing-test does this by a macro; it finds the lines of a task, but not of another `std::thread`.
//!
//! If there is a return value or a metric, assert on that instead: the words of a log change.
//!
//! # Cost
//!
//! Each line is formatted and kept until the last clone of the log is dropped.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::dispatcher::{self, DefaultGuard};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level};

/// The lines that were logged, as `LEVEL spans: message fields`.
#[derive(Clone, Debug)]
pub struct CapturedLog {
    text: Text,
    dispatch: Dispatch,
}

impl CapturedLog {
    /// Begins to capture the lines of this thread. Keep the guard: dropping it ends the capture.
    #[must_use = "dropping the guard ends the capture"]
    pub fn start() -> (Self, DefaultGuard) {
        // With one subscriber in a process, tracing asks only the first thread that reaches a line whether to log it, and
        // keeps the answer. A thread without a subscriber answers "never". With two subscribers it asks each time.
        static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
        LazyLock::force(&SECOND);
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        let log = Self { text, dispatch: Dispatch::new(subscriber) };
        let guard = dispatcher::set_default(&log.dispatch);
        (log, guard)
    }

    /// Returns the dispatch for a task or a thread elsewhere, so that its lines are captured too.
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }

    /// Returns the lines so far.
    pub fn lines(&self) -> Vec<String> {
        let text = self.text.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Returns whether a line so far contains `words`.
    pub fn contains(&self, words: &str) -> bool {
        self.lines().iter().any(|line| line.contains(words))
    }
}

#[derive(Clone, Debug, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
