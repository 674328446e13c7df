// SPDX-License-Identifier: 0BSD
//! Keeps what a test logs by `tracing`, for assertions on it: `assertLogs`, `caplog`.
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
//! It captures this thread alone, so tests that run in parallel do not see each other's lines. The tasks of a `#[tokio::test]`
//! run on its thread. Elsewhere, pass the log on: `work.with_subscriber(log.dispatch())` for a task of a `multi_thread` runtime
//! (`tracing::instrument::WithSubscriber`), `tracing::dispatcher::with_default(&log.dispatch(), ...)` for a thread.
//!
//! The crate tracing-test does this by a macro; it finds the lines of a task, and not those of another `std::thread`.
//!
//! A return value or a metric is a better thing to assert on, where there is one: the words of a log change.
//!
//! # Cost
//!
//! Each line is formatted and kept until the last clone of the log is dropped.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::dispatcher::{self, DefaultGuard};
use tracing::{Dispatch, Level};

/// The lines that were logged, as `LEVEL spans: message fields`.
#[derive(Clone, Debug)]
pub struct CapturedLog {
    text: Text,
    dispatch: Dispatch,
}

impl CapturedLog {
    /// Begins to capture what this thread logs. Keep the guard: dropping it ends the capture.
    #[must_use = "dropping the guard ends the capture"]
    pub fn start() -> (Self, DefaultGuard) {
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

    /// Returns what a task or a thread elsewhere logs to, to be captured too.
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }

    /// Returns the lines so far.
    pub fn lines(&self) -> Vec<String> {
        let text = self.text.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).lines().map(|line| line.trim().to_owned()).collect()
    }

    /// Whether a line so far has `words` in it.
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
