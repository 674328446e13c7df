//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use common::server::Server;
use http_client::client::environment_proxies;
use http_client::limits::RequestLimits;
use http_client::status::raise_for_status;
use reqwest::{Client, Method, Response};

use crate::work::{client, files};

/// aiohttp: a `ClientSession`. reqwest: a `Client`, with the time limits of a session.
#[tokio::test]
async fn one_client_for_the_program() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let base = server.url("");

    use http_client::client::{Timeouts, client};
    let timeouts = Timeouts { total: Some(Duration::from_secs(10)), ..Timeouts::default() };
    let builder = environment_proxies(Client::builder().user_agent("my-app/1.0"));
    let client = client(builder, timeouts)?;
    let page = client.get(format!("{base}/page/one")).send().await?.text().await?;

    assert_eq!(page, "page one\n");
    Ok(())
}

/// aiohttp: `raise_for_status`, whose error has no body. Here: `raise_for_status`, whose error has its beginning.
#[tokio::test]
async fn a_status_that_is_an_error() -> anyhow::Result<()> {
    let (server, client) = (Server::start().await?, client());
    let url = server.url("/status/404");

    let status = match raise_for_status(client.get(url).send().await?, 1_000).await {
        Ok(response) => response.status(),
        Err(error) => error.status, // and `error.body`, `error.headers`
    };

    assert_eq!(status, 404);
    Ok(())
}

/// aiohttp: `response.json()`, a dictionary. Here: `json`, into a type of your own.
#[tokio::test]
async fn json_into_a_type() -> anyhow::Result<()> {
    let (server, client) = (Server::start().await?, client());
    let url = server.url("/json");

    #[derive(serde::Deserialize)]
    struct Project {
        name: String,
    }
    let project: Project = http_client::json::json(client.get(url).send().await?, 1_000_000).await?;

    assert_eq!(project.name, "tokio");
    Ok(())
}

/// aiohttp: `TCPConnector(limit=2)`. Here: `RequestLimits`, whose response holds its permits until it is read.
#[tokio::test]
async fn two_requests_at_a_time() -> anyhow::Result<()> {
    let (server, client) = (Server::start().await?, client());
    let urls = ["/page/one", "/page/two", "/page/end"].map(|path| server.url(path));
    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    let limits = RequestLimits::new(TWO, TWO); // in all, and per host
    let pages = urls.iter().map(async |url| {
        let page = limits.send(&client, client.get(url).build()?).await?;
        page.read(Response::text).await
    });
    let pages = futures::future::try_join_all(pages).await?;

    assert_eq!(pages, ["page one\n", "page two\n", "page end\n"]);
    Ok(())
}

/// aiohttp: a loop that reads `Retry-After`. Here: `retry_outcome`, with the judge of `retry_after`.
#[tokio::test]
async fn ask_a_busy_server_again() -> anyhow::Result<()> {
    let (server, client) = (Server::start().await?, client());
    let url = server.url("/busy/2/seconds/0/pairs");

    use http_client::retry::{Policy, retry_outcome};
    use http_client::retry_after::judge;
    let attempt = || client.get(&url).send();
    let judge = |sent: &Result<_, _>| judge(&Method::GET, sent.as_ref(), SystemTime::now()).into();
    let response = retry_outcome(Policy::default(), attempt, judge, |_, _| {}).await?;

    assert_eq!(response.text().await?, "at last\n");
    Ok(())
}

/// aiohttp: `iter_chunked` into a file. Here: `download`, whose file has its name when it is whole.
#[tokio::test]
async fn a_body_into_a_file() -> anyhow::Result<()> {
    let (server, client) = (Server::start().await?, client());
    let (url, folder) = (server.url("/bytes/100000"), tempfile::tempdir()?);
    let file = folder.path().join("whole.bin");

    let response = client.get(url).send().await?;
    let size = http_client::download::download(response.bytes_stream(), &file, 1_000_000).await?;

    assert_eq!((size, files(folder.path())), (100_000, vec!["whole.bin".to_owned()]));
    Ok(())
}
