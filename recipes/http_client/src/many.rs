// SPDX-License-Identifier: 0BSD
//! Fetches a long list of URLs, limited in all and for each host, where a slow host does not hold up the others.
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
//!     let page = pages.next().await.transpose()?; // call it until there is none
//!     assert_eq!(page.as_deref(), Some("a page"));
//!     Ok(())
//! }
//! ```
//!
//! [`Many`] takes URLs from a stream as it needs them and spawns a task only for one that may begin now. A URL whose
//! host is busy is put aside, and the next one is looked at. What is put aside is a URL, not a task, and at most
//! [`FetchLimits::aside`] of them: a list that begins with more URLs than that of one slow host waits for this host.
//!
//! `futures::StreamExt::buffer_unordered` is enough for one host, or for hosts that are all quick.
//!
//! # Cancel safety
//!
//! [`Many::next`] holds nothing of its own: dropping it loses no outcome. Dropping [`Many`] aborts what is under way, and
//! drops the outcomes that `next` has not returned yet: `next().now_or_never()` takes those out first.
//!
//! # Panics
//!
//! If a fetch panics, `next` panics with the same payload; the next call goes on with the other URLs.
//!
//! # Cost
//!
//! At most `all` tasks and finished outcomes, and `aside` URLs, however long the list. `next` fills the free slots before
//! it returns. While it is not called, what is under way goes on, and nothing new begins.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use futures::FutureExt;
use futures::stream::{Stream, StreamExt};
use reqwest::Url;
use tokio::task::JoinSet;

/// URLs looked at before an outcome is returned. Those of busy hosts are put aside, which fills no slot.
const MOST_AT_ONCE: usize = 100;

/// How many at once.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// Fetches under way.
    pub all: NonZeroUsize,
    /// Fetches under way to one host (scheme, name and port) of the list. Where a redirect leads is not counted.
    pub per_host: NonZeroUsize,
    /// URLs put aside because their host is busy.
    pub aside: usize,
}

/// Outcomes, in the order in which they come.
#[derive(Debug)]
pub struct Many<S, F, T> {
    urls: S,
    limits: FetchLimits,
    fetch: F,
    /// Each with its host, which is free for its next URL after a panic too.
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
    /// Fetches every URL of a stream (`futures::stream::iter` makes one of an iterator). `fetch` reads the body to its
    /// end before it returns: a host is free for its next URL when the fetch has returned.
    pub fn new(urls: S, limits: FetchLimits, fetch: F) -> Self {
        Self { urls, limits, fetch, tasks: JoinSet::new(), hosts: HashMap::new(), aside: 0, ended: false }
    }

    /// The next outcome; `None` when every URL has had its own.
    ///
    /// # Panics
    /// If a fetch panicked.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            tokio::select! {
                // What is finished comes first: it makes room.
                biased;
                Some(finished) = self.tasks.join_next() => {
                    // A panic has been caught, and only the runtime aborts these tasks, as it ends.
                    let (host, outcome) = finished.unwrap_or_else(|error| resume_unwind(Box::new(error)));
                    self.leave(host);
                    // A caller that takes its time would leave the slot empty. What is not there yet is not waited for.
                    for _ in 0..MOST_AT_ONCE {
                        let Some(url) = self.has_room().then(|| self.urls.next().now_or_never()).flatten() else { break };
                        self.enter(url);
                    }
                    return Some(outcome.unwrap_or_else(|panic| resume_unwind(panic)));
                }
                url = self.urls.next(), if self.has_room() => self.enter(url),
                // No task is left, and so no URL is aside: its host would be busy.
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
            // Its turn passes on, so that a host with a URL aside is always a busy one.
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
