// SPDX-License-Identifier: 0BSD
//! Turns a status of 400 or above into an error that keeps what the server said about it.
//!
//! aiohttp: `raise_for_status()`, or `ClientSession(raise_for_status=True)`; its error has no body, and so has that of
//! `Response::error_for_status`. reqwest never does this by itself: without it, a 404 page is a page.
//!
//! ```sh
//! cargo add thiserror
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
//!     let error = raise_for_status(reqwest::get(url).await?, 1_000).await.unwrap_err();
//!     assert_eq!(error.to_string(), "410 Gone: moved to another country");
//!     Ok(())
//! }
//! ```
//!
//! `response.error_for_status()?` of reqwest is enough where the status says it all.
//!
//! # Cancel safety
//!
//! Dropping it drops the response, and with it the connection if the body is not at its end.
//!
//! # Cost
//!
//! At most `keep` bytes of the body are read; with more than that left, the connection is not used again.

use reqwest::{Response, StatusCode, Url, header::HeaderMap};

/// What came in place of a success.
#[derive(Debug, thiserror::Error)]
#[error("{status}{}{}", if body.is_empty() { "" } else { ": " }, body.trim_end())]
pub struct StatusError {
    /// From 400 to 599.
    pub status: StatusCode,
    /// Where it came from, after redirects.
    pub url: Box<Url>,
    /// `Retry-After` and `WWW-Authenticate` are here.
    pub headers: Box<HeaderMap>,
    /// The beginning of the body. What is not UTF-8 is replaced.
    pub body: String,
}

/// Passes a response on if its status is below 400.
///
/// # Errors
/// [`StatusError`] with at most `keep` bytes of the body. A body that breaks off is kept as far as it came: what went
/// wrong first is the status.
pub async fn raise_for_status(mut response: Response, keep: usize) -> Result<Response, StatusError> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    let mut body = Vec::new();
    while body.len() < keep {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(keep - body.len())]);
    }
    Err(StatusError {
        status,
        url: Box::new(response.url().clone()),
        headers: Box::new(response.headers().clone()),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
