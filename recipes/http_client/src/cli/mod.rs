//! The command line: URLs in, one line for each of them out.

mod fetch;
mod flags;
mod report;
mod targets;

use std::future::ready;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use http_client::client::{Timeouts, client};
use http_client::many::{Limits, Many};
use reqwest::Certificate;

pub(crate) use self::flags::Flags;

use self::fetch::{Fetcher, chain};
use self::flags::FetchFlags;
use self::report::Report;
use self::targets::targets;

/// Fetches what the flags name, tells one line for each URL, and returns 1 if one of them failed.
pub(crate) async fn fetch_all(flags: FetchFlags) -> anyhow::Result<ExitCode> {
    let trusted = flags.cacert.as_deref().map(certificates).transpose()?;
    // The time of a URL is counted around its retries: the client needs no total of its own.
    let timeouts = Timeouts { total: None, connect: Some(Duration::from_secs(10)), read: None };
    let client = client(concat!("http_client/", env!("CARGO_PKG_VERSION")), timeouts, trusted.as_deref())
        .map_err(|error| anyhow::anyhow!("cannot set up the client: {}", chain(&error)))?;
    if let Some(folder) = &flags.output {
        // Better once, before the first request, than for each URL after it.
        std::fs::create_dir_all(folder)
            .and_then(|()| tempfile::tempfile_in(folder).map(drop))
            .with_context(|| format!("cannot write in {}", folder.display()))?;
    }

    let fetcher = Fetcher::new(client, &flags);
    let report = Report::new();
    let limits = Limits { all: flags.limit, per_host: flags.per_host, aside: 10_000 };
    let urls = targets(flags.urls, flags.from.as_deref())?.filter_map(|target| {
        report.expect();
        ready(target.map_err(|wrong| report.tell(&wrong.line, &Err(wrong.why))).ok())
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

/// The content of a file, which holds certificates.
fn certificates(file: &Path) -> anyhow::Result<Vec<u8>> {
    let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(pem),
        _ => anyhow::bail!("{} holds no certificate in PEM form", file.display()),
    }
}
