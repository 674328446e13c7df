// SPDX-License-Identifier: 0BSD
//! Tries again what may succeed the next time, when the server says so and no later than the caller can wait.
//!
//! aiohttp: has none (a middleware, or `aiohttp-retry`). reqwest: `reqwest::retry` repeats at once, without a pause.
//!
//! ```sh
//! cargo add httpdate
//! cargo add reqwest --no-default-features --features rustls
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use axum::{Router, http::StatusCode};
//! use http_client::retry::{Policy, judge, retry};
//! use reqwest::{Client, Method};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/", listener.local_addr()?);
//!     let busy = Router::new().fallback(async || StatusCode::SERVICE_UNAVAILABLE);
//!     tokio::spawn(async { axum::serve(listener, busy).await });
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
//!     let policy = Policy { retries: 2, pause: Duration::ZERO, longest: Duration::MAX, total: Duration::MAX };
//!     let get = |outcome: &Result<_, _>| judge(&Method::GET, outcome.as_ref(), SystemTime::now());
//!     let page = retry(policy, fastrand::f64, get, || client.get(&url).send()).await?;
//!     assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE); // at the third attempt too
//!     Ok(())
//! }
//! ```
//!
//! `reqwest::ClientBuilder::retry` is enough for errors that are gone at once, such as a connection that was just
//! closed.
//!
//! # Errors
//!
//! [`retry`] returns the last outcome as it is, a success with status 503 as well.
//!
//! # Cancel safety
//!
//! Dropping it drops the attempt or the pause under way. What a half-sent request did on the server is not undone: this
//! is why only idempotent methods are repeated.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use reqwest::{Method, Response, StatusCode, header::RETRY_AFTER};
use tokio::time::{Instant, sleep};

/// How often, and how patiently.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Attempts after the first.
    pub retries: u32,
    /// The pause before the first retry; it doubles with each one, and its length is drawn between half and all of it.
    pub pause: Duration,
    /// The longest pause, whatever the server asks for.
    pub longest: Duration,
    /// No attempt begins later than this after the first. One that is under way is not cut: give it a timeout of its own.
    pub total: Duration,
}

/// What an outcome says about another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the final one.
    Done,
    /// Another attempt may do better.
    Again,
    /// The server said how long to wait. The pause is never shorter than without it.
    After(Duration),
}

/// Makes attempts until one is done, none is left, or the next would begin too late.
///
/// `random` gives numbers from 0 to 1 (`fastrand::f64`, or a fixed one in a test): clients that failed together should not
/// come back together.
pub async fn retry<T, F: Future<Output = T>>(
    policy: Policy,
    mut random: impl FnMut() -> f64,
    judge: impl Fn(&T) -> Verdict,
    mut attempt: impl FnMut() -> F,
) -> T {
    let begin = Instant::now();
    let mut back_off = policy.pause;
    for _ in 0..policy.retries {
        let outcome = attempt().await;
        let asked_for = match judge(&outcome) {
            Verdict::Done => return outcome,
            Verdict::Again => Duration::ZERO,
            // A server that asks for more patience than we have gets no second request sooner than it asked for.
            Verdict::After(pause) if pause > policy.longest => return outcome,
            Verdict::After(pause) => pause,
        };
        let half = back_off.min(policy.longest) / 2;
        // A server in trouble may ask for no pause at all: it gets ours.
        let pause = asked_for.max(half + half.mul_f64(random().clamp(0.0, 1.0)));
        if begin.elapsed().saturating_add(pause) > policy.total {
            return outcome;
        }
        // A response that asks for patience must not keep its connection, or a permit, meanwhile.
        drop(outcome);
        sleep(pause).await;
        back_off = back_off.saturating_mul(2);
    }
    attempt().await
}

/// Judges what a request came to: its status and headers, or the error that it ended with before or within the body.
///
/// Worth another attempt, and only for a method that may be repeated: a server that is busy or has an outage (408, 429,
/// 500, 502, 503, 504), and a connection that was refused, broken or too slow. Not a certificate that is not trusted, too
/// many redirects, or a URL that is none: these come out the same.
#[must_use]
pub fn judge(method: &Method, outcome: Result<&Response, &reqwest::Error>, now: SystemTime) -> Verdict {
    if !method.is_idempotent() {
        return Verdict::Done;
    }
    match outcome {
        Ok(response) => match response.status() {
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                retry_after(response, now).map_or(Verdict::Again, Verdict::After)
            }
            _ => Verdict::Done,
        },
        Err(error) if error.is_builder() || error.is_redirect() || is_distrust(error) => Verdict::Done,
        Err(_) => Verdict::Again,
    }
}

/// The pause that a response asks for, in seconds or up to a date. A date that is past is no pause; more seconds than a
/// number holds are [`Duration::MAX`].
#[must_use]
pub fn retry_after(response: &Response, now: SystemTime) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// TLS reports what it does not trust or understand as an I/O error of invalid data, in another I/O error.
fn is_distrust(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        let io = cause.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        // The source of an I/O error is not what it wraps, but the source of that.
        source = match io.and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    false
}
