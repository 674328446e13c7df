//! The same program as `demo.py`: pages from a server where much goes wrong, over one client.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use futures::future::join_all;
use reqwest::{Client, Method, Response, Url};
use tokio_tungstenite::connect_async;
use tracing::info;

use crate::client::{Timeouts, client, environment_proxies};
use crate::download::download;
use crate::json::json;
use crate::limits::{Limits, Page};
use crate::retry::{Policy, Verdict, retry_outcome};
use crate::retry_after::judge;
use crate::status::{StatusError, raise_for_status};
use crate::websocket::{Heartbeat, Lost};

const PAGES: [&str; 9] = [
    "/page/welcome",
    "/slow/headers/100",
    "/slow/body/200",
    "/redirect/3",
    "/busy/1/seconds/1",
    "/status/404",
    "/cut",
    "/garbage",
    "/hang",
];

/// Fetches from the server at `base`, as in `http://127.0.0.1:8080`.
///
/// # Errors
/// If the program itself fails. The failure of a page is a line of the output.
pub async fn run(base: &str) -> anyhow::Result<()> {
    let base = Url::parse(base)?;
    let timeouts = Timeouts { total: Some(Duration::from_secs(1)), ..Timeouts::default() };
    let client = client(environment_proxies(Client::builder().user_agent("cookbook")), timeouts)?;
    let four = NonZeroUsize::new(4).context("a limit of none")?;
    let limits = Limits::new(four, four);

    // Like asyncio.gather, join_all keeps the order of the list.
    let outcomes = join_all(PAGES.map(|page| fetch(&client, &limits, &base, page))).await;
    for (page, outcome) in PAGES.iter().zip(outcomes) {
        info!("{page}: {}", describe(outcome));
    }

    for page in ["/json", "/json/as/text/html"] {
        info!("{page}: {}", describe(name(&client, &base, page).await));
    }

    let folder = tempfile::tempdir()?;
    for (page, file) in [("/bytes/100000", "whole.bin"), ("/endless", "endless.bin"), ("/cut", "cut.bin")] {
        let outcome = save(&client, &base, page, &folder.path().join(file)).await;
        info!("{page} to {file}: {}", describe(outcome));
    }
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder.path())? {
        files.push(file?.file_name().to_string_lossy().into_owned());
    }
    info!("in the folder: {}", files.join(", "));

    for page in ["/websocket/goodbye", "/websocket/silent"] {
        info!("{page}: {}", describe(listen(&base, page).await));
    }
    Ok(())
}

/// Fetches one page, with three attempts at most.
#[tracing::instrument(name = "fetch", skip_all, fields(%page), ret(level = "debug"), err(level = "debug"))]
async fn fetch(client: &Client, limits: &Limits, base: &Url, page: &str) -> anyhow::Result<String> {
    let url = base.join(page)?;
    let second = Duration::from_secs(1);
    let policy = Policy { attempts: 3, pause: second, longest: second, total: 10 * second, random: || 1.0 };
    let attempt = || async { limits.send(client, client.get(url.clone()).build()?).await };
    let judge = |sent: &reqwest::Result<Page>| match sent.as_ref().map(Page::response) {
        // On this server, only "busy" passes; an error stays an error.
        Err(_) => Verdict::Final,
        response => judge(&Method::GET, response, SystemTime::now()).into(),
    };
    let page = retry_outcome(policy, attempt, judge, |_, _| {}).await?;
    page.read(|response| async {
        let response = raise_for_status(response, 1000).await?;
        let from = response.url().path().to_owned();
        Ok(format!("{} bytes from {from}", response.bytes().await?.len()))
    })
    .await
}

#[derive(serde::Deserialize)]
struct Project {
    name: String,
}

#[tracing::instrument(name = "json", skip_all, fields(%page), ret(level = "debug"), err(level = "debug"))]
async fn name(client: &Client, base: &Url, page: &str) -> anyhow::Result<String> {
    let response: Response = client.get(base.join(page)?).send().await?;
    let project: Project = json(response, 1000).await?;
    Ok(format!("the name is {}", project.name))
}

#[tracing::instrument(name = "save", skip_all, fields(%page), ret(level = "debug"), err(level = "debug"))]
async fn save(client: &Client, base: &Url, page: &str, file: &Path) -> anyhow::Result<String> {
    let response = raise_for_status(client.get(base.join(page)?).send().await?, 1000).await?;
    let size = download(response.bytes_stream(), file, 1_000_000).await?;
    Ok(format!("{size} bytes"))
}

#[tracing::instrument(name = "listen", skip_all, fields(%page), ret(level = "debug"), err(level = "debug"))]
async fn listen(base: &Url, page: &str) -> anyhow::Result<String> {
    let mut url = base.join(page)?;
    if url.set_scheme("ws").is_err() {
        bail!("{url} has no WebSocket");
    }
    let (socket, _response) = connect_async(url.as_str()).await?;
    let mut socket = Heartbeat::new(socket, Duration::from_millis(400));
    let mut heard = Vec::new();
    let ending = loop {
        match socket.next().await {
            Some(Ok(message)) => heard.push(message.into_text()?.to_string()),
            Some(Err(Lost::Silent)) => break "no answer to a ping",
            Some(Err(error)) => return Err(error.into()),
            None => break "closed",
        }
    };
    heard.push(ending.to_owned());
    Ok(heard.join(", "))
}

/// Describes an outcome in words that both programs share; their libraries use different ones.
fn describe(outcome: anyhow::Result<String>) -> String {
    let error = match outcome {
        Ok(text) => return text,
        Err(error) => error,
    };
    if let Some(status) = error.downcast_ref::<StatusError>() {
        return format!("failed, {}", status.status);
    }
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref::<reqwest::Error>()) {
        return match error {
            error if error.is_timeout() => "failed, timed out".to_owned(),
            error if error.is_request() => "failed, no valid answer".to_owned(),
            _ => "failed, the body broke off".to_owned(),
        };
    }
    format!("failed, {error}")
}
