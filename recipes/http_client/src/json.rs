// SPDX-License-Identifier: 0BSD
//! Reads a JSON body: checks its content type, and reads at most the expected size.
//!
//! aiohttp: `await response.json()`, which raises `ContentTypeError` for a page of HTML. reqwest's `Response::json`
//! parses whatever arrives: a log-in page becomes "expected value at line 1 column 1".
//!
//! ```sh
//! cargo add serde_json
//! cargo add thiserror
//! cargo add serde --features derive
//! cargo add tokio --features rt
//! cargo add reqwest --no-default-features --features rustls
//! ```
//!
//! ```
//! use axum::{Router, http::header::CONTENT_TYPE, routing::get};
//! use http_client::json::json;
//! use serde_json::Value;
//! use tokio::net::TcpListener;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/users/7", listener.local_addr()?);
//!     let ada = async || ([(CONTENT_TYPE, "application/json")], r#"{"name": "Ada"}"#);
//!     let site = Router::new().route("/users/7", get(ada));
//!     tokio::spawn(async { axum::serve(listener, site).await });
//!
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
//!     let user: Value = json(client.get(url).send().await?, 10_000).await?; // or a type of your own
//!     assert_eq!(user["name"], "Ada");
//!     Ok(())
//! }
//! ```
//!
//! `response.json().await?` of reqwest is enough for a server that you trust to send JSON of a sensible size.
//!
//! It skips a byte-order mark and reads UTF-16, because some editors and servers write them.
//!
//! # Cancel safety
//!
//! Dropping the future drops the response and the bytes read so far.

use reqwest::{Response, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use tokio::task::consume_budget;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// aiohttp's `ContentTypeError`. The body was not read.
    #[error("expected JSON, got {}", .0.as_deref().unwrap_or("no content type"))]
    ContentType(Option<String>),
    /// The body is longer than the limit, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// The body is not JSON, or not JSON of this shape.
    #[error("invalid JSON")]
    Invalid(#[from] serde_json::Error),
    /// The connection failed before the end of the body.
    #[error("the body broke off")]
    Body(#[from] reqwest::Error),
}

/// Reads a body of at most `limit` bytes as JSON.
///
/// # Errors
/// See [`JsonError`]. The status does not matter: an error page in JSON can be read too.
pub async fn json<T: DeserializeOwned>(mut response: Response, limit: usize) -> Result<T, JsonError> {
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
    if !kind.as_deref().is_some_and(is_json) {
        return Err(JsonError::ContentType(kind));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > limit - body.len() {
            return Err(JsonError::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
        // If every chunk is ready, the loop would never yield, and no timeout could fire.
        consume_budget().await;
    }
    Ok(serde_json::from_slice(&utf_8(body))?)
}

/// Decodes UTF-16. JSON begins with ASCII, so a zero beside its first byte means UTF-16, as does a two-byte mark.
fn utf_8(body: Vec<u8>) -> Vec<u8> {
    let of_bytes = match body.as_slice() {
        [0xfe, 0xff, ..] | [0, 1..=255, ..] => u16::from_be_bytes,
        [0xff, 0xfe, ..] | [1..=255, 0, ..] => u16::from_le_bytes,
        [0xef, 0xbb, 0xbf, text @ ..] => return text.to_vec(),
        _ => return body,
    };
    let units: Vec<u16> =
        body.chunks(2).map(|unit| of_bytes([unit[0], *unit.get(1).unwrap_or(&0xff)])).collect();
    match String::from_utf16(&units) {
        Ok(text) => text.trim_start_matches('\u{feff}').as_bytes().to_vec(),
        // The body is no valid UTF-16: serde_json reports where it stops being JSON.
        Err(_) => body,
    }
}

/// `application/json`, and `application/anything+json` as in RFC 6839, with or without parameters.
fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
