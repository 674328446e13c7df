//! The command line: takes URLs and prints one line for each.

mod environment;
mod failure;
mod fetch;
mod flags;
mod hops;
mod report;
mod targets;
mod waits;

use std::collections::HashSet;
use std::future::ready;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use http_client::client::{Timeouts, client, environment_proxies};
use http_client::many::{Limits, Many};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

pub(crate) use self::flags::Flags;

use self::failure::chain;
use self::fetch::Fetcher;
use self::flags::FetchFlags;
use self::report::Report;
use self::targets::{digest, targets};

/// Fetches the URLs of the flags, prints one line for each, and returns 1 if one of them failed.
pub(crate) async fn fetch_all(flags: FetchFlags) -> anyhow::Result<ExitCode> {
    let trusted = flags.cacert.as_deref().map(certificates).transpose()?.unwrap_or_default();
    // The time limit of a URL includes its retries, so the client has no total of its own.
    let timeouts = Timeouts { total: None, connect: Some(Duration::from_secs(10)), read: None };
    let builder = || {
        let builder = Client::builder()
            .user_agent(concat!("http_client/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            // An idle connection holds a file descriptor that another URL may need.
            .pool_idle_timeout(Duration::from_secs(5))
            .tls_certs_merge(trusted.clone());
        environment_proxies(builder)
    };
    // Without the system's certificates (SSL_CERT_FILE may name none), http works and no https server is trusted.
    let client = client(builder(), timeouts)
        .or_else(|_| client(builder().tls_certs_only([]), timeouts))
        .map_err(|error| anyhow::anyhow!("cannot set up the client: {}", chain(&error)))?;
    if let Some(folder) = &flags.output {
        // Fails once, before the first request, instead of once per URL.
        std::fs::create_dir_all(folder)
            .and_then(|()| tempfile::tempfile_in(folder).map(drop))
            .with_context(|| format!("cannot write in {}", folder.display()))?;
    }

    let fetcher = Fetcher::new(client, &flags);
    let report = Report::new();
    let limits = Limits { all: flags.limit, per_host: flags.per_host, aside: 10_000 };
    let mut names = HashSet::new();
    let urls = targets(flags.urls, flags.from.as_deref())?.filter_map(|target| {
        let url = match target {
            // Two fetches of one URL would write to one file.
            Ok(url) if flags.output.is_some() && !names.insert(digest(&url)) => return ready(None),
            Ok(url) => Some(url),
            Err(wrong) => {
                report.expect();
                report.tell(&wrong.line, &Err(wrong.why));
                return ready(None);
            }
        };
        report.expect();
        ready(url)
    });
    let mut outcomes = Many::new(urls, limits, |url| {
        let fetcher = fetcher.clone();
        async move { (url.clone(), fetcher.fetch(url).await) }
    });
    while let Some((url, outcome)) = outcomes.next().await {
        report.tell(url.as_str(), &outcome);
    }
    Ok(if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads the certificates in a file.
fn certificates(file: &Path) -> anyhow::Result<Vec<Certificate>> {
    let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => anyhow::bail!("{} holds no certificate in PEM form", file.display()),
    }
}
