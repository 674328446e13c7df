// SPDX-License-Identifier: 0BSD
//! Turns every status but 200 to 299 into an error that keeps headers and the beginning of the body.
//!
//! aiohttp: `raise_for_status()`, or `ClientSession(raise_for_status=True)`. Its error has no body, nor has the error of
//! `Response::error_for_status`. reqwest never raises by itself: without a call, a 404 page is a page.
//!
//! Both accept a redirect that the client did not follow, and a 101 that was not asked for. `error_for_status` also
//! accepts a status from 600 on. Here these are errors. If you asked for 304, look at `response.status()` first.
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
//! `response.error_for_status()?` of reqwest is enough if you need only the status, and redirects lead somewhere.
//!
//! # Cancel safety
//!
//! Dropping the future drops the response, and closes the connection if the body is not at its end.
//!
//! # Cost
//!
//! It reads at most `keep` bytes of the body. If more are left, the connection is not reused.

use std::fmt;

use hyper::ext::ReasonPhrase;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Response, StatusCode, Url};
use tokio::task::consume_budget;

/// A response that is no success. It displays as one line: characters that move a terminal's cursor are replaced.
#[derive(Debug, thiserror::Error)]
pub struct StatusError {
    /// Not from 200 to 299.
    pub status: StatusCode,
    /// The server's name of a status that has no standard name.
    pub reason: Option<String>,
    /// The URL of the response, after redirects.
    pub url: Box<Url>,
    /// The headers, such as `Retry-After` and `WWW-Authenticate`.
    pub headers: Box<HeaderMap>,
    /// The beginning of the body. Bytes that are not UTF-8 are replaced.
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

/// Matches control characters, and characters that change the direction of the text.
fn moves_the_cursor(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the server's name of a status that has no standard name.
#[must_use]
pub fn reason(response: &Response) -> Option<String> {
    let phrase = response.extensions().get::<ReasonPhrase>()?;
    Some(String::from_utf8_lossy(phrase.as_bytes()).into_owned())
}

/// Passes a response on if its status is 200 to 299.
///
/// # Errors
/// [`StatusError`] with at most `keep` bytes of the body. If the body breaks off, the error keeps the bytes that came.
pub async fn raise_for_status(mut response: Response, keep: usize) -> Result<Response, StatusError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let mut body = Vec::new();
    while body.len() < keep {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(keep - body.len())]);
        // If every chunk is ready, the loop would never yield, and no timeout could fire.
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
