// SPDX-License-Identifier: 0BSD
//! Makes one client for the whole program, with the time limits that reqwest does not set by itself.
//!
//! aiohttp: `ClientSession(timeout=ClientTimeout(total, connect, sock_read), headers, max_redirects)`.
//!
//! ```sh
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
//! `reqwest::Client::new()` is enough where a request may take forever.
//!
//! # Errors
//!
//! If a certificate cannot be read, the user agent is not a header value, or TLS cannot start.
//!
//! # Cost
//!
//! A connection is used again only if the body before it was read to its end.

use std::time::Duration;

use reqwest::{Certificate, Client, redirect::Policy};

/// How long each part of a request may take. `None` is for ever, which is what reqwest does unless told otherwise.
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
/// reqwest follows the proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`) unless it is built with `no_proxy()`;
/// aiohttp ignores them unless it is told `trust_env=True`.
///
/// # Errors
/// See the [module](self).
pub fn client(user_agent: &str, timeouts: Timeouts, trusted: Option<&[u8]>) -> reqwest::Result<Client> {
    // The same ten hops as aiohttp. On the way to another host, Authorization and Cookie are dropped.
    let mut builder = Client::builder().user_agent(user_agent).redirect(Policy::limited(10));
    if let Some(total) = timeouts.total {
        builder = builder.timeout(total);
    }
    if let Some(connect) = timeouts.connect {
        builder = builder.connect_timeout(connect);
    }
    if let Some(read) = timeouts.read {
        builder = builder.read_timeout(read);
    }
    if let Some(pem) = trusted {
        builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem)?);
    }
    builder.build()
}
