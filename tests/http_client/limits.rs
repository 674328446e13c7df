//! Lessons of the pattern `limits`.

use std::pin::pin;

use common::server::Server;
use futures::future::join_all;
use futures::{FutureExt, poll};
use http_client::limits::{Limits, Page};
use reqwest::{Client, Request, Response, StatusCode, Url};

use crate::support::limit;
use crate::work::{client, get, url};

/// Behaviour N07. In both, a connection is in use until its body has been read.
#[tokio::test]
async fn a_page_keeps_its_permits_until_its_body_is_read() {
    let server = Server::start().await.unwrap();
    let limits = Limits::new(limit(2), limit(2));
    let page = limits.send(&client(), get(server.url("/hold/body/gate"))).await.unwrap();
    assert_eq!(page.response().status(), StatusCode::OK);
    assert_eq!(limits.free(), 1, "the headers are here, the body is under way");
    let mut reading = pin!(page.read(Response::text));
    assert!(poll!(&mut reading).is_pending());
    assert_eq!(limits.free(), 1);
    server.open("gate");
    assert_eq!(reading.await.unwrap(), "first half, second half\n");
    assert_eq!(limits.free(), 2);
}

/// The hazard: a permit that only covers `send` limits how many requests begin, not how many are under way.
#[tokio::test]
async fn but_a_permit_that_covers_send_alone_is_free_before_the_body() {
    async fn broken(limits: &Limits, client: &Client, request: Request) -> reqwest::Result<Response> {
        let _permits = limits.permits(request.url()).await;
        client.execute(request).await
    }
    let server = Server::start().await.unwrap();
    let limits = Limits::new(limit(1), limit(1));
    let (one, two) = (get(server.url("/hang/body")), get(server.url("/hang/body")));
    let _one = broken(&limits, &client(), one).await.unwrap();
    let _two = broken(&limits, &client(), two).await.unwrap();
    assert_eq!(server.counts().in_flight, 2, "with a limit of one");
}

/// Behaviour N07. aiohttp: `TCPConnector(limit=3)`. The server sees three at once and never more.
#[tokio::test]
async fn never_more_requests_are_under_way_than_the_limit() {
    let server = Server::start().await.unwrap();
    let (client, limits) = (client(), Limits::new(limit(3), limit(3)));
    let pages = join_all((0..12).map(|_| async {
        limits.send(&client, get(server.url("/hold/body/gate"))).await.unwrap().read(Response::text).await
    }));
    let open = async {
        server.until(|counts| counts.in_flight == 3).await;
        server.open("gate");
    };
    let (pages, ()) = tokio::join!(pages, open);
    assert!(pages.iter().all(Result::is_ok));
    assert_eq!((server.counts().requests, server.counts().peak), (12, 3));
}

/// aiohttp: `limit_per_host`; the host is scheme, name and port there too.
#[tokio::test]
async fn a_host_has_a_limit_of_its_own() {
    let (slow, quick) = (Server::start().await.unwrap(), Server::start().await.unwrap());
    let (client, limits) = (client(), Limits::new(limit(3), limit(2)));
    let one = |server: &Server, page| limits.send(&client, get(server.url(page))).boxed_local();
    let _first = one(&slow, "/hang/body").await.unwrap();
    let _second = one(&slow, "/hang/body").await.unwrap();
    let mut third = one(&slow, "/page/third");
    assert!(poll!(&mut third).is_pending());
    assert_eq!(limits.free(), 1, "who waits for a host holds nothing that others need");
    let other = one(&quick, "/page/other").await.unwrap();
    assert_eq!(other.read(Response::text).await.unwrap(), "page other\n");
    assert_eq!(slow.counts().requests, 2);
}

/// The order of the two permits matters: the broken form takes the global permit first, and starves every host.
#[tokio::test]
async fn but_the_global_permit_first_lets_one_slow_host_stop_all() {
    let limits = [Limits::new(limit(2), limit(2)), Limits::new(limit(2), limit(1))];
    let [all, hosts] = &limits;
    let (slow, quick) = (url("http://slow/"), url("http://quick/"));
    let broken = async |host: &Url| (all.permits(&url("http://all/")).await, hosts.permits(host).await);
    let _first = broken(&slow).await;
    let mut second = pin!(broken(&slow));
    assert!(poll!(&mut second).is_pending());
    assert!(broken(&quick).now_or_never().is_none(), "both global permits are with the slow host");

    let mended = Limits::new(limit(2), limit(1));
    let _first = mended.permits(&slow).await;
    let mut second = pin!(mended.permits(&slow));
    assert!(poll!(&mut second).is_pending());
    assert!(mended.permits(&quick).now_or_never().is_some());
}

/// Waiters are served FIFO, as in aiohttp.
#[tokio::test]
async fn who_came_first_is_served_first() {
    let limits = Limits::new(limit(1), limit(1));
    let host = url("http://host/");
    let held = limits.permits(&host).await;
    let (mut first, mut second) = (pin!(limits.permits(&host)), pin!(limits.permits(&host)));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    drop(held);
    assert!(poll!(&mut second).is_pending());
    assert!(poll!(&mut first).is_ready());
}

/// A request that fails returns its permits, and so does a page that is dropped unread.
#[tokio::test]
async fn a_failed_request_and_a_dropped_page_give_back_their_permits() {
    let server = Server::start().await.unwrap();
    let limits = Limits::new(limit(1), limit(1));
    limits.send(&client(), get(server.url("/close"))).await.unwrap_err();
    assert_eq!(limits.free(), 1);
    let page: Page = limits.send(&client(), get(server.url("/hang/body"))).await.unwrap();
    assert_eq!(limits.free(), 0);
    drop(page);
    assert_eq!(limits.free(), 1);
}

/// A crawl meets many hosts; each is forgotten when it has no request left.
#[tokio::test]
async fn many_hosts_do_not_fill_the_memory() {
    let limits = Limits::new(limit(10_000), limit(1));
    let known = || format!("{limits:?}").matches("\"http://host-").count();
    let host = |number: usize| url(format!("http://host-{number}/"));
    let held = join_all((0..1500).map(async |number| limits.permits(&host(number)).await)).await;
    assert_eq!(known(), 1500, "those that have requests under way are not forgotten");
    assert!(limits.permits(&host(0)).now_or_never().is_none(), "nor are their limits");
    drop(held);
    for number in 2000..3001 {
        drop(limits.permits(&host(number)).await);
    }
    assert_eq!(known(), 1001, "a thousand may stay, and one looks for those that need not");
    drop(limits.permits(&host(4000)).await);
    assert_eq!(known(), 1);
}
