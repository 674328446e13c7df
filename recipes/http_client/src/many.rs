// SPDX-License-Identifier: 0BSD
//! Fetches a long list of URLs with a limit in all and per host; a slow host does not hold up the others.
//!
//! aiohttp: `asyncio.gather` over `TCPConnector(limit, limit_per_host)`, which needs a task for every URL from the
//! start.
//!
//! ```sh
//! cargo add futures
//! cargo add reqwest --no-default-features --features rustls
//! cargo add tokio --features rt,macros
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use axum::Router;
//! use futures::TryFutureExt;
//! use http_client::many::{FetchLimits, Many};
//! use reqwest::{Client, Response};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let urls = futures::stream::iter([format!("http://{}/", listener.local_addr()?).parse()?]);
//!     tokio::spawn(async { axum::serve(listener, Router::new().fallback(async || "a page")).await });
//!     let ten = const { NonZeroUsize::new(10).unwrap() };
//!     let limits = FetchLimits { all: ten, per_host: NonZeroUsize::MIN, aside: 1_000 };
//!     let client = Client::builder().no_proxy().tls_certs_only([]).build()?; // for this machine
//!     let mut pages = Many::new(urls, limits, |url| client.get(url).send().and_then(Response::text));
//!     let page = pages.next().await.transpose()?; // until it returns `None`
//!     assert_eq!(page.as_deref(), Some("a page"));
//!     Ok(())
//! }
//! ```
//!
//! [`Many`] takes URLs from a stream as it needs them, and spawns a task only for a URL that may begin now. If the host of
//! a URL is busy, it puts the URL aside and looks at the next. It keeps at most [`FetchLimits::aside`] URLs aside: a list that
//! begins with more URLs than that of one slow host waits for this host.
//!
//! `futures::StreamExt::buffer_unordered` is enough for one host, or if all hosts are quick.
//!
//! # Cancel safety
//!
//! Dropping the future of [`Many::next`] loses no outcome. Dropping [`Many`] aborts the fetches under way, and drops the
//! outcomes that `next` has not returned yet: `next().now_or_never()` takes those out first.
//!
//! # Panics
//!
//! If a fetch panics, `next` panics with the same payload; the next call goes on with the other URLs.
//!
//! # Cost
//!
//! At most `all` tasks and finished outcomes, and `aside` URLs, however long the list is. `next` fills the free slots before
//! it returns. Between calls, the fetches under way go on and no new one begins.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use futures::FutureExt;
use futures::stream::{Stream, StreamExt};
use reqwest::Url;
use tokio::task::JoinSet;

/// The most URLs that one call looks at before it returns an outcome. A URL of a busy host fills no slot.
const MOST_AT_ONCE: usize = 100;

/// The limits of [`Many`].
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// The most fetches under way.
    pub all: NonZeroUsize,
    /// The most fetches under way to one host (scheme, name and port) of the list. Redirects to a host are not counted.
    pub per_host: NonZeroUsize,
    /// The most URLs put aside because their host is busy.
    pub aside: usize,
}

/// The outcomes of many fetches, in the order in which they finish.
#[derive(Debug)]
pub struct Many<S, F, T> {
    urls: S,
    limits: FetchLimits,
    fetch: F,
    /// Each outcome comes with its host, so that a panic frees the host too.
    tasks: JoinSet<(String, thread::Result<T>)>,
    hosts: HashMap<String, Host>,
    aside: usize,
    ended: bool,
}

#[derive(Debug, Default)]
struct Host {
    under_way: usize,
    waiting: VecDeque<Url>,
}

impl<S, F, Fetching, T> Many<S, F, T>
where
    S: Stream<Item = Url> + Unpin,
    F: Fn(Url) -> Fetching,
    Fetching: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    /// Fetches every URL of a stream (`futures::stream::iter` makes one from an iterator). `fetch` must read the body to its
    /// end, because the host is free for its next URL as soon as `fetch` returns.
    pub fn new(urls: S, limits: FetchLimits, fetch: F) -> Self {
        Self { urls, limits, fetch, tasks: JoinSet::new(), hosts: HashMap::new(), aside: 0, ended: false }
    }

    /// Returns the next outcome; `None` once every URL has had its outcome.
    ///
    /// # Panics
    /// If a fetch panicked.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            tokio::select! {
                // Finished fetches come first: they free slots.
                biased;
                Some(finished) = self.tasks.join_next() => {
                    // `fetch`'s panic is caught inside the task, so an error here means that the runtime is ending.
                    let (host, outcome) = finished.unwrap_or_else(|error| resume_unwind(Box::new(error)));
                    self.leave(host);
                    // Fills the slot now, because the caller may be slow to come back. It takes only URLs that are ready.
                    for _ in 0..MOST_AT_ONCE {
                        let Some(url) = self.has_room().then(|| self.urls.next().now_or_never()).flatten() else { break };
                        self.enter(url);
                    }
                    return Some(outcome.unwrap_or_else(|panic| resume_unwind(panic)));
                }
                url = self.urls.next(), if self.has_room() => self.enter(url),
                // No task is left, so no host is busy and no URL is aside.
                else => return None,
            }
        }
    }

    fn has_room(&self) -> bool {
        !self.ended && self.tasks.len() < self.limits.all.get() && self.aside < self.limits.aside.max(1)
    }

    fn enter(&mut self, url: Option<Url>) {
        let Some(url) = url else {
            self.ended = true;
            return;
        };
        let name = url.origin().ascii_serialization();
        let host = self.hosts.entry(name.clone()).or_default();
        if host.under_way < self.limits.per_host.get() {
            host.under_way += 1;
            self.begin(name, url);
        } else {
            host.waiting.push_back(url);
            self.aside += 1;
        }
    }

    fn leave(&mut self, name: String) {
        let Some(host) = self.hosts.get_mut(&name) else { return };
        if let Some(url) = host.waiting.pop_front() {
            // The host's turn passes to its next URL, so a host with a URL aside is always busy.
            self.aside -= 1;
            self.begin(name, url);
        } else if host.under_way > 1 {
            host.under_way -= 1;
        } else {
            self.hosts.remove(&name);
        }
    }

    fn begin(&mut self, host: String, url: Url) {
        let fetching = catch_unwind(AssertUnwindSafe(|| (self.fetch)(url)));
        self.tasks.spawn(async move {
            let outcome = match fetching {
                Ok(fetching) => AssertUnwindSafe(fetching).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            (host, outcome)
        });
    }
}
