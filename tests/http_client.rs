//! Lessons of `recipes/http_client`: what aiohttp's client promises, and what reqwest on Tokio does.
//!
//! The sockets are real, and so is their time. Nothing sleeps: the server holds an answer back until the lesson opens
//! a gate, and counts what it sees. Where a lesson is about a long time, it pauses the clock once both sides wait.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::error::Error;
use std::future::{Future, pending};
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cancel_sweep::{At, Outcome};
use common::server::Server;
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt, poll, stream};
use http_client::client::Timeouts;
use reqwest::{Client, Method, Request, Response, StatusCode, Url};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const DAY: Duration = seconds(24 * 60 * 60);

fn some(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn url(text: impl AsRef<str>) -> Url {
    Url::parse(text.as_ref()).unwrap()
}

/// The recipe's client. The machine's proxies have no part in a lesson.
fn client() -> Client {
    http_client::client::client("lesson", Timeouts::default(), None).unwrap()
}

fn get(address: impl AsRef<str>) -> Request {
    Request::new(Method::GET, url(address))
}

/// Every cause of an error, for a lesson that asks for one of them.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn files(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

/// A response whose body comes in two halves, a second each, with something that is held until its body is dropped.
/// There is no socket, so that it can be swept.
fn slow_response(status: u16, kind: &str, body: [&'static str; 2]) -> (Arc<()>, Response) {
    use tokio_tungstenite::tungstenite::http;
    let held = Arc::new(());
    let halves = stream::iter(body).zip(stream::repeat(Arc::clone(&held))).then(|(half, _held)| async move {
        sleep(seconds(1)).await;
        io::Result::Ok(Bytes::from_static(half.as_bytes()))
    });
    let response = http::Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(reqwest::Body::wrap_stream(halves))
        .unwrap();
    (held, response.into())
}

mod client {
    use super::*;

    /// Behaviour N01. aiohttp: one session keeps connections alive. reqwest: one client does.
    #[tokio::test]
    async fn two_requests_to_one_host_share_a_connection() {
        let server = Server::start().await.unwrap();
        let client = client();
        for page in ["/page/one", "/page/two"] {
            client.get(server.url(page)).send().await.unwrap().text().await.unwrap();
        }
        assert_eq!(server.counts().connections, 1);
    }

    /// The drawback of `reqwest::get` and `aiohttp.request` alike: a client for each request is a connection for each.
    #[tokio::test]
    async fn but_a_client_for_each_request_opens_a_connection_for_each() {
        let server = Server::start().await.unwrap();
        for page in ["/page/one", "/page/two"] {
            client().get(server.url(page)).send().await.unwrap().text().await.unwrap();
        }
        assert_eq!(server.counts().connections, 2);
    }

    /// In both, a connection in the middle of a body is of no use to the next request: dropping the response closes it.
    #[tokio::test]
    async fn a_body_that_is_not_read_to_its_end_costs_the_connection() {
        let server = Server::start().await.unwrap();
        let client = client();
        let response = client.get(server.url("/hang/body")).send().await.unwrap();
        drop(response);
        client.get(server.url("/page/next")).send().await.unwrap().text().await.unwrap();
        assert_eq!(server.counts().connections, 2);
        server.until(|counts| counts.closed == 1).await;
    }

    /// Behaviour N03. aiohttp: five minutes in all unless told otherwise. reqwest: no limit in time at all.
    #[tokio::test]
    async fn a_plain_reqwest_client_waits_for_ever() {
        let server = Server::start().await.unwrap();
        let plain = Client::new();
        plain.get(server.url("/page/warm-up")).send().await.unwrap().text().await.unwrap();
        tokio::time::pause();
        let answer = timeout(DAY, plain.get(server.url("/hang")).send()).await;
        assert!(answer.is_err(), "it is still waiting, a day later");
    }

    /// Behaviour N03. The recipe's client has aiohttp's five minutes.
    #[tokio::test]
    async fn the_total_timeout_covers_headers_that_never_come() {
        let server = Server::start().await.unwrap();
        let timeouts = Timeouts { read: None, ..Timeouts::default() };
        let client = http_client::client::client("lesson", timeouts, None).unwrap();
        client.get(server.url("/page/warm-up")).send().await.unwrap().text().await.unwrap();
        tokio::time::pause();
        let begin = Instant::now();
        let error = client.get(server.url("/hang")).send().await.unwrap_err();
        assert!(error.is_timeout());
        // A clock that was stopped within a millisecond goes on in whole ones.
        assert_eq!(begin.elapsed().as_secs(), 300);
    }

    /// Behaviour N03. In both, the total goes on counting in the body, and the connection is not used again.
    #[tokio::test]
    async fn the_total_timeout_covers_a_body_that_never_ends() {
        let server = Server::start().await.unwrap();
        let timeouts = Timeouts { read: None, ..Timeouts::default() };
        let client = http_client::client::client("lesson", timeouts, None).unwrap();
        let mut response = client.get(server.url("/hang/body")).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "first half, ");
        tokio::time::pause();
        let error = response.chunk().await.unwrap_err();
        assert!(error.is_timeout());
        drop(response);
        tokio::time::resume();
        client.get(server.url("/page/next")).send().await.unwrap().text().await.unwrap();
        assert_eq!(server.counts().connections, 2);
    }

    /// aiohttp's `sock_read`, reqwest's `read_timeout`: silence, not slowness. It starts anew with each chunk.
    #[tokio::test]
    async fn the_read_timeout_counts_from_the_last_chunk() {
        let server = Server::start().await.unwrap();
        let timeouts = Timeouts { total: None, ..Timeouts::default() };
        let client = http_client::client::client("lesson", timeouts, None).unwrap();
        let mut response = client.get(server.url("/hang/body")).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "first half, ");
        tokio::time::pause();
        let begin = Instant::now();
        let error = response.chunk().await.unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(begin.elapsed().as_secs(), 30);
    }

    /// aiohttp: `ClientConnectorError`, with the cause in its text. reqwest: the cause is in the chain of sources.
    #[tokio::test]
    async fn a_refused_connection_names_its_cause_at_the_end_of_the_chain() {
        let server = Server::start().await.unwrap();
        let address = server.url("/page/gone");
        server.stop().await;
        let error = client().get(address).send().await.unwrap_err();
        assert!(error.is_connect());
        assert!(!error.to_string().contains("refused"), "the error alone does not tell");
        assert!(causes(&error).contains("Connection refused"), "{}", causes(&error));
    }

    /// Behaviour N08. aiohttp's `max_redirects=10` gives up at the tenth hop, reqwest's `limited(10)` at the eleventh.
    #[tokio::test]
    async fn ten_redirects_are_followed_and_not_eleven() {
        let server = Server::start().await.unwrap();
        let ten = client().get(server.url("/redirect/10")).send().await.unwrap();
        assert_eq!(ten.url().path(), "/page/end");
        let eleven = client().get(server.url("/redirect/11")).send().await.unwrap_err();
        assert!(eleven.is_redirect());
        let endless = client().get(server.url("/redirect/loop")).send().await.unwrap_err();
        assert!(endless.is_redirect());
        assert_eq!(server.requests_to("/redirect/loop"), 11);
    }

    /// Behaviour N08. In both, another port is another host, and secrets are not for it.
    #[tokio::test]
    async fn secrets_are_dropped_on_the_way_to_another_host() {
        let (here, there) = (Server::start().await.unwrap(), Server::start().await.unwrap());
        let echo_of = async |target: &Server| {
            let address = here.url(&format!("/redirect/to/302?{}", target.url("/echo")));
            let request =
                client().get(address).bearer_auth("secret").header("cookie", "a=b").header("x-other", "c");
            request.send().await.unwrap().text().await.unwrap()
        };
        let kept = echo_of(&here).await;
        assert!(kept.contains("authorization: Bearer secret") && kept.contains("cookie: a=b"), "{kept}");
        let dropped = echo_of(&there).await;
        assert!(!dropped.contains("secret") && !dropped.contains("cookie"), "{dropped}");
        assert!(dropped.contains("x-other: c"), "a header of your own is no secret to reqwest: {dropped}");
    }

    /// Behaviour N08. In both, 307 and 308 repeat the request, 301 to 303 make a GET of a POST.
    #[tokio::test]
    async fn only_307_and_308_keep_the_method_and_the_body() {
        let server = Server::start().await.unwrap();
        for (status, first_line, body) in [
            (301, "GET", ""),
            (302, "GET", ""),
            (303, "GET", ""),
            (307, "POST", "hello"),
            (308, "POST", "hello"),
        ] {
            let address = server.url(&format!("/redirect/to/{status}?/echo"));
            let echo = client().post(address).body("hello").send().await.unwrap().text().await.unwrap();
            assert_eq!(echo.lines().next(), Some(first_line), "{status}");
            assert!(echo.ends_with(&format!("\n\n{body}")), "{status}: {echo}");
        }
    }

    /// aiohttp: `ClientSession(headers={"User-Agent": ...})`. reqwest sends no user agent unless told.
    #[tokio::test]
    async fn the_user_agent_is_the_one_that_was_given() {
        let server = Server::start().await.unwrap();
        let echo = client().get(server.url("/echo")).send().await.unwrap().text().await.unwrap();
        assert!(echo.contains("user-agent: lesson"));
        let plain = Client::new().get(server.url("/echo")).send().await.unwrap().text().await.unwrap();
        assert!(!plain.contains("user-agent"));
    }

    /// A file that holds no certificate is told when the client is made, not at the first request.
    #[test]
    fn a_certificate_that_is_none_is_an_error_at_once() {
        let nonsense = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(http_client::client::client("lesson", Timeouts::default(), Some(nonsense)).is_err());
    }
}

mod limits {
    use super::*;
    use http_client::limits::{Limits, Page};

    /// Behaviour N07. In both, a connection is in use until its body has been read.
    #[tokio::test]
    async fn a_page_keeps_its_permits_until_its_body_is_read() {
        let server = Server::start().await.unwrap();
        let limits = Limits::new(some(2), some(2));
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
        let limits = Limits::new(some(1), some(1));
        let (one, two) = (get(server.url("/hang/body")), get(server.url("/hang/body")));
        let _one = broken(&limits, &client(), one).await.unwrap();
        let _two = broken(&limits, &client(), two).await.unwrap();
        assert_eq!(server.counts().in_flight, 2, "with a limit of one");
    }

    /// Behaviour N07. aiohttp: `TCPConnector(limit=3)`. The server sees three at once and never more.
    #[tokio::test]
    async fn never_more_requests_are_under_way_than_the_limit() {
        let server = Server::start().await.unwrap();
        let (client, limits) = (client(), Limits::new(some(3), some(3)));
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
        let (client, limits) = (client(), Limits::new(some(3), some(2)));
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

    /// The order of the two permits matters: the broken form takes the global one first, and starves everybody.
    #[tokio::test]
    async fn but_the_global_permit_first_lets_one_slow_host_stop_all() {
        let limits = [Limits::new(some(2), some(2)), Limits::new(some(2), some(1))];
        let [all, hosts] = &limits;
        let (slow, quick) = (url("http://slow/"), url("http://quick/"));
        let broken = async |host: &Url| (all.permits(&url("http://all/")).await, hosts.permits(host).await);
        let _first = broken(&slow).await;
        let mut second = pin!(broken(&slow));
        assert!(poll!(&mut second).is_pending());
        assert!(broken(&quick).now_or_never().is_none(), "both global permits are with the slow host");

        let mended = Limits::new(some(2), some(1));
        let _first = mended.permits(&slow).await;
        let mut second = pin!(mended.permits(&slow));
        assert!(poll!(&mut second).is_pending());
        assert!(mended.permits(&quick).now_or_never().is_some());
    }

    /// Waiters are served in the order they came, as aiohttp's are.
    #[tokio::test]
    async fn who_came_first_is_served_first() {
        let limits = Limits::new(some(1), some(1));
        let host = url("http://host/");
        let held = limits.permits(&host).await;
        let (mut first, mut second) = (pin!(limits.permits(&host)), pin!(limits.permits(&host)));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        drop(held);
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut first).is_ready());
    }

    /// Behaviour N07: a cancelled waiter leaks nothing, wherever it stands.
    #[test]
    fn a_request_cancelled_anywhere_gives_back_its_permits() {
        cancel_sweep::sweep_with(
            || {
                let limits = Limits::new(some(1), some(1));
                let ours = limits.clone();
                let work = async move {
                    let (one, other) = (url("http://one/"), url("http://other/"));
                    let busy = ours.permits(&one).await;
                    tokio::spawn(async move {
                        sleep(seconds(1)).await;
                        drop(busy);
                    });
                    let waits_for_all = ours.permits(&other).await;
                    tokio::spawn(async move {
                        sleep(seconds(1)).await;
                        drop(waits_for_all);
                    });
                    let _waits_for_both = ours.permits(&other).await;
                    sleep(seconds(1)).await;
                };
                (limits, work)
            },
            |limits, _outcome| {
                assert_eq!(limits.free(), 1);
                for host in ["http://one/", "http://other/"] {
                    assert!(limits.permits(&url(host)).now_or_never().is_some(), "{host} is free");
                }
            },
        );
    }

    /// A request that fails gives back its permits, and so does a page that is dropped unread.
    #[tokio::test]
    async fn a_failed_request_and_a_dropped_page_give_back_their_permits() {
        let server = Server::start().await.unwrap();
        let limits = Limits::new(some(1), some(1));
        limits.send(&client(), get(server.url("/close"))).await.unwrap_err();
        assert_eq!(limits.free(), 1);
        let page: Page = limits.send(&client(), get(server.url("/hang/body"))).await.unwrap();
        assert_eq!(limits.free(), 0);
        drop(page);
        assert_eq!(limits.free(), 1);
    }

    /// A crawl meets many hosts; each is forgotten when nobody asks for it.
    #[tokio::test]
    async fn many_hosts_do_not_fill_the_memory() {
        let limits = Limits::new(some(10_000), some(1));
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
}

mod many {
    use super::*;
    use http_client::many::{Limits, Many};

    const LIMITS: Limits = Limits { all: some_const(3), per_host: some_const(1), aside: 100 };

    const fn some_const(number: usize) -> NonZeroUsize {
        match NonZeroUsize::new(number) {
            Some(number) => number,
            None => panic!("a limit is not zero"),
        }
    }

    fn urls(hosts: &'static [&'static str]) -> impl futures::Stream<Item = Url> + Unpin {
        stream::iter(hosts.iter().enumerate().map(|(index, host)| url(format!("http://{host}/{index}"))))
    }

    async fn all<S, F, T, O>(mut many: Many<S, F, T>) -> Vec<T>
    where
        S: futures::Stream<Item = Url> + Unpin,
        F: Fn(Url) -> O,
        O: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let mut outcomes = Vec::new();
        while let Some(outcome) = many.next().await {
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Takes a second on the host `slow`, 10 ms elsewhere.
    async fn fetch(url: Url) -> String {
        sleep(if url.host_str() == Some("slow") { seconds(1) } else { Duration::from_millis(10) }).await;
        format!("{}{}", url.host_str().unwrap(), url.path())
    }

    /// None, one, a thousand: as many outcomes as URLs.
    #[tokio::test(start_paused = true)]
    async fn each_url_has_exactly_one_outcome() {
        for number in [0, 1, 1000] {
            let addresses = (0..number).map(|index| url(format!("http://host-{}/{index}", index % 7)));
            let mut outcomes = all(Many::new(stream::iter(addresses.clone()), LIMITS, fetch)).await;
            let mut expected: Vec<String> = join_all(addresses.map(fetch)).await;
            outcomes.sort();
            expected.sort();
            assert_eq!(outcomes, expected);
        }
    }

    /// aiohttp: tasks that wait for the slow host's connections do not hold the connector's. Here they are not even tasks.
    #[tokio::test(start_paused = true)]
    async fn a_slow_host_does_not_hold_up_the_others() {
        let hosts = &["slow", "slow", "slow", "slow", "one", "two", "one", "two"];
        let begin = Instant::now();
        let mut many = Many::new(urls(hosts), LIMITS, fetch);
        let mut quick = Vec::new();
        for _ in 0..4 {
            quick.push(many.next().await.unwrap());
        }
        assert_eq!(quick, ["one/4", "two/5", "one/6", "two/7"]);
        assert_eq!(begin.elapsed(), Duration::from_millis(20));
        assert_eq!(all(many).await, ["slow/0", "slow/1", "slow/2", "slow/3"]);
        assert_eq!(begin.elapsed(), seconds(4));
    }

    /// The hazard: as many tasks as the limit, each of which waits for its host inside, are soon all with one host.
    #[tokio::test(start_paused = true)]
    async fn but_waiting_for_the_host_inside_the_task_holds_up_all() {
        let hosts = &["slow", "slow", "slow", "slow", "one", "two", "one", "two"];
        let begin = Instant::now();
        let limits = http_client::limits::Limits::new(some(3), some(1));
        let mut outcomes = urls(hosts)
            .map(|url| async {
                let _permits = limits.permits(&url).await;
                fetch(url).await
            })
            .buffer_unordered(3);
        while !outcomes.next().await.unwrap().starts_with("one") {}
        assert_eq!(begin.elapsed(), Duration::from_millis(2010), "two of the slow host came first");
    }

    /// A host never has more under way than its limit, and all together never more than theirs.
    #[tokio::test(start_paused = true)]
    async fn the_limits_hold_at_every_moment() {
        static ALL: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
        static HOST: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
        fn enter([now, peak]: &[AtomicUsize; 2]) {
            peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        }
        let limits = Limits { all: some(5), per_host: some(2), aside: 100 };
        let addresses = (0..200).map(|index| url(format!("http://host-{}/{}", index % 3, index % 13)));
        let outcomes = all(Many::new(stream::iter(addresses), limits, |url| async move {
            let is_watched = url.host_str() == Some("host-2");
            enter(&ALL);
            if is_watched {
                enter(&HOST);
            }
            let milliseconds: u64 = url.path()[1..].parse().unwrap();
            sleep(Duration::from_millis(10 * milliseconds)).await;
            ALL[0].fetch_sub(1, SeqCst);
            if is_watched {
                HOST[0].fetch_sub(1, SeqCst);
            }
        }))
        .await;
        assert_eq!(outcomes.len(), 200);
        assert_eq!((ALL[1].load(SeqCst), HOST[1].load(SeqCst)), (5, 2));
    }

    /// `gather` makes a task for every URL before the first request. Here the list is taken as it is needed, so that its
    /// length costs nothing.
    #[tokio::test(start_paused = true)]
    async fn the_list_is_taken_only_as_far_as_it_is_needed() {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let endless = (0..).map(move |index| {
            counter.fetch_add(1, SeqCst);
            url(format!("http://host-{index}/"))
        });
        let mut many = Many::new(stream::iter(endless), LIMITS, fetch);
        assert_eq!(taken.load(SeqCst), 0);
        many.next().await.unwrap();
        assert_eq!(taken.load(SeqCst), 3);
        many.next().await.unwrap();
        sleep(DAY).await;
        assert_eq!(taken.load(SeqCst), 3, "nobody asked for more: nothing new begins");
    }

    /// The price of looking past a slow host is bounded: with so many URLs aside, the list waits for it.
    #[tokio::test(start_paused = true)]
    async fn not_more_urls_are_put_aside_than_allowed() {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let endless = (0..).map(move |index| {
            counter.fetch_add(1, SeqCst);
            url(format!("http://slow/{index}"))
        });
        let mut many = Many::new(stream::iter(endless), LIMITS, fetch);
        assert_eq!(many.next().await.unwrap(), "slow/0");
        assert_eq!(taken.load(SeqCst), 1 + LIMITS.aside);
        assert_eq!(many.next().await.unwrap(), "slow/1");
        assert_eq!(taken.load(SeqCst), 2 + LIMITS.aside);
    }

    /// `next` in a `select!` loses no outcome: whichever await it is dropped at, the next call has it.
    #[test]
    fn next_cancelled_anywhere_loses_no_outcome() {
        cancel_sweep::sweep_with(
            || {
                let many = Many::new(urls(&["slow", "one", "two"]), LIMITS, fetch);
                let shared = Arc::new(tokio::sync::Mutex::new((many, Vec::new())));
                let ours = Arc::clone(&shared);
                let work = async move {
                    let mut shared = ours.lock().await;
                    while let Some(outcome) = shared.0.next().await {
                        shared.1.push(outcome);
                    }
                };
                (shared, work)
            },
            |shared, outcome| {
                if matches!(outcome, Outcome::Cancelled(At { suspension: 0, .. })) {
                    return; // nothing had begun
                }
                // The runtime has settled: what had begun is done, and has only to be asked for.
                let mut shared = shared.try_lock().unwrap();
                while let Some(Some(outcome)) = shared.0.next().now_or_never() {
                    shared.1.push(outcome);
                }
                assert_eq!(shared.1, ["one/1", "two/2", "slow/0"]);
            },
        );
    }

    /// `gather` raises what a task raised. A panic is raised where the outcome is asked for.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_a_fetch_is_one_of_next() {
        let mut many = Many::new(urls(&["one", "bad"]), LIMITS, |url| async move {
            assert!(url.host_str() != Some("bad"), "a bad host");
            fetch(url).await
        });
        let payload = std::panic::AssertUnwindSafe(many.next()).catch_unwind().await.unwrap_err();
        assert_eq!(*payload.downcast_ref::<&str>().unwrap(), "a bad host");
        assert_eq!(many.next().await.unwrap(), "one/0", "the others go on");
    }

    /// A host is free again when its fetch has panicked, in its first poll or before it.
    #[tokio::test(start_paused = true)]
    async fn after_a_panic_the_host_has_its_next_turn() {
        let hosts = &["slow", "slow", "slow"];
        let mut many = Many::new(urls(hosts), LIMITS, |url| {
            assert!(url.path() != "/0", "before it");
            async move {
                assert!(url.path() != "/1", "in it");
                fetch(url).await
            }
        });
        for panic in ["before it", "in it"] {
            let payload = std::panic::AssertUnwindSafe(many.next()).catch_unwind().await.unwrap_err();
            assert_eq!(*payload.downcast_ref::<&str>().unwrap(), panic);
        }
        assert_eq!(all(many).await, ["slow/2"]);
    }

    /// Two at once to one host, five URLs: each one that ends makes room for one.
    #[tokio::test(start_paused = true)]
    async fn a_host_has_room_again_when_a_fetch_has_ended() {
        let limits = Limits { all: some(2), per_host: some(2), aside: 100 };
        let begin = Instant::now();
        let outcomes = all(Many::new(urls(&["slow"; 5]), limits, fetch)).await;
        assert_eq!(outcomes, ["slow/0", "slow/1", "slow/2", "slow/3", "slow/4"]);
        assert_eq!(begin.elapsed(), seconds(3));
    }

    /// A list of many hosts: one is forgotten when its last URL is done.
    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_done_takes_no_memory() {
        let fetch: fn(Url) -> BoxFuture<'static, String> = |url| fetch(url).boxed();
        let addresses: Vec<_> = (0..100).map(|index| url(format!("http://host-{index}/"))).collect();
        let mut many = Many::new(stream::iter(addresses), LIMITS, fetch);
        let mut most = 0;
        while many.next().await.is_some() {
            most = most.max(format!("{many:?}").matches("\"http://host-").count());
        }
        assert_eq!(most, 2, "those under way, of three at once, when one has ended");
    }

    /// asyncio's tasks live on when the loop over them is left. Here, dropping the loop's source ends them.
    #[tokio::test(start_paused = true)]
    async fn dropping_it_aborts_what_is_under_way() {
        let mut many = Many::new(urls(&["one", "two", "slow"]), LIMITS, fetch);
        many.next().await.unwrap();
        drop(many);
        yield_now().await;
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    }
}

mod retry {
    use super::*;
    use http_client::retry::{Policy, Verdict, judge, retry, retry_after};

    const POLICY: Policy =
        Policy { retries: 3, pause: seconds(1), longest: seconds(60), total: seconds(300) };

    /// Runs `retry` over outcomes that are what they are judged as; says when each attempt began, and what came last.
    async fn attempts(policy: Policy, random: f64, outcomes: &[Verdict]) -> (Vec<Duration>, Verdict) {
        let begin = Instant::now();
        let mut began = Vec::new();
        let last = retry(
            policy,
            || random,
            |outcome| *outcome,
            || {
                began.push(begin.elapsed());
                std::future::ready(outcomes[began.len() - 1])
            },
        )
        .await;
        assert_eq!(begin.elapsed(), *began.last().unwrap(), "no pause after the last attempt");
        (began, last)
    }

    /// The pause doubles, up to the longest one.
    #[tokio::test(start_paused = true)]
    async fn the_pause_doubles_and_has_a_longest() {
        let policy = Policy { retries: 5, longest: seconds(4), ..POLICY };
        let (began, last) = attempts(policy, 1.0, &[Verdict::Again; 6]).await;
        assert_eq!(began, [0, 1, 3, 7, 11, 15].map(seconds));
        assert_eq!(last, Verdict::Again, "the last outcome is handed back as it is");
    }

    /// Clients that failed together come back at different times: between half of the pause and all of it.
    #[tokio::test(start_paused = true)]
    async fn chance_shortens_a_pause_by_half_at_most() {
        let (began, _) = attempts(POLICY, 0.0, &[Verdict::Again; 4]).await;
        assert_eq!(began, [0, 500, 1500, 3500].map(Duration::from_millis));
    }

    /// A success is final, and so is a failure that would be the same again.
    #[tokio::test(start_paused = true)]
    async fn what_is_done_is_not_tried_again() {
        let (began, _) = attempts(POLICY, 1.0, &[Verdict::Again, Verdict::Done]).await;
        assert_eq!(began, [0, 1].map(seconds));
        let (began, _) = attempts(Policy { retries: 0, ..POLICY }, 1.0, &[Verdict::Again]).await;
        assert_eq!(began, [seconds(0)]);
    }

    /// `Retry-After` takes the place of the back-off, without chance: the server knows better.
    #[tokio::test(start_paused = true)]
    async fn the_servers_pause_is_kept_exactly() {
        let (began, _) = attempts(POLICY, 0.0, &[Verdict::After(seconds(7)), Verdict::Done]).await;
        assert_eq!(began, [0, 7].map(seconds));
    }

    /// An hour is longer than anybody waits. To come back sooner than asked would be worse than to give up.
    #[tokio::test(start_paused = true)]
    async fn a_pause_beyond_the_longest_ends_the_attempts() {
        let policy = Policy { total: DAY, ..POLICY };
        let (began, last) = attempts(policy, 0.0, &[Verdict::After(seconds(3600)), Verdict::Done]).await;
        assert_eq!((began, last), (vec![seconds(0)], Verdict::After(seconds(3600))));
        let (began, _) = attempts(policy, 0.0, &[Verdict::After(policy.longest), Verdict::Done]).await;
        assert_eq!(began, [seconds(0), policy.longest]);
    }

    /// A pause that would end after the total is not begun: the answer is known now.
    #[tokio::test(start_paused = true)]
    async fn no_pause_goes_beyond_the_total() {
        let policy = Policy { retries: 9, total: seconds(6), ..POLICY };
        let (began, _) = attempts(policy, 1.0, &[Verdict::Again; 9]).await;
        assert_eq!(began, [0, 1, 3].map(seconds));
        let exactly = Policy { total: seconds(7), ..policy };
        let (began, _) = attempts(exactly, 1.0, &[Verdict::Again; 9]).await;
        assert_eq!(began, [0, 1, 3, 7].map(seconds));
    }

    /// Even limits without an end do not overflow.
    #[tokio::test(start_paused = true)]
    async fn limits_may_be_as_long_as_a_duration_can_be() {
        let policy = Policy { retries: 1, pause: Duration::MAX, longest: Duration::MAX, total: DAY };
        let (began, _) = attempts(policy, 1.0, &[Verdict::Again]).await;
        assert_eq!(began.len(), 1);
    }

    /// A 503 in hand during the pause would keep its connection from the others, and its permit.
    #[tokio::test(start_paused = true)]
    async fn an_outcome_is_dropped_before_the_pause() {
        let permits = Arc::new(tokio::sync::Semaphore::new(1));
        let held = || async { Arc::clone(&permits).acquire_owned().await.unwrap() };
        let policy = Policy { retries: 1, ..POLICY };
        let mut work = pin!(retry(policy, || 1.0, |_| Verdict::Again, held));
        assert!(poll!(&mut work).is_pending());
        assert_eq!(permits.available_permits(), 1);
        drop(work.await);
    }

    /// Wherever it is dropped, the attempt under way is dropped with it and no other begins.
    #[test]
    fn cancelled_anywhere_it_leaves_nothing_behind() {
        cancel_sweep::sweep_with(
            || {
                let permits = Arc::new(tokio::sync::Semaphore::new(1));
                let ours = Arc::clone(&permits);
                let work = async move {
                    let attempt = || async {
                        let permit = Arc::clone(&ours).acquire_owned().await.unwrap();
                        sleep(seconds(1)).await;
                        permit
                    };
                    drop(retry(POLICY, || 1.0, |_| Verdict::Again, attempt).await);
                };
                (permits, work)
            },
            |permits, _outcome| assert_eq!(permits.available_permits(), 1),
        );
    }

    async fn verdict(method: Method, client: &Client, server: &Server, path: &str) -> Verdict {
        let outcome = client.request(method.clone(), server.url(path)).send().await;
        judge(&method, outcome.as_ref(), SystemTime::now())
    }

    /// Only what may be different the next time, and only for a method that may be repeated.
    #[tokio::test]
    async fn only_passing_failures_of_idempotent_methods_are_worth_it() {
        let (server, client) = (Server::start().await.unwrap(), client());
        for status in [408, 429, 500, 502, 503, 504] {
            let path = format!("/status/{status}");
            assert_eq!(verdict(Method::GET, &client, &server, &path).await, Verdict::Again, "{path}");
            assert_eq!(verdict(Method::PUT, &client, &server, &path).await, Verdict::Again, "{path}");
            assert_eq!(verdict(Method::POST, &client, &server, &path).await, Verdict::Done, "{path}");
        }
        for status in [200, 400, 401, 403, 404, 410, 501] {
            assert_eq!(
                verdict(Method::GET, &client, &server, &format!("/status/{status}")).await,
                Verdict::Done,
                "{status}"
            );
        }
        assert_eq!(verdict(Method::GET, &client, &server, "/close").await, Verdict::Again);
        assert_eq!(
            verdict(Method::POST, &client, &server, "/close").await,
            Verdict::Done,
            "it may have been done"
        );
        assert_eq!(verdict(Method::GET, &client, &server, "/redirect/loop").await, Verdict::Done);
        // What is wrong with TLS is wrong the next time: a certificate, or a server that does not speak it.
        let without_tls = client.get(server.url("/page/one").replace("http:", "https:")).send().await;
        assert_eq!(judge(&Method::GET, without_tls.as_ref(), SystemTime::now()), Verdict::Done);
        let gone = server.url("/page/gone");
        server.stop().await;
        let refused = client.get(gone).send().await;
        assert_eq!(judge(&Method::GET, refused.as_ref(), SystemTime::now()), Verdict::Again);
    }

    /// A body that breaks off is worth another attempt too, if the attempt includes the body.
    #[tokio::test]
    async fn a_body_that_breaks_off_is_worth_another_attempt() {
        let server = Server::start().await.unwrap();
        for path in ["/cut", "/cut/chunked"] {
            let error = client().get(server.url(path)).send().await.unwrap().bytes().await.unwrap_err();
            assert_eq!(judge(&Method::GET, Err(&error), SystemTime::now()), Verdict::Again, "{path}");
        }
    }

    /// Both forms of the header: seconds, and a date, which is no pause when it is past.
    #[tokio::test]
    async fn retry_after_is_seconds_or_a_date() {
        let server = Server::start().await.unwrap();
        let busy = client().get(server.url("/busy/1/seconds/7/a")).send().await.unwrap();
        assert_eq!(retry_after(&busy, SystemTime::now()), Some(seconds(7)));

        let busy = client().get(server.url("/busy/1/date/3600/b")).send().await.unwrap();
        let date = busy.headers()["retry-after"].to_str().unwrap();
        let date = httpdate::parse_http_date(date).unwrap();
        assert_eq!(retry_after(&busy, date - seconds(90)), Some(seconds(90)));
        assert_eq!(retry_after(&busy, date + seconds(90)), Some(seconds(0)));

        let none = client().get(server.url("/status/503")).send().await.unwrap();
        assert_eq!(retry_after(&none, SystemTime::now()), None);
    }

    /// All of it together: two refusals with `Retry-After: 0`, then the page.
    #[tokio::test]
    async fn a_busy_server_gives_the_page_in_the_end() {
        let server = Server::start().await.unwrap();
        let (client, address) = (client(), server.url("/busy/2/seconds/0/c"));
        let outcome = retry(
            POLICY,
            || 1.0,
            |sent: &reqwest::Result<Response>| judge(&Method::GET, sent.as_ref(), SystemTime::now()),
            || client.get(&address).send(),
        )
        .await;
        assert_eq!(outcome.unwrap().text().await.unwrap(), "at last\n");
        assert_eq!(server.requests_to("/busy/2/seconds/0/c"), 3);
    }
}

mod status {
    use super::*;
    use http_client::status::raise_for_status;

    /// Behaviour N04. aiohttp: `ClientSession(raise_for_status=True)` raises for every request. reqwest: never by itself.
    #[tokio::test]
    async fn a_404_is_a_page_unless_somebody_asks() {
        let server = Server::start().await.unwrap();
        let response = client().get(server.url("/status/404")).send().await.unwrap();
        assert_eq!(response.status(), 404);
        assert!(raise_for_status(response, 0).await.is_err());
        let found = client().get(server.url("/page/here")).send().await.unwrap();
        assert_eq!(raise_for_status(found, 0).await.unwrap().text().await.unwrap(), "page here\n");
    }

    /// aiohttp's error and `error_for_status` lose the body, which is where the server says what is wrong.
    #[tokio::test]
    async fn the_error_keeps_the_beginning_of_the_body() {
        let server = Server::start().await.unwrap();
        let response = client().get(server.url("/status/404")).send().await.unwrap();
        let error = raise_for_status(response, 7).await.unwrap_err();
        assert_eq!((error.status.as_u16(), error.body.as_str()), (404, "404 Not"));
        assert_eq!(error.to_string(), "404 Not Found: 404 Not");
        assert_eq!(error.url.path(), "/status/404");

        let response = client().get(server.url("/status/404")).send().await.unwrap();
        let lost = response.error_for_status().unwrap_err();
        assert!(!lost.to_string().contains("404 Not Found\n"), "{lost}");
    }

    /// What it keeps is exact, and it does not wait for more: the halves of this body are a second apart.
    #[tokio::test(start_paused = true)]
    async fn the_error_waits_for_what_it_keeps_and_no_longer() {
        for (keep, body, waited) in [(9, "try again", 1), (10, "try again ", 1), (12, "try again la", 2)] {
            let (_, response) = slow_response(503, "text/plain", ["try again ", "later"]);
            let begin = Instant::now();
            let error = raise_for_status(response, keep).await.unwrap_err();
            assert_eq!((error.body.as_str(), begin.elapsed()), (body, seconds(waited)));
        }
    }

    /// Headers such as `Retry-After` survive as well.
    #[tokio::test]
    async fn the_error_keeps_the_headers() {
        let server = Server::start().await.unwrap();
        let response = client().get(server.url("/busy/1/seconds/5/a")).send().await.unwrap();
        let error = raise_for_status(response, 100).await.unwrap_err();
        assert_eq!(error.headers["retry-after"], "5");
    }

    /// Cancelled anywhere, the response is gone.
    #[test]
    fn cancelled_anywhere_it_leaves_no_response_behind() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (held, response) = slow_response(503, "text/plain", ["try again ", "later"]);
                (held, raise_for_status(response, 100))
            },
            |held, outcome| {
                assert_eq!(Arc::strong_count(&held), 1);
                if let Outcome::Finished(error) = outcome {
                    assert_eq!(error.unwrap_err().body, "try again later");
                }
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod json {
    use super::*;
    use http_client::json::{JsonError, json};

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Project {
        name: String,
        stars: u32,
    }

    async fn ask(path: &str, limit: usize) -> Result<Project, JsonError> {
        let server = Server::start().await.unwrap();
        json(client().get(server.url(path)).send().await.unwrap(), limit).await
    }

    /// In both, JSON under its own name, or as `application/problem+json`, is read.
    #[tokio::test]
    async fn what_says_it_is_json_is_read() {
        for path in ["/json", "/json/as/application/problem+json"] {
            let project = ask(path, 1000).await.unwrap();
            assert_eq!(project, Project { name: "tokio".to_owned(), stars: 5 });
        }
    }

    /// Behaviour N06. aiohttp: `ContentTypeError`. reqwest parses whatever arrives, as the last line does.
    #[tokio::test]
    async fn what_says_it_is_html_is_refused() {
        let error = ask("/json/as/text/html", 1000).await.unwrap_err();
        assert!(matches!(&error, JsonError::ContentType(Some(kind)) if kind == "text/html"));
        assert_eq!(error.to_string(), "expected JSON, got text/html");
        assert!(matches!(ask("/page/plain", 1000).await, Err(JsonError::ContentType(None))));

        let server = Server::start().await.unwrap();
        let html = client().get(server.url("/json/as/text/html")).send().await.unwrap();
        assert!(serde_json::from_slice::<Project>(&html.bytes().await.unwrap()).is_ok());
    }

    /// The error says where the JSON is wrong.
    #[tokio::test]
    async fn what_is_no_json_is_invalid() {
        let error = ask("/json/broken", 1000).await.unwrap_err();
        assert!(matches!(error, JsonError::Invalid(_)));
        assert!(causes(&error).contains("line 1"), "{}", causes(&error));
    }

    /// A body has no limit in aiohttp or reqwest; here it has, and the boundary itself is within it.
    #[tokio::test]
    async fn a_longer_body_than_the_limit_is_refused() {
        let length = br#"{"name": "tokio", "stars": 5}"#.len();
        assert!(ask("/json", length).await.is_ok());
        assert!(matches!(ask("/json", length - 1).await, Err(JsonError::TooLong(_))));
    }

    /// The limit is for the body, not for a chunk of it.
    #[tokio::test(start_paused = true)]
    async fn chunks_add_up_to_the_limit() {
        let halves = [r#"{"name": "tokio","#, r#" "stars": 5}"#];
        let length = halves.concat().len();
        let (_held, response) = slow_response(200, "application/json", halves);
        assert_eq!(json::<Project>(response, length).await.unwrap().stars, 5);
        let (_held, response) = slow_response(200, "application/json", halves);
        assert!(matches!(json::<Project>(response, length - 1).await, Err(JsonError::TooLong(_))));
    }

    /// RFC 6839: `application/` before, `+json` behind, and not one of the two.
    #[tokio::test(start_paused = true)]
    async fn half_a_name_of_json_is_none() {
        for (kind, is_json) in [
            ("application/JSON; charset=utf-8", true),
            ("application/vnd.api+json", true),
            ("application/xml", false),
            ("image/svg+json", false),
        ] {
            let (_held, response) = slow_response(200, kind, ["[", "]"]);
            assert_eq!(json::<Vec<u8>>(response, 100).await.is_ok(), is_json, "{kind}");
        }
    }

    /// Cancelled anywhere, the response is gone.
    #[test]
    fn cancelled_anywhere_it_leaves_no_response_behind() {
        let swept = cancel_sweep::sweep_with(
            || {
                let halves = [r#"{"name": "tokio","#, r#" "stars": 5}"#];
                let (held, response) = slow_response(200, "application/json", halves);
                (held, json::<Project>(response, 1000))
            },
            |held, outcome| {
                assert_eq!(Arc::strong_count(&held), 1);
                if let Outcome::Finished(project) = outcome {
                    assert_eq!(project.unwrap().stars, 5);
                }
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod download {
    use super::*;
    use http_client::download::{DownloadError, download};

    fn chunks(
        chunks: Vec<Result<&'static str, &'static str>>,
    ) -> impl futures::Stream<Item = io::Result<Bytes>> {
        stream::iter(chunks).map(|chunk| chunk.map(Bytes::from).map_err(io::Error::other))
    }

    /// A whole body becomes a file of its name, and nothing else is in the folder.
    #[tokio::test]
    async fn a_whole_body_has_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page");
        let written = download(chunks(vec![Ok("one, "), Ok("two")]), &file, 8).await.unwrap();
        assert_eq!((written, std::fs::read_to_string(&file).unwrap().as_str()), (8, "one, two"));
        assert_eq!(files(folder.path()), ["page"]);
        assert_eq!(download(chunks(vec![]), &folder.path().join("empty"), 0).await.unwrap(), 0);
        assert_eq!(files(folder.path()), ["empty", "page"]);
    }

    /// The naive port writes to the final name, and leaves a part there when the connection breaks.
    #[tokio::test]
    async fn a_body_that_breaks_off_has_no_name() {
        let server = Server::start().await.unwrap();
        for path in ["/cut", "/cut/chunked"] {
            let folder = tempfile::tempdir().unwrap();
            let response = client().get(server.url(path)).send().await.unwrap();
            let error =
                download(response.bytes_stream(), &folder.path().join("page"), 1000).await.unwrap_err();
            assert!(matches!(error, DownloadError::Body(_)), "{error}");
            assert_eq!(files(folder.path()), [""; 0]);
        }
    }

    /// A body without an end stops at the limit; one of exactly the limit is taken.
    #[tokio::test]
    async fn a_body_beyond_the_limit_has_no_name() {
        let server = Server::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let response = client().get(server.url("/endless")).send().await.unwrap();
        let error =
            download(response.bytes_stream(), &folder.path().join("page"), 100_000).await.unwrap_err();
        assert!(matches!(error, DownloadError::TooLong(100_000)));
        assert_eq!(files(folder.path()), [""; 0]);
        let response = client().get(server.url("/bytes/100000")).send().await.unwrap();
        let written = download(response.bytes_stream(), &folder.path().join("page"), 100_000).await.unwrap();
        assert_eq!(written, 100_000);
    }

    /// A newer version replaces the older one in one step, or not at all.
    #[tokio::test]
    async fn an_older_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page");
        std::fs::write(&file, "old").unwrap();
        download(chunks(vec![Ok("half"), Err("cut")]), &file, 100).await.unwrap_err();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
        download(chunks(vec![Ok("new")]), &file, 100).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
    }

    /// asyncio: cancelling a loop over `iter_chunked` leaves half a file. Here every point is tried: the folder holds the
    /// whole file or nothing.
    #[test]
    fn cancelled_anywhere_it_leaves_the_whole_file_or_nothing() {
        cancel_sweep::sweep_with(
            || {
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("page");
                let slow = chunks(vec![Ok("one, "), Ok("two")]).then(|chunk| async {
                    sleep(seconds(1)).await;
                    chunk
                });
                (folder, async move { download(slow, &file, 100).await.unwrap() })
            },
            |folder, outcome| {
                let found = files(folder.path());
                match outcome {
                    Outcome::Finished(written) => assert_eq!((written, found), (8, vec!["page".to_owned()])),
                    // The last step, the renaming, runs on after the drop.
                    Outcome::Cancelled(_) if found == ["page"] => {
                        assert_eq!(std::fs::read_to_string(folder.path().join("page")).unwrap(), "one, two");
                    }
                    Outcome::Cancelled(_) => assert_eq!(found, [""; 0]),
                }
            },
        );
    }

    /// The folder is asked first: no byte is taken from a stream that has nowhere to go.
    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_an_error_before_the_first_byte() {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let counted = chunks(vec![Ok("one")]).inspect(move |_| {
            counter.fetch_add(1, SeqCst);
        });
        let error = download(counted, Path::new("/dev/null/page"), 100).await.unwrap_err();
        assert!(matches!(error, DownloadError::Disk(_)));
        assert!(causes(&error).contains("Not a directory"), "{}", causes(&error));
        assert_eq!(taken.load(SeqCst), 0);
    }

    /// Temporary files are for their owner alone; a download is a file as `File::create` makes it.
    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_can_be_read_by_whom_any_new_file_can() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        std::fs::write(folder.path().join("plain"), "").unwrap();
        download(chunks(vec![]), &folder.path().join("page"), 0).await.unwrap();
        assert_eq!(mode("page"), mode("plain"));
    }
}

mod upload {
    use super::*;
    use http_client::upload::{upload, upload_file};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Behaviour N10. aiohttp: `data=async_generator()`. Both send chunked encoding.
    #[tokio::test]
    async fn a_stream_arrives_as_one_body() {
        let server = Server::start().await.unwrap();
        let words =
            stream::iter(["one, ", "two"]).map(|word| io::Result::Ok(Bytes::from_static(word.as_bytes())));
        let echo = upload(&client(), url(server.url("/echo")), words).await.unwrap().text().await.unwrap();
        assert!(echo.starts_with("POST\n") && echo.ends_with("\n\none, two"), "{echo}");
        assert!(echo.contains("transfer-encoding: chunked"));
    }

    /// A file has a length, and says it.
    #[tokio::test]
    async fn a_file_arrives_with_its_length() {
        let server = Server::start().await.unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from a file").unwrap();
        let response = upload_file(&client(), url(server.url("/echo")), file.path()).await.unwrap();
        let echo = response.text().await.unwrap();
        assert!(echo.starts_with("PUT\n") && echo.ends_with("\n\nfrom a file"), "{echo}");
        assert!(echo.contains("content-length: 11"));
        assert!(upload_file(&client(), url(server.url("/echo")), Path::new("/no/such/file")).await.is_err());
    }

    /// A stream without an end, which tells how many chunks were taken when it is dropped.
    fn endless()
    -> (impl futures::Stream<Item = io::Result<Bytes>> + Send, tokio::sync::oneshot::Receiver<usize>) {
        struct Taken(usize, Option<tokio::sync::oneshot::Sender<usize>>);
        impl Drop for Taken {
            fn drop(&mut self) {
                let _nobody_asks = self.1.take().unwrap().send(self.0);
            }
        }
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let stream = stream::unfold(Taken(0, Some(sender)), |mut taken| async {
            taken.0 += 1;
            Some((Ok(Bytes::from_static(&[b'x'; 1024 * 1024])), taken))
        });
        (stream, receiver)
    }

    /// Behaviour N10. In both, chunks are pulled as the connection takes them, and cancelling the request closes the
    /// stream. This one never ends, and the server reads none of it.
    #[tokio::test]
    async fn chunks_are_pulled_as_needed_and_a_cancelled_request_drops_the_stream() {
        let server = Server::start().await.unwrap();
        let (chunks, mut dropped) = endless();
        let client = client();
        tokio::select! {
            _ = upload(&client, url(server.url("/hang")), chunks) => panic!("nobody answers"),
            _ = server.until(|counts| counts.in_flight == 1) => {}
        }
        let taken = dropped.try_recv().expect("it is dropped together with the request");
        assert!(taken < 100, "{taken} MiB are in the buffers of the sockets");
    }

    /// The hazard: without the pattern, the connection keeps the stream for as long as it is stuck.
    #[tokio::test]
    async fn but_a_plain_stream_stays_with_a_connection_that_is_stuck() {
        let server = Server::start().await.unwrap();
        let (chunks, mut dropped) = endless();
        let plain = client().post(server.url("/hang")).body(reqwest::Body::wrap_stream(chunks)).send();
        tokio::select! {
            _ = plain => panic!("nobody answers"),
            _ = server.until(|counts| counts.in_flight == 1) => {}
        }
        // A round trip over another connection: time enough for the first one to notice, if it did.
        client().get(server.url("/page/other")).send().await.unwrap();
        assert!(dropped.try_recv().is_err(), "the request is gone, its stream is not");
        server.stop().await;
        assert!(dropped.await.is_ok(), "now that the connection is broken, it is");
    }

    /// A stream can be sent once: what would repeat it is handed to the caller.
    #[tokio::test]
    async fn a_redirect_that_repeats_the_body_is_handed_back() {
        let server = Server::start().await.unwrap();
        let word = stream::iter([io::Result::Ok(Bytes::from_static(b"once"))]);
        let response = upload(&client(), url(server.url("/redirect/to/307?/echo")), word).await.unwrap();
        assert_eq!(response.status(), 307);
        assert_eq!(server.requests_to("/echo"), 0);
    }

    /// A server may answer before it has read everything. The rest is sent all the same.
    #[tokio::test]
    async fn an_early_answer_does_not_cut_the_body_off() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = url(format!("http://{}/", listener.local_addr().unwrap()));
        let (mut chunks, body) = futures::channel::mpsc::channel(1);
        let chunk = |text: &'static str| io::Result::Ok(Bytes::from_static(text.as_bytes()));
        let client = client();
        let send = async {
            chunks.try_send(chunk("early, ")).unwrap();
            assert_eq!(upload(&client, address, body).await.unwrap().status(), 200);
            chunks.try_send(chunk("late")).unwrap();
            chunks.close_channel();
        };
        let serve = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut received = Vec::new();
            while !received.ends_with(b"early, \r\n") {
                assert_ne!(socket.read_buf(&mut received).await.unwrap(), 0);
            }
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            while !received.ends_with(b"\r\n0\r\n\r\n") {
                assert_ne!(socket.read_buf(&mut received).await.unwrap(), 0, "the body has no end");
            }
            String::from_utf8(received).unwrap()
        };
        let ((), received) = tokio::join!(send, serve);
        assert!(received.ends_with("\r\n7\r\nearly, \r\n4\r\nlate\r\n0\r\n\r\n"), "{received}");
    }

    /// A stream that fails does not look like one that ended.
    #[tokio::test]
    async fn a_stream_that_fails_is_an_error() {
        let server = Server::start().await.unwrap();
        let broken =
            stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("the disk is gone"))]);
        let error = upload(&client(), url(server.url("/hang")), broken).await.unwrap_err();
        assert!(causes(&error).contains("the disk is gone"), "{}", causes(&error));
    }
}

mod websocket {
    use super::*;
    use futures::SinkExt;
    use http_client::websocket::{Heartbeat, Lost};
    use tokio::io::{DuplexStream, duplex};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::{Message, Role};

    const INTERVAL: Duration = seconds(30);

    /// Both ends of a WebSocket without a network, so that its time can be virtual.
    async fn pair() -> (Heartbeat<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = duplex(64);
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let peer = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        (Heartbeat::new(socket, INTERVAL), peer)
    }

    /// Behaviour N11. aiohttp: `heartbeat=30` pings after 30 s, waits 15 s more, and closes with code 1006.
    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_answering_is_lost_after_one_and_a_half_intervals() {
        let (mut ours, _peer) = pair().await;
        let begin = Instant::now();
        assert!(matches!(ours.next().await, Some(Err(Lost::Silent))));
        assert_eq!(begin.elapsed(), seconds(45));
        assert!(ours.next().await.is_none(), "once, and then the loop ends");
    }

    /// The hazard: tokio-tungstenite alone has no heartbeat. A day later it still waits.
    #[tokio::test(start_paused = true)]
    async fn but_without_a_heartbeat_nobody_notices() {
        let (ours, _peer) = pair().await;
        let mut socket = ours.socket;
        assert!(timeout(DAY, socket.next()).await.is_err());
    }

    /// A peer that reads answers pings by itself: that is all it has to do.
    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_pings_is_kept() {
        let (mut ours, mut peer) = pair().await;
        tokio::spawn(async move { while peer.next().await.is_some() {} });
        assert!(timeout(DAY, ours.next()).await.is_err(), "nothing came, nothing broke");
    }

    /// Any message is a sign of life. One that comes 14 s after the ping starts the clock anew.
    #[tokio::test(start_paused = true)]
    async fn a_message_is_as_good_as_a_pong() {
        let (mut ours, mut peer) = pair().await;
        let begin = Instant::now();
        tokio::spawn(async move {
            sleep(seconds(44)).await;
            peer.send(Message::text("late")).await.unwrap();
            pending::<()>().await;
        });
        assert_eq!(ours.next().await.unwrap().unwrap(), Message::text("late"));
        assert_eq!(begin.elapsed(), seconds(44));
        assert!(matches!(ours.next().await, Some(Err(Lost::Silent))));
        assert_eq!(begin.elapsed(), seconds(44 + 45));
    }

    /// A peer that takes no byte leaves no room for a ping either: sending it has the same limit.
    #[tokio::test(start_paused = true)]
    async fn a_full_connection_does_not_hold_up_the_heartbeat() {
        let (mut ours, _peer) = pair().await;
        let begin = Instant::now();
        let long = Message::text("x".repeat(1000));
        assert!(ours.socket.send(long).now_or_never().is_none(), "the peer takes 64 bytes of it");
        assert!(matches!(ours.next().await, Some(Err(Lost::Silent))));
        assert_eq!(begin.elapsed(), seconds(45));
    }

    /// `select!` drops `next` again and again: no message is lost, and the clock goes on.
    #[test]
    fn next_cancelled_anywhere_loses_no_message() {
        cancel_sweep::sweep_with(
            || {
                let shared = Arc::new(tokio::sync::Mutex::new((None, Vec::new())));
                let ours = Arc::clone(&shared);
                let work = async move {
                    let (heartbeat, mut peer) = pair().await;
                    let mut shared = ours.lock().await;
                    shared.0 = Some(heartbeat);
                    tokio::spawn(async move {
                        for word in ["one", "two"] {
                            sleep(seconds(40)).await;
                            peer.send(Message::text(word)).await.unwrap();
                        }
                        pending::<()>().await;
                    });
                    for _ in 0..2 {
                        let message = shared.0.as_mut().unwrap().next().await.unwrap().unwrap();
                        shared.1.push(message);
                    }
                };
                (shared, work)
            },
            |shared, _outcome| {
                let mut shared = shared.try_lock().unwrap();
                let (heartbeat, heard) = &mut *shared;
                let Some(heartbeat) = heartbeat else { return };
                while let Some(Some(Ok(message))) = heartbeat.next().now_or_never() {
                    heard.push(message);
                }
                let words: Vec<_> =
                    heard.iter().map(|message| message.to_text().unwrap().to_owned()).collect();
                // The runtime settles for 65 s: the second word has come by then only if the first was heard before.
                assert!(
                    ["one", "two"].starts_with(&words.iter().map(String::as_str).collect::<Vec<_>>()),
                    "{words:?}"
                );
            },
        );
    }

    async fn connect(
        server: &Server,
        path: &str,
        interval: Duration,
    ) -> Heartbeat<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> {
        let (socket, _response) = tokio_tungstenite::connect_async(server.websocket_url(path)).await.unwrap();
        Heartbeat::new(socket, interval)
    }

    /// Behaviour N11. aiohttp: `async for message in ws` ends when the peer closes. So does the loop here.
    #[tokio::test]
    async fn the_loop_ends_when_the_peer_closes() {
        let server = Server::start().await.unwrap();
        let mut socket = connect(&server, "/websocket/goodbye", INTERVAL).await;
        let mut words = Vec::new();
        while let Some(message) = socket.next().await {
            words.push(message.unwrap().into_text().unwrap().to_string());
        }
        assert_eq!(words, ["one", "two"]);
    }

    /// Over a real connection: what is sent comes back, and silence is noticed.
    #[tokio::test]
    async fn it_works_over_a_real_connection() {
        let server = Server::start().await.unwrap();
        let mut socket = connect(&server, "/websocket/echo", INTERVAL).await;
        socket.socket.send(Message::text("hello")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));

        let mut silent = connect(&server, "/websocket/silent", Duration::from_millis(2)).await;
        assert!(matches!(silent.next().await, Some(Err(Lost::Silent))));
    }

    /// A connection that breaks in the middle is an error, and not an end.
    #[tokio::test]
    async fn a_broken_connection_is_not_a_close() {
        let (mut ours, peer) = pair().await;
        drop(peer);
        assert!(matches!(ours.next().await, Some(Err(Lost::Socket(_)))));
        assert!(ours.next().await.is_none());
    }
}

mod binary {
    use super::*;
    use std::process::{Output, Stdio};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::process::Command;

    /// The binary of the recipe, as a shell would start it.
    fn http_client(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_http_client"));
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command
    }

    async fn run(arguments: &[&str]) -> Output {
        http_client(arguments).output().await.unwrap()
    }

    /// What is on stdout, without the times and the timeline.
    fn lines(output: &Output) -> Vec<String> {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        text.lines().filter_map(|line| line.split_once("s  ")).map(|(_, line)| line.to_owned()).collect()
    }

    fn errors(output: &Output) -> String {
        String::from_utf8(output.stderr.clone()).unwrap()
    }

    /// Wrong use is a usage error: exit code 2, the reason on stderr, nothing fetched.
    #[tokio::test]
    async fn wrong_use_is_told_and_ends_with_2() {
        let server = Server::start().await.unwrap();
        let page = &server.url("/page/one");
        for (arguments, reason) in [
            (&["--limit", "0", page][..], "not a number of 1 or more"),
            (&["--per-host", "0", page], "not a number of 1 or more"),
            (&["--timeout", "0", page], "above 0"),
            (&["--timeout", "nan", page], "above 0"),
            (&["--timeout", "-1", page], "unexpected argument"),
            (&["--timeout", "1e300", page], "above 0"),
            (&["--timeout", "soon", page], "not a number of seconds"),
            (&["--retries", "-1", page], "unexpected argument"),
            (&["--no-such-flag", page], "unexpected argument"),
            (&["no-url"], "a URL begins with http://"),
            (&["http://"], "empty host"),
            (&["ftp://localhost/"], "ftp is not supported"),
            (&["--limit", "3"], "required"),
        ] {
            let output = run(arguments).await;
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(errors(&output).contains(reason), "{arguments:?}: {}", errors(&output));
            assert!(output.stdout.is_empty());
        }
        assert_eq!(server.counts().connections, 0);
    }

    /// Every URL ends as one line: what came, or why not, with the cause. One failure makes the exit code 1.
    #[tokio::test]
    async fn every_url_is_one_line_with_its_verdict() {
        let gone = Server::start().await.unwrap();
        let refused = gone.url("/");
        gone.stop().await;
        let server = Server::start().await.unwrap();
        let fates = [
            (server.url("/page/one"), "200 OK, 9 bytes"),
            (server.url("/redirect/3"), "200 OK, 9 bytes"),
            (server.url("/busy/1/seconds/0/a"), "200 OK, 8 bytes"),
            (server.url("/fail/1/503/b"), "200 OK, 8 bytes"),
            (server.url("/status/404"), "failed: 404 Not Found"),
            (server.url("/redirect/loop"), "too many redirects"),
            (server.url("/cut"), "failed: the body broke off"),
            (server.url("/close"), "connection closed before message completed"),
            (server.url("/garbage"), "invalid HTTP"),
            (server.url("/hang"), "failed: timed out after 2s"),
            (server.url("/hang/body"), "failed: timed out after 2s"),
            (server.url("/endless"), "failed: the body is longer than 100000 bytes"),
            (refused, "Connection refused"),
        ];
        let mut arguments = vec!["--timeout", "2", "--retries", "1", "--max-size", "100000", "--no-timeline"];
        arguments.extend(fates.iter().map(|(address, _)| address.as_str()));
        let output = run(&arguments).await;
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(errors(&output), "");
        let lines = lines(&output);
        assert_eq!(lines.len(), fates.len(), "{lines:#?}");
        for (address, fate) in fates {
            let its: Vec<_> = lines.iter().filter(|line| line.starts_with(&format!("{address}: "))).collect();
            assert!(its.len() == 1 && its[0].contains(fate), "{address} should be {fate}: {its:?}");
        }
    }

    /// URLs come from a file too; a line that is none has its own line, and the others are fetched.
    #[tokio::test]
    async fn urls_come_from_stdin_and_a_bad_line_is_one_failure() {
        let server = Server::start().await.unwrap();
        let mut child = http_client(&["--from", "-", "--no-timeline"]).stdin(Stdio::piped()).spawn().unwrap();
        let input = format!("{}\n\n  nonsense  \r\n{}", server.url("/page/one"), server.url("/page/two"));
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        let mut lines = lines(&output);
        lines.sort();
        let expected = [
            format!("{}: 200 OK, 9 bytes", server.url("/page/one")),
            format!("{}: 200 OK, 9 bytes", server.url("/page/two")),
            "nonsense: failed: relative URL without a base (a URL begins with http:// or https://)"
                .to_owned(),
        ];
        assert_eq!(lines, expected);
        let missing = run(&["--from", "/no/such/file"]).await;
        assert_eq!(missing.status.code(), Some(1));
        assert!(errors(&missing).contains("cannot read /no/such/file"), "{}", errors(&missing));
    }

    /// aiohttp: only with `trust_env=True`. reqwest: unless the client is built with `no_proxy()`.
    #[tokio::test]
    async fn a_proxy_of_the_environment_is_used() {
        let proxy = Server::start().await.unwrap();
        let mut command = http_client(&["http://no-such-host.invalid/page/one"]);
        let output = command.env("http_proxy", proxy.url("/")).output().await.unwrap();
        assert_eq!(lines(&output)[0], "http://no-such-host.invalid/page/one: 200 OK, 9 bytes");
        assert_eq!(proxy.counts().requests, 1);
    }

    /// A folder that cannot be written is one line, before the first request.
    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_one_line() {
        let server = Server::start().await.unwrap();
        let output = run(&["--output", "/dev/null/folder", &server.url("/page/one")]).await;
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            errors(&output),
            "error: cannot write in /dev/null/folder: Not a directory (os error 20)\n"
        );
        assert!(output.stdout.is_empty(), "no picture of nothing");
        assert_eq!(server.counts().connections, 0);
    }

    /// Different URLs are different files, and no URL writes outside the folder.
    #[tokio::test]
    async fn each_url_has_a_file_of_its_own() {
        let server = Server::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("new").join("pages");
        let long = format!("/page/{}", "x".repeat(1000));
        let paths =
            ["/page/a?1", "/page/a?2", "/page/A", "/page/a", "/page/..%2f..%2fup", "/page/a%00b", &long];
        let addresses: Vec<String> = paths.iter().map(|path| server.url(path)).collect();
        let mut arguments = vec!["--no-timeline", "--output", output.to_str().unwrap()];
        arguments.extend(addresses.iter().map(String::as_str));
        assert_eq!(run(&arguments).await.status.code(), Some(0));
        assert_eq!(files(&output).len(), paths.len());
        assert_eq!(files(folder.path()), ["new"]);
        assert!(files(&output).iter().all(|name| !name.starts_with('.') && name.len() < 200));
        // And it tells a reader where it is from.
        assert_eq!(files(&output).iter().filter(|name| name.starts_with("127.0.0.1-page-a.")).count(), 4);
    }

    /// The limit on the size is the last size that is taken, of what is saved and of what is only counted.
    #[tokio::test]
    async fn a_body_as_long_as_the_limit_is_taken_and_one_byte_more_is_not() {
        let server = Server::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let address = server.url("/bytes/1000");
        for output in [&[][..], &["--output", folder.path().to_str().unwrap()]] {
            let arguments = |limit| [&["--no-timeline", "--max-size", limit, &address], output].concat();
            let taken = run(&arguments("1000")).await;
            assert_eq!(taken.status.code(), Some(0), "{:?}", lines(&taken));
            let refused = run(&arguments("999")).await;
            assert_eq!(lines(&refused), [format!("{address}: failed: the body is longer than 999 bytes")]);
        }
        assert_eq!(files(folder.path()).len(), 1);
    }

    /// On a terminal, a bar under the lines says how many of how many are done, and goes when all are.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn on_a_terminal_a_bar_counts() {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let server = Server::start().await.unwrap();
        let (one, two) = (server.url("/page/one"), server.url("/page/two"));
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let screen = std::fs::File::options().read(true).write(true).open(name).unwrap();
        let mut command = http_client(&["--no-timeline", &one, &two]);
        let child = command.env("TERM", "xterm").stderr(screen).spawn().unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert_eq!((output.status.code(), lines(&output).len()), (Some(0), 2));
        drop(command);
        // Linux ends the reading of a terminal that nobody holds any more with an error.
        let mut shown = Vec::new();
        let _nobody_holds_it = io::Read::read_to_end(&mut std::fs::File::from(terminal), &mut shown);
        let shown = String::from_utf8_lossy(&shown);
        assert!(shown.contains(" 1/2 "), "{shown:?}");
        assert!(shown.ends_with("\u{1b}[2K"), "{shown:?}");
    }

    /// A disk without room: the limit of the shell on file sizes stands for it, and makes a write fail in the middle.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_full_disk_is_one_line_and_no_file() {
        let server = Server::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        let script = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
        shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_http_client"), "--no-timeline", "--output"]);
        shell.arg(folder.path()).args([server.url("/bytes/1000000"), server.url("/page/small")]);
        let output = shell.output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        let lines = lines(&output);
        assert_eq!(lines.len(), 2);
        let failed: Vec<_> = lines.iter().filter(|line| line.contains("failed")).collect();
        assert!(failed[0].contains("the file could not be written: File too large"), "{lines:?}");
        assert_eq!(files(folder.path()).len(), 1, "the small page");
    }

    /// Ctrl-C in the middle of a download: exit code 130, and neither a part nor a temporary file.
    #[cfg(unix)]
    #[tokio::test]
    async fn ctrl_c_leaves_no_file_behind() {
        let server = Server::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--output", folder.path().to_str().unwrap(), &server.url("/hang/body")];
        let child = http_client(&arguments).spawn().unwrap();
        server.until(|counts| counts.in_flight == 1).await;
        while files(folder.path()).is_empty() {
            yield_now().await; // until the temporary file is there
        }
        let id = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", errors(&output));
        assert!(!errors(&output).contains("panic"), "{}", errors(&output));
        assert_eq!(files(folder.path()), [""; 0]);
    }

    /// `| head -1`: the reader is gone after the first line, and the program ends without a complaint, whatever is still to
    /// come.
    #[tokio::test]
    async fn a_closed_pipe_ends_it_quietly() {
        let server = Server::start().await.unwrap();
        let (page, hangs) = (server.url("/page/one"), server.url("/hang"));
        let mut child =
            http_client(&["--from", "-", "--timeout", "3600"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut urls = child.stdin.take().unwrap();
        urls.write_all(format!("{hangs}\n{page}\n").as_bytes()).await.unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        assert!(line.contains("/page/one: 200 OK"), "{line}");
        drop(stdout);
        // One more page may not be enough: a process that another lesson is just starting may hold the pipe open a moment
        // longer.
        let mut more = 0..100_000;
        while urls.write_all(format!("{page}\n").as_bytes()).await.is_ok() {
            more.next().expect("it ends when nobody reads what it prints");
        }
        let output = child.wait_with_output().await.unwrap();
        assert_eq!((output.status.code(), errors(&output)), (Some(0), String::new()));
    }

    /// A certificate that nobody trusts, as a file holds it.
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBfDCCASOgAwIBAgIUa+chVAWCIMzsm9DdNzjLzYjdaOEwCgYIKoZIzj0EAwIw\n\
        EzERMA8GA1UEAwwIYSBsZXNzb24wIBcNMjYxMTI4MDgzMDI3WhgPMjEyNjExMDQw\n\
        ODMwMjdaMBMxETAPBgNVBAMMCGEgbGVzc29uMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n\
        AQcDQgAEhrzxkbySZSemdDGDtyQihHvN1S/XruoNjyCalvGUgF7leDokYDmyME8L\n\
        ZPGuFTrfyX/b6kgjBDP9APpMUqCbN6NTMFEwHQYDVR0OBBYEFM8N8KC9OrPcyg/b\n\
        K70rBaN8l3YnMB8GA1UdIwQYMBaAFM8N8KC9OrPcyg/bK70rBaN8l3YnMA8GA1Ud\n\
        EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgAuu1Gh9tbA/C+ArVSSHuXPaM\n\
        5qwCsKAr3JcTZdBJnQQCICMFA9h1hT3eyN+I1Jg9vmGAy51pCiWtEWou38eXyXC8\n\
        -----END CERTIFICATE-----\n";

    /// Certificates are trusted beside those of the system.
    #[tokio::test]
    async fn a_certificate_file_is_taken() {
        let server = Server::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("two.pem");
        std::fs::write(&file, CERTIFICATE.repeat(2)).unwrap();
        let output = run(&["--cacert", file.to_str().unwrap(), &server.url("/page/one")]).await;
        assert_eq!((output.status.code(), errors(&output).as_str()), (Some(0), ""));
    }

    /// What the certificate file is not, is told before the first request.
    #[tokio::test]
    async fn a_certificate_file_that_is_none_is_one_line() {
        let server = Server::start().await.unwrap();
        for (file, reason) in
            [("/no/such/file", "cannot read /no/such/file"), ("/dev/null", "holds no certificate")]
        {
            let output = run(&["--cacert", file, &server.url("/page/one")]).await;
            assert_eq!(output.status.code(), Some(1));
            assert!(errors(&output).contains(reason), "{}", errors(&output));
        }
    }

    /// The demo prints what its asyncio twin prints.
    #[tokio::test]
    async fn the_demo_prints_the_transcript() {
        let output = run(&["--no-timeline"]).await;
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        let transcript = include_str!("../recipes/http_client/transcript.txt");
        assert_eq!(lines(&output), transcript.lines().collect::<Vec<_>>());
    }

    /// What each of the URLs of a long list comes to.
    fn fate(index: usize) -> (String, &'static str) {
        const FAULTS: [(&str, &str); 20] = [
            ("/status/404", "failed: 404 Not Found"),
            ("/status/500", "failed: 500 Internal Server Error"),
            ("/status/503", "failed: 503 Service Unavailable"),
            ("/cut", "failed: the body broke off"),
            ("/cut/chunked", "failed: the body broke off"),
            ("/close", "connection closed before message completed"),
            ("/garbage", "invalid HTTP"),
            ("/redirect/loop", "too many redirects"),
            ("/redirect/to/302?http://127.0.0.1:1/", "Connection refused"),
            ("/redirect/to/302?gopher://localhost/", "failed: "),
            ("/endless", "failed: the body is longer than 50000 bytes"),
            ("/bytes/50001", "failed: the body is longer than 50000 bytes"),
            ("/busy/9/seconds/0/KEY", "failed: 429 Too Many Requests"),
            ("/busy/9/seconds/9999/KEY", "failed: 429 Too Many Requests"),
            ("/busy/9/date/9999/KEY", "failed: 429 Too Many Requests"),
            ("/fail/9/502/KEY", "failed: 502 Bad Gateway"),
            ("/nowhere", "failed: 404 Not Found"),
            ("/status/418", "failed: 418 I'm a teapot"),
            ("/websocket/echo", "failed: 426 Upgrade Required"),
            ("/status/400", "failed: 400 Bad Request"),
        ];
        let with_key = |path: &str| format!("{}?{index}", path.replace("KEY", &index.to_string()));
        match index {
            // A few that take all the time there is, while the others go by.
            105 | 205 => (with_key("/hang"), "failed: timed out after 2s"),
            305 | 405 => (with_key("/hang/body"), "failed: timed out after 2s"),
            _ if index % 10 == 5 => {
                let (path, fate) = FAULTS[index / 10 % FAULTS.len()];
                // The query of these is where they lead to.
                if path.contains('?') { (format!("{path}{index}"), fate) } else { (with_key(path), fate) }
            }
            _ if index % 10 == 3 => (with_key("/busy/1/seconds/0/KEY"), "200 OK, 8 bytes"),
            _ if index % 10 == 4 => (with_key("/redirect/2"), "200 OK, 9 bytes"),
            _ => (with_key("/bytes/1000"), "200 OK, 1000 bytes"),
        }
    }

    /// Fetches the first `number` of a long list, checks every verdict, and gives the binary's peak of memory in kB.
    async fn long_list(number: usize) -> usize {
        let server = Server::start().await.unwrap();
        let arguments = [
            "--from",
            "-",
            "--limit",
            "100",
            "--per-host",
            "100",
            "--timeout",
            "2",
            "--retries",
            "1",
            "--max-size",
            "50000",
        ];
        let mut child = http_client(&arguments).arg("--no-timeline").stdin(Stdio::piped()).spawn().unwrap();
        let id = child.id().unwrap();
        let mut verdicts = std::collections::HashMap::new();
        let mut input = child.stdin.take().unwrap();
        let feed = async {
            for index in 0..number {
                input.write_all(format!("{}\n", server.url(&fate(index).0)).as_bytes()).await.unwrap();
            }
            input
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let read = async {
            let mut peak = String::new();
            while let Some(line) = lines.next_line().await.unwrap() {
                let (address, verdict) = line.split_once("s  ").unwrap().1.split_once(": ").unwrap();
                let earlier = verdicts.insert(address.to_owned(), verdict.to_owned());
                assert_eq!(earlier, None, "{address} has had its line");
                if verdicts.len() == number {
                    peak = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
                    break;
                }
            }
            peak
        };
        // The list stays open until all lines are there, so that the program lives when its memory is looked at.
        let (_input, peak) = tokio::join!(feed, read);
        drop(_input);
        assert_eq!(lines.next_line().await.unwrap(), None, "one line for each, and no more");
        assert_eq!(child.wait().await.unwrap().code(), Some(1));
        for index in 0..number {
            let (path, fate) = fate(index);
            let verdict = verdicts.get(&url(server.url(&path)).to_string());
            assert!(
                verdict.is_some_and(|verdict| verdict.contains(fate)),
                "{path} should be {fate}: {verdict:?}"
            );
        }
        let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// A tenth of 10,000 URLs go wrong in every way that the server knows: a line for each, the right verdict, in the
    /// memory that 1,000 take.
    #[cfg(target_os = "linux")]
    #[tokio::test(flavor = "multi_thread")]
    async fn ten_thousand_urls_take_the_memory_of_a_thousand() {
        let (thousand, ten_thousand) = tokio::join!(long_list(1000), long_list(10_000));
        println!("peak: {thousand} kB for 1,000 and {ten_thousand} kB for 10,000 URLs");
        assert!(ten_thousand < thousand * 3 / 2, "{ten_thousand} kB after {thousand} kB");
    }
}
