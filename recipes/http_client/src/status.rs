// SPDX-License-Identifier: 0BSD
//! Turns every status but 200 to 299 into an error that keeps what the server said about it.
//!
//! aiohttp: `raise_for_status()`, or `ClientSession(raise_for_status=True)`; its error has no body, and so has that of
//! `Response::error_for_status`. reqwest never does this by itself: without it, a 404 page is a page.
//!
//! Both let a redirect pass that the client did not follow, a 101 that was not asked for, and a status from 600 on. Here
//! they are errors. Look at `response.status()` first where 304 is an answer you asked for.
//!
//! ```sh
//! cargo add hyper --features client,http1
//! cargo add thiserror
//! cargo add tokio --features rt
//! cargo add reqwest --no-default-features --features rustls
//! ```
//!
//! ```
//! use axum::{Router, http::StatusCode, routing::get};
//! use http_client::status::raise_for_status;
//! use tokio::net::TcpListener;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/users/7", listener.local_addr()?);
//!     let gone = async || (StatusCode::GONE, "moved to another country");
//!     let site = Router::new().route("/users/7", get(gone));
//!     tokio::spawn(async { axum::serve(listener, site).await });
//!
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
//!     let error = raise_for_status(client.get(url).send().await?, 1_000).await.unwrap_err();
//!     assert_eq!(error.to_string(), "410 Gone: moved to another country");
//!     Ok(())
//! }
//! ```
//!
//! `response.error_for_status()?` of reqwest is enough where the status says it all, and redirects lead somewhere.
//!
//! # Cancel safety
//!
//! Dropping it drops the response, and with it the connection if the body is not at its end.
//!
//! # Cost
//!
//! At most `keep` bytes of the body are read; with more than that left, the connection is not used again.

use std::fmt;

use hyper::ext::ReasonPhrase;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Response, StatusCode, Url};
use tokio::task::consume_budget;

/// A response that is no success. Its text is one line: what moves a terminal's cursor is replaced.
#[derive(Debug, thiserror::Error)]
pub struct StatusError {
    /// Not from 200 to 299.
    pub status: StatusCode,
    /// What the server calls a status that has no standard name.
    pub reason: Option<String>,
    /// Where it came from, after redirects.
    pub url: Box<Url>,
    /// `Retry-After` and `WWW-Authenticate` are here.
    pub headers: Box<HeaderMap>,
    /// The beginning of the body. What is not UTF-8 is replaced.
    pub body: String,
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.status.canonical_reason().or(self.reason.as_deref()).unwrap_or_default();
        let mut text = format!("{} {name}", self.status.as_u16());
        if let Some(location) = self.headers.get(LOCATION).filter(|_| self.status.is_redirection()) {
            text = format!("{text}, a redirect to {}", String::from_utf8_lossy(location.as_bytes()));
        }
        if !self.body.is_empty() {
            text = format!("{text}: {}", self.body);
        }
        let words: Vec<_> = text.split_whitespace().collect();
        f.write_str(&words.join(" ").replace(moves_the_cursor, "\u{fffd}"))
    }
}

/// Control characters, and those that turn the direction of the text around.
fn moves_the_cursor(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The server's name for a status that has no standard one.
#[must_use]
pub fn reason(response: &Response) -> Option<String> {
    let phrase = response.extensions().get::<ReasonPhrase>()?;
    Some(String::from_utf8_lossy(phrase.as_bytes()).into_owned())
}

/// Passes a response on if its status is 200 to 299.
///
/// # Errors
/// [`StatusError`] with at most `keep` bytes of the body. A body that breaks off is kept as far as it came: what went
/// wrong first is the status.
pub async fn raise_for_status(mut response: Response, keep: usize) -> Result<Response, StatusError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let mut body = Vec::new();
    while body.len() < keep {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(keep - body.len())]);
        // Chunks that are always there would never let the runtime look at a timeout.
        consume_budget().await;
    }
    Err(StatusError {
        status,
        reason: reason(&response),
        url: Box::new(response.url().clone()),
        headers: Box::new(response.headers().clone()),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
