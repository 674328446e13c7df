// SPDX-License-Identifier: 0BSD
//! Decides whether a request is worth another attempt, and how long to wait: `Retry-After`, as urllib3's
//! `Retry(status_forcelist, respect_retry_after_header)`.
//!
//! ```sh
//! cargo add httpdate
//! cargo add reqwest --no-default-features --features rustls
//! ```
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use axum::{Router, http::{StatusCode, header::RETRY_AFTER}};
//! use http_client::retry_after::judge;
//! use reqwest::{Client, Method};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/", listener.local_addr()?);
//!     let busy = async || (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "7")]);
//!     tokio::spawn(async move { axum::serve(listener, Router::new().fallback(busy)).await });
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
//!     let sent = client.get(url).send().await;
//!     let pause = judge(&Method::GET, sent.as_ref(), SystemTime::now());
//!     assert_eq!(pause, Some(Duration::from_secs(7))); // `None` would be final
//!     Ok(())
//! }
//! ```
//!
//! The pattern `retry` waits and tries again: `into()` makes its `Verdict` from such a pause.
//!
//! `reqwest::ClientBuilder::retry` is enough for errors that pass at once: it repeats without a pause.
//!
//! [`judge_status`] needs no response: the status and headers in the pattern `status`'s `StatusError` are enough.
//!
//! # Differences from asyncio
//!
//! aiohttp has no retry. urllib3 repeats only the statuses in `status_forcelist`; here six statuses are repeated.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};

/// Judges the outcome of a request: [`judge_status`] for a response, [`judge_error`] for an error.
#[must_use]
pub fn judge(
    method: &Method,
    outcome: Result<&Response, &reqwest::Error>,
    now: SystemTime,
) -> Option<Duration> {
    match outcome {
        Ok(response) => judge_status(method, response.status(), response.headers(), now),
        Err(error) => judge_error(method, error),
    }
}

/// Returns the least pause before another attempt, zero if the server names none. `None`: the status is final.
///
/// A busy server or an outage is worth another attempt (408, 429, 500, 502, 503, 504), if the method may be repeated.
#[must_use]
pub fn judge_status(
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    now: SystemTime,
) -> Option<Duration> {
    let is_passing = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    (is_passing && method.is_idempotent()).then(|| retry_after(headers, now).unwrap_or_default())
}

/// Returns a pause of zero if the error may be gone at the next attempt. `None`: it is final.
///
/// A connection that was refused, broken or too slow is worth another attempt, also within the body, if the method may be
/// repeated. An invalid URL, too many redirects and an untrusted certificate are final.
#[must_use]
pub fn judge_error(method: &Method, error: &reqwest::Error) -> Option<Duration> {
    let is_final = error.is_builder() || error.is_redirect() || is_distrust(error);
    (!is_final && method.is_idempotent()).then_some(Duration::ZERO)
}

/// Returns the pause that a response asks for, in seconds or until a date. A date in the past gives zero; a number of
/// seconds too large to hold gives [`Duration::MAX`].
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// TLS reports an untrusted certificate or invalid bytes as an I/O error of kind `InvalidData`, inside another I/O error.
fn is_distrust(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        let io = cause.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        // `source` of an I/O error skips the error it wraps and returns that error's source.
        source = match io.and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    false
}
