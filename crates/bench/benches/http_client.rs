//! What the ways of `recipes/http_client` cost a page: small, from a server on the same machine, without TLS.

use std::num::NonZeroUsize;
use std::thread;

use bench::{asyncio_at, measure, print_ratios};
use common::server::Server;
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use http_client::client::{Timeouts, client};
use http_client::{limits, many};
use reqwest::{Client, Url};
use tokio::runtime::Builder;

const PAGES: usize = 1_000;
const ROUNDS: usize = 11;
const HUNDRED: NonZeroUsize = NonZeroUsize::new(100).unwrap();
const SIZE: usize = "page welcome\n".len();

async fn fetch(client: &Client, url: Url) -> reqwest::Result<usize> {
    Ok(client.get(url).send().await?.bytes().await?.len())
}

fn main() -> anyhow::Result<()> {
    // The server has a thread of its own, for both sides; each client has one too.
    let serving = Builder::new_current_thread().enable_all().build()?;
    let server = serving.block_on(Server::start())?;
    let url = Url::parse(&server.url("/page/welcome"))?;
    thread::spawn(move || serving.block_on(std::future::pending::<()>()));

    let runtime = Builder::new_current_thread().enable_all().build()?;
    let one = client(Client::builder().user_agent("bench"), Timeouts::default())?;
    let urls = || (0..PAGES).map(|_| url.clone());
    let mut rows = vec![
        measure("one client, a hundred at a time (buffer_unordered)", PAGES, ROUNDS, || {
            let sizes = stream::iter(urls()).map(|url| fetch(&one, url)).buffer_unordered(HUNDRED.get());
            let sizes = runtime.block_on(sizes.collect::<Vec<_>>());
            assert_eq!(sizes.into_iter().flatten().sum::<usize>(), PAGES * SIZE);
        }),
        measure("limits", PAGES, ROUNDS, || {
            let limits = limits::RequestLimits::new(HUNDRED, HUNDRED);
            let page = async |url| {
                let page = limits.send(&one, one.get(url).build()?).await?;
                Ok::<_, reqwest::Error>(page.read(|page| page.bytes()).await?.len())
            };
            let sizes = runtime.block_on(join_all(urls().map(page)));
            assert_eq!(sizes.into_iter().flatten().sum::<usize>(), PAGES * SIZE);
        }),
        measure("many", PAGES, ROUNDS, || {
            let limits = many::FetchLimits { all: HUNDRED, per_host: HUNDRED, aside: 100 };
            let fetch = |url| {
                let one = one.clone();
                async move { fetch(&one, url).await }
            };
            let mut many = many::Many::new(stream::iter(urls()), limits, fetch);
            let mut size = 0;
            runtime.block_on(async {
                while let Some(page) = many.next().await {
                    size += page.unwrap_or_default();
                }
            });
            assert_eq!(size, PAGES * SIZE);
        }),
        measure("a client for each page", PAGES, ROUNDS, || {
            let page = async |url| {
                fetch(&client(Client::builder().user_agent("bench"), Timeouts::default())?, url).await
            };
            let sizes = stream::iter(urls()).map(page).buffer_unordered(HUNDRED.get());
            let sizes = runtime.block_on(sizes.collect::<Vec<_>>());
            assert_eq!(sizes.into_iter().flatten().sum::<usize>(), PAGES * SIZE);
        }),
    ];
    rows.extend(asyncio_at("http_client.py", url.as_str(), &[PAGES, ROUNDS])?);
    print_ratios("http_client", &rows);
    Ok(())
}
