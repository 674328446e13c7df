//! The flags of the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser};
use reqwest::Url;

/// Fetches pages over one client: from a server of its own, where much goes wrong, or from URLs of yours
///
/// Each URL has one line: its result, or why it failed. Success is a status from 200 to 299, after at most ten redirects. The
/// exit code is 1 if a URL failed, 2 for a wrong flag, and 130, 143 or 129 after Ctrl-C, SIGTERM or SIGHUP.
///
/// A password in a URL is shown as ***. The query of a URL is shown unchanged, secrets included.
///
/// A URL that is named twice is fetched twice; with --output, once.
///
/// The proxies of the environment (`http_proxy`, `https_proxy`, `all_proxy`, `NO_PROXY`) are used, except for this machine.
#[derive(Debug, Parser)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) fetch: FetchFlags,
    #[command(flatten)]
    pub(crate) show: common::Show,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").args(["urls", "from"]).multiple(true)))]
pub(crate) struct FetchFlags {
    /// URLs to fetch (http or https); without any, the demo runs
    #[arg(value_name = "URL", value_parser = http_url)]
    pub(crate) urls: Vec<Url>,
    /// Also read URLs from this file, one per line; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Requests under way at once
    #[arg(long, value_name = "N", default_value = "100", value_parser = at_least_one, requires = "what")]
    pub(crate) limit: NonZeroUsize,
    /// Requests under way at once to one host, redirects to it included
    #[arg(long, value_name = "N", default_value = "10", value_parser = at_least_one, requires = "what")]
    pub(crate) per_host: NonZeroUsize,
    /// How long a URL may take, with its redirects, its body and its retries; waiting for a permit of its host does not count
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds, requires = "what")]
    pub(crate) timeout: Duration,
    /// Attempts after the first, for failures that may pass. The pause grows from half a second; a longer Retry-After
    /// replaces it
    #[arg(long, value_name = "N", default_value = "2", requires = "what")]
    pub(crate) retries: u32,
    /// Save each body as a file in this folder; a file gets its name when it is complete. An older file of that name is
    /// replaced. A full disk, a failure or a signal leaves no part of a file
    #[arg(long, value_name = "DIR", requires = "what")]
    pub(crate) output: Option<PathBuf>,
    /// Keep the beginning of a body that breaks off, as NAME.part. The next run gets only the rest, if the server still
    /// has the same version (its `ETag`)
    #[arg(long, requires = "output")]
    pub(crate) resume: bool,
    /// Longest body to accept, in bytes
    #[arg(long, value_name = "BYTES", default_value = "1000000000", requires = "what")]
    pub(crate) max_size: u64,
    /// Trust the certificates in this file (PEM) as well as the system's
    #[arg(long, value_name = "FILE", requires = "what")]
    pub(crate) cacert: Option<PathBuf>,
}

impl FetchFlags {
    pub(crate) fn names_urls(&self) -> bool {
        self.from.is_some() || !self.urls.is_empty()
    }
}

/// A URL that this program can fetch.
pub(crate) fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error} (a URL begins with http:// or https://)"))?;
    only_http(url)
}

pub(crate) fn only_http(url: Url) -> Result<Url, String> {
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(format!("{scheme} is not supported, http and https are")),
    }
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "not a number of 1 or more")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("not a time above 0 that a clock can hold"),
    }
}
