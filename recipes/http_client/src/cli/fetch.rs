//! One URL, and what it came to.

use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use common::one_line;
use http_client::download::{DownloadError, download};
use http_client::limits::{Limits, Permits};
use http_client::resume::{Part, ResumeError};
use http_client::retry::{Policy, Verdict, judge, retry};
use http_client::status::{raise_for_status, reason};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::{Instant, sleep, timeout_at};

use super::environment::{certificates_of_the_environment, proxy_of};
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
    /// Of each host that is asked, also by a redirect. How many URLs are under way in all is not counted here.
    hosts: Limits,
    under_way: Arc<AtomicUsize>,
}

/// What came.
struct Fetched {
    status: String,
    size: u64,
    file: Option<String>,
}

/// Why nothing came, and whether it may the next time.
struct Failure {
    verdict: Verdict,
    why: String,
    /// This process has too many files open: no failure of the URL.
    lacks_files: bool,
}

impl Fetcher {
    /// `client` follows no redirects by itself.
    pub(crate) fn new(client: Client, flags: &FetchFlags) -> Self {
        let policy = Policy {
            retries: flags.retries,
            pause: Duration::from_millis(500),
            longest: flags.timeout,
            total: flags.timeout,
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

    /// Fetches a URL, again if that is worth it, and says in one line what came of it, or why nothing did.
    #[tracing::instrument(name = "fetch", skip_all, fields(url = %one_line(url.as_str())), ret(level = "debug"), err(level = "debug"))]
    pub(crate) async fn fetch(self, url: Url) -> Result<String, String> {
        let (begin, waits) = (Instant::now(), Waits::default());
        let mut work = pin!(self.until_files_are_free(&url, &waits));
        let mut deadline = begin + self.timeout;
        let outcome = loop {
            match timeout_at(deadline, &mut work).await {
                Ok(outcome) => break outcome,
                // Waiting for others is not the URL's own time.
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

    /// Tries again while this process has too many files open and other URLs, which have some of them, are under way.
    async fn until_files_are_free(&self, url: &Url, waits: &Waits) -> Result<Fetched, Failure> {
        loop {
            let outcome = {
                let _counted = Counted::new(&self.under_way);
                let judge = |outcome: &Result<Fetched, Failure>| match outcome {
                    Err(failure) if !failure.lacks_files => failure.verdict,
                    _ => Verdict::Done,
                };
                retry(self.policy, fastrand::f64, judge, || self.attempt(url, waits)).await
            };
            if !outcome.as_ref().is_err_and(|failure| failure.lacks_files) {
                return outcome;
            }
            let pause = sleep(Duration::from_millis(100));
            match self.under_way.load(SeqCst) {
                // It may also be the connections that are kept for later, and these are closed in time.
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
        // The rest of a file comes as a 206, and 416 says that there is none.
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
            Err(Broken::Disk(why, error)) => Err(Failure { why, ..Failure::of_disk(error) }),
            Err(Broken::Again(why)) => Err(Failure { verdict: Verdict::Again, why, lacks_files: false }),
            Err(Broken::Own(why)) => Err(Failure { verdict: Verdict::Done, why, lacks_files: false }),
        }
    }

    /// Follows redirects, each with a permit of the host that is asked, and gives the last of them along.
    async fn ask(&self, url: &Url, wanted: HeaderMap, waits: &Waits) -> Result<(Response, Permits), Failure> {
        let mut url = url.clone();
        let mut led_to = String::new();
        for _ in 0..=MOST_HOPS {
            let permits = waits.during(self.hosts.permits(&url)).await;
            let proxy = proxy_of(&url);
            let sent = self.client.get(url.clone()).headers(wanted.clone()).send().await;
            let verdict = judge(&Method::GET, sent.as_ref(), SystemTime::now());
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
        Err(Failure { verdict: Verdict::Done, why, lacks_files: false })
    }

    /// Reads a body and keeps nothing of it.
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

/// Why a body did not come to its end, whatever was done with it.
enum Broken {
    Body(reqwest::Error),
    Disk(String, io::Error),
    Again(String),
    Own(String),
}

impl From<DownloadError<reqwest::Error>> for Broken {
    fn from(error: DownloadError<reqwest::Error>) -> Self {
        let why = chain(&error);
        match error {
            DownloadError::Body(error) => Self::Body(error),
            DownloadError::Disk(error) => Self::Disk(why, error),
            DownloadError::TooLong(_) => Self::Own(why),
        }
    }
}

impl From<ResumeError> for Broken {
    fn from(error: ResumeError) -> Self {
        let why = chain(&error);
        match error {
            ResumeError::Body(error) => Self::Body(error),
            ResumeError::Disk(error) => Self::Disk(why, error),
            ResumeError::Misfit | ResumeError::Short(..) => Self::Again(why),
            ResumeError::TooLong(_) | ResumeError::Status(_) => Self::Own(why),
        }
    }
}

impl Failure {
    fn of_request(error: reqwest::Error, proxy: Option<String>, what: &str) -> Self {
        let verdict = judge(&Method::GET, Err(&error), SystemTime::now());
        let mut why = format!("{what}{}{}", chain(&error.without_url()), through(proxy));
        if why.contains("certificate") {
            why.push_str(&certificates_of_the_environment());
        }
        Self { verdict, lacks_files: lacks_files(&why), why }
    }

    fn of_disk(error: io::Error) -> Self {
        let why = format!("the file could not be written: {error}");
        Self { verdict: Verdict::Done, lacks_files: lacks_files(&why), why }
    }
}

fn through(proxy: Option<String>) -> String {
    proxy.map(|proxy| format!(" (through the proxy {proxy})")).unwrap_or_default()
}

/// What the system says when this process, or all together, have too many files open: EMFILE and ENFILE. tempfile's errors
/// have no other way to show their cause than their text.
fn lacks_files(why: &str) -> bool {
    cfg!(unix) && ["(os error 24)", "(os error 23)"].iter().any(|error| why.contains(error))
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

/// An error and its causes in one line, each said once: libraries repeat their causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !line.ends_with(&cause_text) {
            line.push_str(": ");
            line.push_str(&cause_text);
        }
        source = cause.source();
    }
    line
}
