// SPDX-License-Identifier: 0BSD
//! Says in which spans an error happened: what a traceback is to an `async` program.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tracing-error
//! ```
//!
//! ```
//! use error_handling::span_trace::PageNotFound;
//! use tracing_error::ErrorLayer;
//! use tracing_subscriber::prelude::*;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     tracing_subscriber::registry().with(ErrorLayer::default()).init();
//!
//!     #[tracing::instrument]
//!     async fn fetch(page: &str) -> Result<String, PageNotFound> {
//!         Err(PageNotFound::new(page))
//!     }
//!     let error = fetch("home").await.unwrap_err();
//!     assert_eq!(error.to_string(), "home not found");
//!     assert_eq!(error.spans(), [r#"fetch{page="home"}"#]);
//! }
//! ```
//!
//! A backtrace shows who polled a future, and that is the runtime. Spans go with the work: through every `await`, and
//! into a task that is spawned with `in_current_span()`. The subscriber needs `tracing_error::ErrorLayer`; without it
//! the trace is empty.
//!
//! `anyhow`'s context (the pattern `context`) is enough where a person needs no line of the code.
//!
//! # Errors
//!
//! [`PageNotFound`] keeps the spans in which it was made, outermost last.
//!
//! # Cost
//!
//! Making the trace clones a reference to one span. Its text is built when it is printed.

use tracing_error::SpanTrace;

/// A page is not there.
#[derive(Debug, thiserror::Error)]
#[error("{page} not found")]
pub struct PageNotFound {
    page: String,
    spans: SpanTrace,
}

impl PageNotFound {
    /// To be called where it happens: the trace is that of the caller.
    pub fn new(page: impl Into<String>) -> Self {
        Self { page: page.into(), spans: SpanTrace::capture() }
    }

    /// The spans from the innermost to the outermost, each with its fields: `fetch{page="home"}`.
    pub fn spans(&self) -> Vec<String> {
        let mut spans = Vec::new();
        self.spans.with_spans(|metadata, fields| {
            spans.push(format!("{}{{{fields}}}", metadata.name()));
            true
        });
        spans
    }
}
