// SPDX-License-Identifier: 0BSD
//! Records in which spans an error happened, as a traceback does for a Python program.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tracing-error
//! ```
//!
//! ```
//! use error_handling::span_trace::NotFound;
//! use tracing_error::ErrorLayer;
//! use tracing_subscriber::prelude::*;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     tracing_subscriber::registry().with(ErrorLayer::default()).init();
//!
//!     #[tracing::instrument]
//!     async fn fetch(page: &str) -> Result<String, NotFound> {
//!         Err(NotFound::new(page))
//!     }
//!     let error = fetch("home").await.unwrap_err();
//!     assert_eq!(error.to_string(), "home not found");
//!     assert_eq!(error.spans(), [r#"fetch{page="home"}"#]);
//! }
//! ```
//!
//! A backtrace shows what polled a future, and that is the runtime. Spans follow the work through every `await`, and
//! into a task that is spawned with `in_current_span()`. The subscriber needs `tracing_error::ErrorLayer`; without it
//! the trace is empty.
//!
//! `anyhow`'s context (the pattern `context`) is enough if the reader does not need the code's structure.
//!
//! # Errors
//!
//! [`NotFound`] keeps the spans in which it was made, outermost last.
//!
//! # Cost
//!
//! Making the trace clones a reference to one span. Its text is built when it is printed.

use tracing_error::SpanTrace;

/// A page that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{page} not found")]
pub struct NotFound {
    page: String,
    spans: SpanTrace,
}

impl NotFound {
    /// Records the caller's spans: call it where the error happens.
    pub fn new(page: impl Into<String>) -> Self {
        Self { page: page.into(), spans: SpanTrace::capture() }
    }

    /// Returns the spans from the innermost to the outermost, each with its fields: `fetch{page="home"}`.
    pub fn spans(&self) -> Vec<String> {
        let mut spans = Vec::new();
        self.spans.with_spans(|metadata, fields| {
            spans.push(format!("{}{{{fields}}}", metadata.name()));
            true
        });
        spans
    }
}
