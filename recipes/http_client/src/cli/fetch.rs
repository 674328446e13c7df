//! One URL, and what it came to.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_client::download::{DownloadError, download};
use http_client::retry::{Policy, Verdict, judge, retry};
use http_client::status::raise_for_status;
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::timeout;

use super::flags::FetchFlags;
use super::targets::file_name;

/// Everything that a fetch needs beside the URL. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: Client,
    policy: Policy,
    timeout: Duration,
    output: Option<Arc<Path>>,
    max_size: u64,
}

/// What came.
struct Fetched {
    status: StatusCode,
    size: u64,
    file: Option<String>,
}

/// Why nothing came, and whether it may the next time.
struct Failure {
    verdict: Verdict,
    why: String,
}

impl Fetcher {
    pub(crate) fn new(client: Client, flags: &FetchFlags) -> Self {
        let policy = Policy {
            retries: flags.retries,
            pause: Duration::from_millis(500),
            longest: flags.timeout,
            total: flags.timeout,
        };
        let output = flags.output.as_deref().map(Arc::from);
        Self { client, policy, timeout: flags.timeout, output, max_size: flags.max_size }
    }

    /// Fetches a URL, again if that is worth it, and says in one line what came of it, or why nothing did.
    #[tracing::instrument(name = "fetch", skip_all, fields(%url), ret(level = "debug"), err(level = "debug"))]
    pub(crate) async fn fetch(self, url: Url) -> Result<String, String> {
        let attempts = retry(
            self.policy,
            fastrand::f64,
            |outcome: &Result<Fetched, Failure>| {
                outcome.as_ref().map_or_else(|failure| failure.verdict, |_| Verdict::Done)
            },
            || self.attempt(&url),
        );
        match timeout(self.timeout, attempts).await {
            Ok(Ok(Fetched { status, size, file: None })) => Ok(format!("{status}, {size} bytes")),
            Ok(Ok(Fetched { status, size, file: Some(file) })) => {
                Ok(format!("{status}, {size} bytes in {file}"))
            }
            Ok(Err(failure)) => Err(failure.why),
            Err(_) => Err(format!("timed out after {:?}", self.timeout)),
        }
    }

    async fn attempt(&self, url: &Url) -> Result<Fetched, Failure> {
        let sent = self.client.get(url.clone()).send().await;
        let verdict = judge(&Method::GET, sent.as_ref(), SystemTime::now());
        let failure = |error: &dyn Error| Failure { verdict, why: chain(error) };
        let response = sent.map_err(|error| failure(&error.without_url()))?;
        let response = raise_for_status(response, 0).await.map_err(|error| failure(&error))?;
        let status = response.status();
        let name = self.output.as_ref().map(|folder| (folder, file_name(url)));
        let size = match &name {
            Some((folder, name)) => self.save(response, &folder.join(name)).await,
            None => self.count(response).await,
        };
        let size = size.map_err(|error| match error {
            DownloadError::Body(error) => {
                let verdict = judge(&Method::GET, Err(&error), SystemTime::now());
                Failure { verdict, why: format!("the body broke off: {}", chain(&error.without_url())) }
            }
            error => Failure { verdict: Verdict::Done, why: chain(&error) },
        })?;
        Ok(Fetched { status, size, file: name.map(|(_, name)| name) })
    }

    async fn save(&self, response: Response, path: &Path) -> Result<u64, DownloadError<reqwest::Error>> {
        if response.content_length().is_some_and(|length| length > self.max_size) {
            return Err(DownloadError::TooLong(self.max_size));
        }
        download(response.bytes_stream(), path, self.max_size).await
    }

    /// Reads a body and keeps nothing of it.
    async fn count(&self, mut response: Response) -> Result<u64, DownloadError<reqwest::Error>> {
        let mut size = 0;
        while let Some(chunk) = response.chunk().await.map_err(DownloadError::Body)? {
            size += chunk.len() as u64;
            if size > self.max_size {
                return Err(DownloadError::TooLong(self.max_size));
            }
        }
        Ok(size)
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
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
