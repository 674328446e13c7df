// SPDX-License-Identifier: 0BSD
//! Limits how many requests a program has under way at once, in all and per host.
//!
//! aiohttp: `ClientSession(connector=TCPConnector(limit=100, limit_per_host=10))`.
//!
//! ```sh
//! cargo add reqwest --no-default-features --features rustls
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use axum::{Router, routing::get};
//! use http_client::limits::Limits;
//! use reqwest::{Client, Response};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/", listener.local_addr()?);
//!     let site = Router::new().route("/", get(async || "welcome"));
//!     tokio::spawn(async { axum::serve(listener, site).await });
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
//!     let ten = const { NonZeroUsize::new(10).unwrap() };
//!     let limits = Limits::new(ten, NonZeroUsize::MIN); // ten in all, one per host
//!     let page = limits.send(&client, client.get(url).build()?).await?;
//!     assert_eq!(page.read(Response::text).await?, "welcome");
//!     Ok(())
//! }
//! ```
//!
//! reqwest opens one connection per request; `pool_max_idle_per_host` limits only the idle ones. A [`Page`] therefore
//! holds the permits of its request. They are free when the body is read to its end or dropped.
//!
//! A redirect that the client follows is counted for the host that was asked first. To count each host, follow redirects
//! yourself: use a client with `Policy::none()`, and one [`Limits::send`] per hop.
//!
//! One `tokio::sync::Semaphore` around each request is enough for a limit in all.
//!
//! A request takes the host's permit first and then the global one, always in that order. A request that waits for a slow
//! host then holds no global permit, and no two requests wait for each other.
//!
//! # Cancel safety
//!
//! Dropping a request, waiting or under way, releases its permits. Waiters are served FIFO.
//!
//! # Panics
//!
//! None. A limit is a [`NonZeroUsize`]: with no permits at all, every request would wait forever.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{Client, Request, Response, Result, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limit on the requests under way at once. Clones share the same permits.
#[derive(Clone, Debug)]
pub struct Limits {
    all: Arc<Semaphore>,
    per_host: NonZeroUsize,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// The right to one request; dropping it lets the next one begin.
#[derive(Debug)]
pub struct Permits {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

/// A response together with its permits.
#[derive(Debug)]
pub struct Page {
    response: Response,
    permits: Permits,
}

impl Limits {
    /// Allows at most `all` requests at once, and at most `per_host` to one host (scheme, name and port). A limit larger than
    /// `Semaphore::MAX_PERMITS` counts as that.
    #[must_use]
    pub fn new(all: NonZeroUsize, per_host: NonZeroUsize) -> Self {
        let all = Arc::new(Semaphore::new(all.get().min(Semaphore::MAX_PERMITS)));
        Self { all, per_host, hosts: Arc::default() }
    }

    /// Waits for the right to one request to the host of `url`.
    pub async fn permits(&self, url: &Url) -> Permits {
        let host = self.host(url.origin().ascii_serialization());
        let closed = |_| unreachable!("the semaphores are private, and nothing here closes them");
        Permits {
            _host: host.acquire_owned().await.unwrap_or_else(closed),
            _all: Arc::clone(&self.all).acquire_owned().await.unwrap_or_else(closed),
        }
    }

    /// Waits for the permits and sends a request. The client's time limits start at the sending. aiohttp's `connect`
    /// includes the wait: for that, put `tokio::time::timeout` around this call.
    ///
    /// # Errors
    /// Those of the client.
    pub async fn send(&self, client: &Client, request: Request) -> Result<Page> {
        let permits = self.permits(request.url()).await;
        Ok(Page { response: client.execute(request).await?, permits })
    }

    /// Returns the number of free permits in all. The limits of hosts are not considered.
    #[must_use]
    pub fn free(&self) -> usize {
        self.all.available_permits()
    }

    fn host(&self, origin: String) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        // A host without a request or a waiter is forgotten, so that a crawl of many hosts does not fill the memory.
        if hosts.len() > 1000 {
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let permits = self.per_host.get().min(Semaphore::MAX_PERMITS);
        Arc::clone(hosts.entry(origin).or_insert_with(|| Arc::new(Semaphore::new(permits))))
    }
}

impl Page {
    /// Returns the response: status and headers are there before the body.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// Reads the body, as in `page.read(Response::text)`, and then releases the permits.
    pub async fn read<R: Future>(self, read: impl FnOnce(Response) -> R) -> R::Output {
        let output = read(self.response).await;
        drop(self.permits);
        output
    }
}
