//! Fetches one URL and reports its outcome.

use std::num::NonZeroUsize;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use common::one_line;
use http_client::download::download;
use http_client::limits::{Limits, Permits};
use http_client::resume::Part;
use http_client::retry::{Policy, Verdict, retry_outcome};
use http_client::retry_after::judge;
use http_client::status::{raise_for_status, reason};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::{Instant, sleep, timeout_at};

use super::environment::proxy_of;
use super::failure::{Broken, Failure, through};
use super::flags::FetchFlags;
use super::hops::{MOST_HOPS, hop};
use super::targets::file_name;
use super::waits::Waits;

/// Everything that a fetch needs beside the URL. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: Client,
    policy: Policy,
    timeout: Duration,
    output: Option<Arc<Path>>,
    resume: bool,
    max_size: u64,
    /// The limit of each host, also for hosts that a redirect leads to. The limit in all is not kept here.
    hosts: Limits,
    under_way: Arc<AtomicUsize>,
}

/// The outcome of a fetch that succeeded.
struct Fetched {
    status: String,
    size: u64,
    file: Option<String>,
}

impl Fetcher {
    /// `client` must not follow redirects by itself.
    pub(crate) fn new(client: Client, flags: &FetchFlags) -> Self {
        let policy = Policy {
            attempts: flags.retries.saturating_add(1),
            pause: Duration::from_millis(500),
            longest: flags.timeout,
            total: flags.timeout,
            ..Policy::default()
        };
        Self {
            client,
            policy,
            timeout: flags.timeout,
            output: flags.output.as_deref().map(Arc::from),
            resume: flags.resume,
            max_size: flags.max_size,
            hosts: Limits::new(NonZeroUsize::MAX, flags.per_host),
            under_way: Arc::default(),
        }
    }

    /// Fetches a URL, with retries where one may help, and returns one line: the result, or the reason for the failure.
    #[tracing::instrument(name = "fetch", skip_all, fields(url = %one_line(url.as_str())), ret(level = "debug"), err(level = "debug"))]
    pub(crate) async fn fetch(self, url: Url) -> Result<String, String> {
        let (begin, waits) = (Instant::now(), Waits::default());
        let mut work = pin!(self.until_files_are_free(&url, &waits));
        let mut deadline = begin + self.timeout;
        let outcome = loop {
            match timeout_at(deadline, &mut work).await {
                Ok(outcome) => break outcome,
                // The time spent waiting for other URLs does not count.
                Err(_) => match begin + self.timeout + waits.so_far() {
                    later if later > deadline => {
                        deadline = later.max(Instant::now() + Duration::from_millis(50))
                    }
                    _ => return Err(format!("timed out after {:?}", self.timeout)),
                },
            }
        };
        match outcome {
            Ok(Fetched { status, size, file: None }) => Ok(format!("{status}, {size} bytes")),
            Ok(Fetched { status, size, file: Some(file) }) => Ok(format!("{status}, {size} bytes in {file}")),
            Err(failure) => Err(one_line(&failure.why)),
        }
    }

    /// Tries again while this process has too many files open and other URLs under way hold some of them.
    async fn until_files_are_free(&self, url: &Url, waits: &Waits) -> Result<Fetched, Failure> {
        loop {
            let outcome = {
                let _counted = Counted::new(&self.under_way);
                let judge = |outcome: &Result<Fetched, Failure>| match outcome {
                    Err(failure) if !failure.lacks_files => failure.verdict,
                    _ => Verdict::Final,
                };
                retry_outcome(self.policy, || self.attempt(url, waits), judge, |_, _| {}).await
            };
            if !outcome.as_ref().is_err_and(|failure| failure.lacks_files) {
                return outcome;
            }
            let pause = sleep(Duration::from_millis(100));
            match self.under_way.load(SeqCst) {
                // The files may also be idle connections; the pool closes those after a while.
                0 => pause.await,
                _ => waits.during(pause).await,
            }
        }
    }

    async fn attempt(&self, url: &Url, waits: &Waits) -> Result<Fetched, Failure> {
        let name = self.output.as_ref().map(|folder| (folder, file_name(url)));
        let part = match &name {
            Some((folder, name)) if self.resume => {
                Some(Part::of(&folder.join(name)).await.map_err(Failure::of_disk)?)
            }
            _ => None,
        };
        let wanted = part.as_ref().map(Part::wanted).unwrap_or_default();
        let (response, _permits) = self.ask(url, wanted, waits).await?;
        // 206 carries the rest of a file; 416 says that there is no rest.
        let is_of_part = part.is_some() && response.status() == StatusCode::RANGE_NOT_SATISFIABLE;
        let proxy = proxy_of(response.url());
        let status = match reason(&response).filter(|_| response.status().canonical_reason().is_none()) {
            Some(reason) => format!("{} {reason}", response.status().as_u16()),
            None => response.status().to_string().replace(" <unknown status code>", ""),
        };
        let length = response.content_length();
        let size = match (&name, part) {
            _ if !is_of_part && length.is_some_and(|length| length > self.max_size) => {
                Err(Broken::Own(format!("the body is longer than {} bytes", self.max_size)))
            }
            (Some(_), Some(part)) => part.complete(response, self.max_size).await.map_err(Broken::from),
            (Some((folder, name)), None) => {
                download(response.bytes_stream(), &folder.join(name), self.max_size)
                    .await
                    .map_err(Broken::from)
            }
            (None, _) => self.count(response).await,
        };
        match size {
            Ok(size) => Ok(Fetched { status: one_line(&status), size, file: name.map(|(_, name)| name) }),
            Err(Broken::Body(error)) => Err(Failure::of_request(error, proxy, "the body broke off: ")),
            Err(Broken::Disk(error)) => Err(Failure::of_disk(error)),
            Err(Broken::Again(why)) => Err(Failure { verdict: Verdict::Again, why, lacks_files: false }),
            Err(Broken::Own(why)) => Err(Failure { verdict: Verdict::Final, why, lacks_files: false }),
        }
    }

    /// Follows redirects, each with a permit of the host that is asked, and returns the response with the last permit.
    async fn ask(&self, url: &Url, wanted: HeaderMap, waits: &Waits) -> Result<(Response, Permits), Failure> {
        let mut url = url.clone();
        let mut led_to = String::new();
        for _ in 0..=MOST_HOPS {
            let permits = waits.during(self.hosts.permits(&url)).await;
            let proxy = proxy_of(&url);
            let sent = self.client.get(url.clone()).headers(wanted.clone()).send().await;
            let verdict = judge(&Method::GET, sent.as_ref(), SystemTime::now()).into();
            let response = sent.map_err(|error| Failure::of_request(error, proxy.clone(), &led_to))?;
            let why_not = match hop(&response) {
                Some(Ok(next)) => {
                    url = next;
                    led_to = format!("redirected to {url}: ");
                    continue;
                }
                Some(Err(why_not)) => format!(": {why_not}"),
                None if !wanted.is_empty() && response.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
                    return Ok((response, permits));
                }
                None => String::new(),
            };
            return match raise_for_status(response, 0).await {
                Ok(response) => Ok((response, permits)),
                Err(error) => {
                    let why = format!("{error}{why_not}{}", through(proxy));
                    Err(Failure { verdict, why, lacks_files: false })
                }
            };
        }
        let why = format!("too many redirects: the last one is to {url}");
        Err(Failure { verdict: Verdict::Final, why, lacks_files: false })
    }

    /// Reads a body, counts its bytes and keeps none of them.
    async fn count(&self, mut response: Response) -> Result<u64, Broken> {
        let mut size = 0;
        while let Some(chunk) = response.chunk().await.map_err(Broken::Body)? {
            size += chunk.len() as u64;
            if size > self.max_size {
                return Err(Broken::Own(format!("the body is longer than {} bytes", self.max_size)));
            }
        }
        Ok(size)
    }
}

/// Counts a URL as under way for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
