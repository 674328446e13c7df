// SPDX-License-Identifier: 0BSD
//! Builds a client with the defaults of aiohttp's session that reqwest lacks, above all time limits.
//!
//! aiohttp: `ClientSession(timeout=ClientTimeout(total, connect, sock_read))`.
//!
//! ```sh
//! cargo add hyper --features client,http1
//! cargo add reqwest --no-default-features --features rustls
//! ```
//!
//! ```
//! use axum::{Router, routing::get};
//! use http_client::client::{Timeouts, client};
//! use reqwest::Client;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/", listener.local_addr()?);
//!     let site = Router::new().route("/", get(async || "welcome"));
//!     tokio::spawn(async { axum::serve(listener, site).await });
//!
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let builder = Client::builder().user_agent("my-app/1.0").no_proxy().tls_certs_only([]);
//!     let client = client(builder, Timeouts::default())?;
//!     assert_eq!(client.get(url).send().await?.text().await?, "welcome");
//!     Ok(())
//! }
//! ```
//!
//! A [`Client`] is a handle to a pool of connections; cloning it copies the handle. A client made for one request
//! throws its connection and its TLS handshake away. Nothing has to be closed: the pool is dropped with the last handle.
//!
//! `reqwest::Client::new()` is enough where a request may take forever.
//!
//! Your builder keeps its settings, except these:
//!
//! - the time limits that [`Timeouts`] has;
//! - `http1_max_headers`: 128 header lines as in aiohttp, where reqwest takes 100 (lesson
//!   `as_many_header_lines_as_in_aiohttp_are_taken`);
//! - `retry`: one more attempt when a kept connection was closed at the moment of use (lesson
//!   `a_connection_closed_at_the_moment_of_use_is_asked_once_more`).
//!
//! To override these, set them on the builder that [`aiohttp_defaults`] returns (lesson
//! `what_is_set_after_the_defaults_holds`).
//!
//! # Errors
//!
//! If the user agent is not a header value, a certificate is invalid, or TLS cannot start. A machine without certificates
//! needs `tls_certs_only([])`; then no https server is trusted.
//!
//! # Cost
//!
//! A connection is reused only if the previous body was read to its end.
//!
//! # Differences from asyncio
//!
//! reqwest looks at its clock before the answer: one that is there when a busy task comes back after the limit is too late.
//! Tokio's `timeout` looks at the answer first (lesson `but_an_answer_that_is_there_at_the_limit_is_too_late`).
//!
//! Both follow ten redirects at most: aiohttp gives up at the tenth, reqwest at the eleventh (lesson
//! `ten_redirects_are_followed_and_not_eleven`). aiohttp has no proxy unless `trust_env=True`; reqwest follows those of the
//! environment, and [`environment_proxies`] asks this machine directly.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;
use std::{env, iter};

use reqwest::{Client, ClientBuilder, NoProxy, Proxy, retry};

/// How long each part of a request may take. `None` leaves what the builder has, `Duration::MAX` is forever. reqwest's
/// default: forever.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the request to the last byte of the body: aiohttp's `total`. Default: five minutes, as in aiohttp.
    pub total: Option<Duration>,
    /// For a new connection: name, TCP and TLS. aiohttp's `sock_connect`. Default: 10 s.
    pub connect: Option<Duration>,
    /// Between two reads. A slow body is not cut as long as bytes arrive. aiohttp's `sock_read`. Default: 30 s.
    pub read: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        Self { total: seconds(300), connect: seconds(10), read: seconds(30) }
    }
}

/// Builds the client of a program, with [`aiohttp_defaults`].
///
/// # Errors
///
/// See the [module](self).
pub fn client(builder: ClientBuilder, timeouts: Timeouts) -> reqwest::Result<Client> {
    aiohttp_defaults(builder, timeouts).build()
}

/// Sets the defaults of aiohttp that reqwest lacks: see the [module](self). Settings made on the result take precedence.
pub fn aiohttp_defaults(mut builder: ClientBuilder, timeouts: Timeouts) -> ClientBuilder {
    builder = builder.http1_max_headers(128).retry(once_more());
    if let Some(total) = timeouts.total {
        builder = builder.timeout(total.min(NEVER));
    }
    if let Some(connect) = timeouts.connect {
        builder = builder.connect_timeout(connect.min(NEVER));
    }
    if let Some(read) = timeouts.read {
        builder = builder.read_timeout(read.min(NEVER));
    }
    builder
}

/// Takes the proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`), as curl does, and connects to this machine directly.
/// The builder's own proxies come first.
pub fn environment_proxies(builder: ClientBuilder) -> ClientBuilder {
    proxies().fold(builder, ClientBuilder::proxy)
}

/// The longest duration that is safe here: a timer panics on a much longer one.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The proxies of the environment, each with the hosts that are asked directly. reqwest finds the same proxies, but its
/// `NO_PROXY=*` covers names only.
fn proxies() -> impl Iterator<Item = Proxy> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let mut direct = set("NO_PROXY").or_else(|| set("no_proxy")).unwrap_or_default();
    if direct.split(',').any(|entry| entry.trim() == "*") {
        direct = "*,0.0.0.0/0,::/0".to_owned();
    }
    let direct = NoProxy::from_string(&with_and_without_dot(&format!("{direct},localhost,127.0.0.0/8,::1")));
    let http = set("http_proxy").or_else(|| set("HTTP_PROXY"));
    let https = set("https_proxy").or_else(|| set("HTTPS_PROXY"));
    let all = set("all_proxy").or_else(|| set("ALL_PROXY"));
    // In a CGI program, a visitor sets HTTP_PROXY by sending the header `Proxy`.
    let http = http.filter(|_| env::var_os("REQUEST_METHOD").is_none());
    let found = http.map(Proxy::http).into_iter().chain(https.map(Proxy::https)).chain(all.map(Proxy::all));
    found.flatten().map(move |proxy| proxy.no_proxy(direct.clone()))
}

/// Adds each host with a final dot: `localhost.` is the host `localhost`, but reqwest compares names letter by letter.
fn with_and_without_dot(hosts: &str) -> String {
    let names = hosts.split(',').map(|name| name.trim().trim_end_matches('.'));
    names.filter(|name| !name.is_empty()).map(|name| format!("{name},{name}.,")).collect()
}

/// Repeats a request once if the server closed the idle connection just as it was reused, before any byte of the answer.
/// As in aiohttp, only requests that may be repeated are.
fn once_more() -> retry::Builder {
    struct AnyHost;
    impl PartialEq<&str> for AnyHost {
        fn eq(&self, _: &&str) -> bool {
            true
        }
    }
    // The budget is meant for retries after a busy server refused.
    retry::for_host(AnyHost).no_budget().max_retries_per_request(1).classify_fn(|sent| match sent.error() {
        Some(error) if sent.method().is_idempotent() && is_without_answer(error) => sent.retryable(),
        _ => sent.success(),
    })
}

fn is_without_answer(error: &(dyn Error + 'static)) -> bool {
    let mut causes = iter::successors(Some(error), |error| (*error).source());
    causes.any(|cause| {
        let was_closed = cause.downcast_ref().is_some_and(hyper::Error::is_incomplete_message);
        let was_reset =
            |io: &io::Error| matches!(io.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
        was_closed || cause.downcast_ref().is_some_and(was_reset)
    })
}
