// SPDX-License-Identifier: 0BSD
//! Makes one client for the whole program, with the time limits that reqwest does not set by itself.
//!
//! aiohttp: `ClientSession(timeout=ClientTimeout(total, connect, sock_read), headers, max_redirects)`.
//!
//! ```sh
//! cargo add hyper --features client,http1
//! cargo add reqwest --no-default-features --features rustls
//! ```
//!
//! ```
//! use axum::{Router, routing::get};
//! use http_client::client::{Timeouts, client};
//! use tokio::net::TcpListener;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/", listener.local_addr()?);
//!     let site = Router::new().route("/", get(async || "welcome"));
//!     tokio::spawn(async { axum::serve(listener, site).await });
//!
//!     let client = client("my-app/1.0", Timeouts::default(), None)?;
//!     let page = client.get(url).send().await?.text().await?;
//!     assert_eq!(page, "welcome");
//!     Ok(())
//! }
//! ```
//!
//! A [`Client`] is a handle to a pool of connections; cloning it copies the handle. A client made for one request
//! throws its connection away, TLS handshake and all. Nothing has to be closed: the pool goes with the last handle.
//!
//! `reqwest::Client::new()` is enough where a request may take forever, and the server is not on this machine.
//!
//! # Errors
//!
//! If a certificate cannot be read, the user agent is not a header value, or TLS cannot start.
//!
//! # Cost
//!
//! A connection is used again only if the body before it was read to its end.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;
use std::{env, iter};

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, NoProxy, Proxy, retry};

/// How long each part of a request may take. `None` and `Duration::MAX` are forever. reqwest's default: forever.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the request to the last byte of the body. aiohttp's `total`: there it is five minutes unless told otherwise.
    pub total: Option<Duration>,
    /// For a new connection: name, TCP and TLS. aiohttp's `sock_connect`.
    pub connect: Option<Duration>,
    /// Between two reads. A body that flows, however slowly, is never cut. aiohttp's `sock_read`.
    pub read: Option<Duration>,
}

impl Default for Timeouts {
    /// aiohttp's five minutes in all, ten seconds to connect, thirty of silence.
    fn default() -> Self {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        Self { total: seconds(300), connect: seconds(10), read: seconds(30) }
    }
}

/// The client of a program. `trusted` holds certificates in PEM form to trust in addition to the system's.
///
/// It follows the proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`), as curl does, and asks this machine directly.
/// aiohttp follows them with `trust_env=True`.
///
/// # Errors
/// See the [module](self).
pub fn client(user_agent: &str, timeouts: Timeouts, trusted: Option<&[u8]>) -> reqwest::Result<Client> {
    client_with(user_agent, timeouts, trusted, |builder| builder)
}

/// The same, with settings of your own, as in `|builder| builder.redirect(Policy::none())`.
///
/// # Errors
/// See the [module](self).
pub fn client_with(
    user_agent: &str,
    timeouts: Timeouts,
    trusted: Option<&[u8]>,
    settings: impl Fn(ClientBuilder) -> ClientBuilder,
) -> reqwest::Result<Client> {
    let builder = || {
        // The same ten hops as aiohttp. On the way to another host, Authorization and Cookie are dropped.
        let mut builder = Client::builder().user_agent(user_agent).redirect(Policy::limited(10));
        // As many header lines as in aiohttp; reqwest's own limit is 100.
        builder = proxies().fold(builder.http1_max_headers(128).retry(once_more()), ClientBuilder::proxy);
        if let Some(total) = timeouts.total {
            builder = builder.timeout(total.min(NEVER));
        }
        if let Some(connect) = timeouts.connect {
            builder = builder.connect_timeout(connect.min(NEVER));
        }
        if let Some(read) = timeouts.read {
            builder = builder.read_timeout(read.min(NEVER));
        }
        if let Some(pem) = trusted {
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
        }
        Ok(settings(builder))
    };
    // Without the system's certificates (SSL_CERT_FILE may name none) there is http, and no https server is trusted.
    builder()?.build().or_else(|_| builder()?.tls_certs_only([]).build())
}

/// As long as a timer can be: more than that panics in it.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The proxies of the environment, each with what is asked directly. reqwest finds them too, and `*` of `NO_PROXY` is for
/// names only there.
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
    // In a CGI program, HTTP_PROXY is what a visitor sent as the header `Proxy`.
    let http = http.filter(|_| env::var_os("REQUEST_METHOD").is_none());
    let found = http.map(Proxy::http).into_iter().chain(https.map(Proxy::https)).chain(all.map(Proxy::all));
    found.flatten().map(move |proxy| proxy.no_proxy(direct.clone()))
}

/// `localhost.` is the host `localhost`; reqwest compares both as they are written.
fn with_and_without_dot(hosts: &str) -> String {
    let names = hosts.split(',').map(|name| name.trim().trim_end_matches('.'));
    names.filter(|name| !name.is_empty()).map(|name| format!("{name},{name}.,")).collect()
}

/// A server may close an idle connection at the moment it is used again: before a byte of the answer. aiohttp, too, asks
/// once more, and only what may be repeated.
fn once_more() -> retry::Builder {
    struct AnyHost;
    impl PartialEq<&str> for AnyHost {
        fn eq(&self, _: &&str) -> bool {
            true
        }
    }
    // The budget is for retries of what a busy server refuses.
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
