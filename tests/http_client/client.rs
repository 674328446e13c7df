//! Lessons of the pattern `client`.

use std::pin::pin;

use common::server::Server;
use futures::FutureExt;
use http_client::client::{Timeouts, aiohttp_defaults};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Proxy, retry};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, timeout};

use crate::work::{DAY, builder, causes, client, plain, seconds, with};

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

/// The drawback of `reqwest::get` and `aiohttp.request` alike: a client per request opens a connection per request.
#[tokio::test]
async fn but_a_client_for_each_request_opens_a_connection_for_each() {
    let server = Server::start().await.unwrap();
    for page in ["/page/one", "/page/two"] {
        client().get(server.url(page)).send().await.unwrap().text().await.unwrap();
    }
    assert_eq!(server.counts().connections, 2);
}

/// In both, the next request cannot use a connection in the middle of a body: dropping the response closes it.
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

/// Behaviour N03. aiohttp: five minutes in all by default. reqwest: no limit in time at all.
#[tokio::test]
async fn a_plain_reqwest_client_waits_for_ever() {
    let server = Server::start().await.unwrap();
    let plain = plain();
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
    let client = with(timeouts);
    client.get(server.url("/page/warm-up")).send().await.unwrap().text().await.unwrap();
    tokio::time::pause();
    let begin = Instant::now();
    let error = client.get(server.url("/hang")).send().await.unwrap_err();
    assert!(error.is_timeout());
    // A clock that was paused within a millisecond advances in whole milliseconds.
    assert_eq!(begin.elapsed().as_secs(), 300);
}

/// reqwest asks its clock before the answer: one that is there when a busy task comes back after the limit is too late.
/// Tokio's `timeout` asks for the answer first.
#[tokio::test]
async fn but_an_answer_that_is_there_at_the_limit_is_too_late() {
    let server = Server::start().await.unwrap();
    let none = Timeouts { total: None, connect: None, read: None };
    for (total, is_in_time) in [(Some(seconds(5)), false), (None, true)] {
        let client = with(Timeouts { total, ..none });
        client.get(server.url("/page/warm-up")).send().await.unwrap().text().await.unwrap();
        let requests = server.counts().requests;
        let mut page = pin!(timeout(seconds(5), client.get(server.url("/page/one")).send()));
        assert!(page.as_mut().now_or_never().is_none());
        server.until(|counts| counts.requests == requests + 1).await;
        // The answer to a later request comes later.
        with(none).get(server.url("/page/two")).send().await.unwrap();
        for _ in 0..10 {
            yield_now().await;
        }
        tokio::time::pause();
        advance(seconds(6)).await;
        let answer = page.await.expect("it is there");
        assert_eq!(answer.is_ok(), is_in_time, "{answer:?}");
        tokio::time::resume();
    }
}

/// Behaviour N03. In both, the total goes on counting in the body, and the connection is not used again.
#[tokio::test]
async fn the_total_timeout_covers_a_body_that_never_ends() {
    let server = Server::start().await.unwrap();
    let timeouts = Timeouts { read: None, ..Timeouts::default() };
    let client = with(timeouts);
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

/// aiohttp's `sock_read`, reqwest's `read_timeout`: a limit on silence, not on slowness. It starts anew with each chunk.
#[tokio::test]
async fn the_read_timeout_counts_from_the_last_chunk() {
    let server = Server::start().await.unwrap();
    let timeouts = Timeouts { total: None, ..Timeouts::default() };
    let client = with(timeouts);
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

/// Behaviour N08. In both, another port counts as another host, and gets no secrets.
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

/// Behaviour N08. In both, 307 and 308 repeat the request; 301 to 303 turn a POST into a GET.
#[tokio::test]
async fn only_307_and_308_keep_the_method_and_the_body() {
    let server = Server::start().await.unwrap();
    for (status, first_line, body) in
        [(301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "hello"), (308, "POST", "hello")]
    {
        let address = server.url(&format!("/redirect/to/{status}?/echo"));
        let echo = client().post(address).body("hello").send().await.unwrap().text().await.unwrap();
        assert_eq!(echo.lines().next(), Some(first_line), "{status}");
        assert!(echo.ends_with(&format!("\n\n{body}")), "{status}: {echo}");
    }
}

/// aiohttp: `ClientSession(headers={"User-Agent": ...})`. reqwest sends no user agent by default.
#[tokio::test]
async fn the_user_agent_is_the_one_that_was_given() {
    let server = Server::start().await.unwrap();
    let echo = client().get(server.url("/echo")).send().await.unwrap().text().await.unwrap();
    assert!(echo.contains("user-agent: lesson"));
    let plain = plain().get(server.url("/echo")).send().await.unwrap().text().await.unwrap();
    assert!(!plain.contains("user-agent"));
}

/// A file that holds no certificate is reported when the client is made, not at the first request.
#[test]
fn a_certificate_that_is_none_is_an_error_at_once() {
    let nonsense = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let merged =
        Certificate::from_pem_bundle(nonsense).map(|certificates| builder().tls_certs_merge(certificates));
    assert!(merged.and_then(|builder| http_client::client::client(builder, Timeouts::default())).is_err());
}

/// aiohttp asks an idempotent request once more when its connection was closed under it. reqwest alone does not.
#[tokio::test]
async fn a_connection_closed_at_the_moment_of_use_is_asked_once_more() {
    let server = Server::start().await.unwrap();
    let client = client();
    client.get(server.url("/page/warm-up")).send().await.unwrap().text().await.unwrap();
    let page = client.get(server.url("/close/1/a")).send().await.unwrap().text().await.unwrap();
    assert_eq!((page.as_str(), server.requests_to("/close/1/a")), ("at last\n", 2));

    assert!(client.get(server.url("/close/2/b")).send().await.is_err());
    assert_eq!(server.requests_to("/close/2/b"), 2, "once more, and not again and again");
    assert!(client.post(server.url("/close/1/c")).send().await.is_err());
    assert_eq!(server.requests_to("/close/1/c"), 1, "it may have been done");
    assert!(client.get(server.url("/garbage")).send().await.is_err());
    assert_eq!(server.requests_to("/garbage"), 1, "that was an answer");
}

/// Behaviour N03, at its ends: `Duration::MAX` means no limit.
#[tokio::test]
async fn a_limit_as_long_as_a_duration_can_be_is_none() {
    let server = Server::start().await.unwrap();
    let max = Some(std::time::Duration::MAX);
    let client = with(Timeouts { total: max, connect: max, read: max });
    assert_eq!(client.get(server.url("/page/one")).send().await.unwrap().text().await.unwrap(), "page one\n");
}

/// aiohttp takes 128 header lines. So does the recipe's client; reqwest alone takes 100.
#[tokio::test]
async fn as_many_header_lines_as_in_aiohttp_are_taken() {
    let server = Server::start().await.unwrap();
    let ask = async |lines: usize| {
        let more = "X:%201%0D%0A".repeat(lines - 1);
        let path = format!("/raw/a?HTTP/1.1%20200%20OK%0D%0AContent-Length:%200%0D%0A{more}%0D%0A");
        client().get(server.url(&path)).send().await
    };
    assert_eq!(ask(128).await.unwrap().headers().len(), 128);
    let error = ask(129).await.unwrap_err();
    assert!(causes(&error).contains("too large"), "{}", causes(&error));
}

/// aiohttp: one call takes every setting. Here the builder's own are kept: headers, redirects, proxies.
#[tokio::test]
async fn the_builders_own_settings_are_kept() {
    let server = Server::start().await.unwrap();
    let header = (HeaderName::from_static("x-team"), HeaderValue::from_static("blue"));
    let own = builder().default_headers(HeaderMap::from_iter([header])).redirect(Policy::none());
    let client = http_client::client::client(own, Timeouts::default()).unwrap();
    let echo = client.get(server.url("/echo")).send().await.unwrap().text().await.unwrap();
    assert!(echo.contains("x-team: blue") && echo.contains("user-agent: lesson"), "{echo}");
    assert_eq!(client.get(server.url("/redirect/1")).send().await.unwrap().status(), 302);

    let own = Client::builder().tls_certs_only([]).proxy(Proxy::http(server.url("/")).unwrap());
    let client = http_client::client::client(own, Timeouts::default()).unwrap();
    let before = server.counts().requests;
    client.get("http://no-such-host.invalid/page/one").send().await.unwrap();
    assert_eq!(server.counts().requests, before + 1, "it was asked as the proxy");
}

/// aiohttp: `ClientTimeout(total=None)` is no limit. Here `None` keeps the builder's limit.
#[tokio::test]
async fn a_limit_that_is_not_given_is_the_builders() {
    let server = Server::start().await.unwrap();
    let timeouts = Timeouts { total: None, read: None, ..Timeouts::default() };
    let client = http_client::client::client(builder().timeout(seconds(7)), timeouts).unwrap();
    client.get(server.url("/page/warm-up")).send().await.unwrap().text().await.unwrap();
    tokio::time::pause();
    let begin = Instant::now();
    assert!(client.get(server.url("/hang")).send().await.unwrap_err().is_timeout());
    assert_eq!(begin.elapsed().as_secs(), 7);
}

/// The hazard: a limit in `Timeouts` replaces the builder's limit. The builder's `retry` is replaced too.
#[tokio::test]
async fn but_a_limit_that_is_given_replaces_the_builders() {
    let server = Server::start().await.unwrap();
    let timeouts = Timeouts { read: None, ..Timeouts::default() };
    let own = builder().timeout(seconds(7)).retry(retry::never());
    let client = http_client::client::client(own, timeouts).unwrap();
    client.get(server.url("/page/warm-up")).send().await.unwrap().text().await.unwrap();
    client.get(server.url("/close/1/a")).send().await.unwrap().text().await.unwrap();
    assert_eq!(server.requests_to("/close/1/a"), 2);
    tokio::time::pause();
    let begin = Instant::now();
    assert!(client.get(server.url("/hang")).send().await.unwrap_err().is_timeout());
    assert_eq!(begin.elapsed().as_secs(), 300);
}

/// In aiohttp, a program's settings override the defaults. So they do here, on the builder from `aiohttp_defaults`.
#[tokio::test]
async fn what_is_set_after_the_defaults_holds() {
    let server = Server::start().await.unwrap();
    let client =
        aiohttp_defaults(builder(), Timeouts::default()).retry(retry::never()).http1_max_headers(5).build();
    let client = client.unwrap();
    client.get(server.url("/page/warm-up")).send().await.unwrap().text().await.unwrap();
    assert!(client.get(server.url("/close/1/a")).send().await.is_err());
    assert_eq!(server.requests_to("/close/1/a"), 1);
    let many = format!(
        "/raw/a?HTTP/1.1%20200%20OK%0D%0AContent-Length:%200%0D%0A{}%0D%0A",
        "X:%201%0D%0A".repeat(9)
    );
    assert!(client.get(server.url(&many)).send().await.is_err());
}
