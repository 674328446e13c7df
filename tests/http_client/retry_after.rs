//! Lessons of the patterns `retry_after` and `retry`, about HTTP. The lessons of `retry` alone are in error_handling.

use std::time::{Duration, SystemTime};

use common::server::Server;
use http_client::retry::{Policy, retry_outcome};
use http_client::retry_after::{judge, judge_error, judge_status, retry_after};
use http_client::status::raise_for_status;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};

use crate::work::{client, seconds};

/// Another attempt may do better, after the back-off.
const AGAIN: Option<Duration> = Some(Duration::ZERO);

async fn verdict(method: Method, client: &Client, server: &Server, path: &str) -> Option<Duration> {
    let outcome = client.request(method.clone(), server.url(path)).send().await;
    judge(&method, outcome.as_ref(), SystemTime::now())
}

/// Only failures that may pass are repeated, and only for a method that may be repeated.
#[tokio::test]
async fn only_passing_failures_of_idempotent_methods_are_worth_it() {
    let (server, client) = (Server::start().await.unwrap(), client());
    for status in [408, 429, 500, 502, 503, 504] {
        let path = format!("/status/{status}");
        assert_eq!(verdict(Method::GET, &client, &server, &path).await, AGAIN, "{path}");
        assert_eq!(verdict(Method::PUT, &client, &server, &path).await, AGAIN, "{path}");
        assert_eq!(verdict(Method::POST, &client, &server, &path).await, None, "{path}");
    }
    for status in [200, 400, 401, 403, 404, 410, 501] {
        assert_eq!(
            verdict(Method::GET, &client, &server, &format!("/status/{status}")).await,
            None,
            "{status}"
        );
    }
    assert_eq!(verdict(Method::GET, &client, &server, "/close").await, AGAIN);
    assert_eq!(verdict(Method::POST, &client, &server, "/close").await, None, "it may have been done");
    assert_eq!(verdict(Method::GET, &client, &server, "/redirect/loop").await, None);
    // A failure of TLS will not pass: an untrusted certificate, or a server that does not speak TLS.
    let without_tls = client.get(server.url("/page/one").replace("http:", "https:")).send().await;
    assert_eq!(judge(&Method::GET, without_tls.as_ref(), SystemTime::now()), None);
    let gone = server.url("/page/gone");
    server.stop().await;
    let refused = client.get(gone).send().await;
    assert_eq!(judge(&Method::GET, refused.as_ref(), SystemTime::now()), AGAIN);
}

/// A body that breaks off is worth another attempt too, if the attempt includes the body.
#[tokio::test]
async fn a_body_that_breaks_off_is_worth_another_attempt() {
    let server = Server::start().await.unwrap();
    for path in ["/cut", "/cut/chunked"] {
        let error = client().get(server.url(path)).send().await.unwrap().bytes().await.unwrap_err();
        assert_eq!(judge(&Method::GET, Err(&error), SystemTime::now()), AGAIN, "{path}");
    }
}

/// Both forms of the header are read: seconds, and a date. A date in the past gives no pause.
#[tokio::test]
async fn retry_after_is_seconds_or_a_date() {
    let server = Server::start().await.unwrap();
    let busy = client().get(server.url("/busy/1/seconds/7/a")).send().await.unwrap();
    assert_eq!(retry_after(busy.headers(), SystemTime::now()), Some(seconds(7)));

    let busy = client().get(server.url("/busy/1/date/3600/b")).send().await.unwrap();
    let date = busy.headers()["retry-after"].to_str().unwrap();
    let date = httpdate::parse_http_date(date).unwrap();
    assert_eq!(retry_after(busy.headers(), date - seconds(90)), Some(seconds(90)));
    assert_eq!(retry_after(busy.headers(), date + seconds(90)), Some(seconds(0)));

    let none = client().get(server.url("/status/503")).send().await.unwrap();
    assert_eq!(retry_after(none.headers(), SystemTime::now()), None);
}

/// All of it together: two refusals with `Retry-After: 0`, then the page.
#[tokio::test]
async fn a_busy_server_gives_the_page_in_the_end() {
    let server = Server::start().await.unwrap();
    let (client, address) = (client(), server.url("/busy/2/seconds/0/c"));
    let judge =
        |sent: &reqwest::Result<Response>| judge(&Method::GET, sent.as_ref(), SystemTime::now()).into();
    let attempt = || client.get(&address).send();
    let outcome = retry_outcome(Policy::default(), attempt, judge, |_, _| {}).await;
    assert_eq!(outcome.unwrap().text().await.unwrap(), "at last\n");
    assert_eq!(server.requests_to("/busy/2/seconds/0/c"), 3);
}

/// A number of seconds too large for an integer is a very long pause; the header is not ignored.
#[tokio::test]
async fn a_pause_beyond_every_number_is_a_very_long_one() {
    let server = Server::start().await.unwrap();
    let asked = async |value: &str| {
        let path = format!(
            "/raw/a?HTTP/1.1%20503%20Busy%0D%0ARetry-After:%20{value}%0D%0AContent-Length:%200%0D%0A%0D%0A"
        );
        retry_after(client().get(server.url(&path)).send().await.unwrap().headers(), SystemTime::now())
    };
    assert_eq!(asked("99999999999999999999999").await, Some(Duration::MAX));
    assert_eq!(asked("18446744073709551615").await, Some(seconds(u64::MAX)));
    assert_eq!(asked("007").await, Some(seconds(7)));
    for nonsense in ["-1", "1.5", "soon", "1e9", "", "+7"] {
        assert_eq!(asked(nonsense).await, None, "{nonsense:?}");
    }
}

/// urllib3: `parse_retry_after` takes both forms, too. A list of two values, or a date in another form, is ignored.
#[test]
fn what_is_neither_seconds_nor_a_date_asks_for_nothing() {
    let now = SystemTime::UNIX_EPOCH + seconds(784_111_777);
    let asked = |value: &'static str| {
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]), now)
    };
    // RFC 9110 has three forms of a date, and all are read.
    for date in
        ["Sun, 06 Nov 1994 08:49:47 GMT", "Sunday, 06-Nov-94 08:49:47 GMT", "Sun Nov  6 08:49:47 1994"]
    {
        assert_eq!(asked(date), Some(seconds(10)), "{date}");
    }
    assert_eq!(asked(" 10 "), Some(seconds(10)));
    for nonsense in ["10, 20", "10s", "2026-11-30T10:00:00Z", "Sun, 06 Nov 1994", "0x10"] {
        assert_eq!(asked(nonsense), None, "{nonsense}");
    }
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

/// The latest date that a header can name is a long pause. A date beyond it is ignored.
#[test]
fn a_date_far_away_is_a_long_pause() {
    let asked = |value: &'static str| {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        retry_after(&headers, SystemTime::UNIX_EPOCH)
    };
    assert_eq!(asked("Fri, 31 Dec 9999 23:59:59 GMT"), Some(seconds(253_402_300_799)));
    assert_eq!(asked("Thu, 01 Jan 1970 00:00:00 GMT"), Some(seconds(0)));
    assert_eq!(asked("Fri, 31 Dec 10000 23:59:59 GMT"), None);
}

/// aiohttp-retry judges a response. Here a `StatusError` is enough, because it keeps the status and the headers.
#[tokio::test]
async fn a_status_error_can_be_judged_by_its_status_and_headers() {
    let (server, now) = (Server::start().await.unwrap(), SystemTime::now());
    let ask = async |path: &str| {
        let response = client().get(server.url(path)).send().await.unwrap();
        raise_for_status(response, 100).await.unwrap_err()
    };
    let busy = ask("/busy/1/seconds/7/a").await;
    assert_eq!(judge_status(&Method::GET, busy.status, &busy.headers, now), Some(seconds(7)));
    assert_eq!(judge_status(&Method::POST, busy.status, &busy.headers, now), None);
    let missing = ask("/status/404").await;
    assert_eq!(judge_status(&Method::GET, missing.status, &missing.headers, now), None);
    assert_eq!(judge_status(&Method::GET, StatusCode::BAD_GATEWAY, &missing.headers, now), AGAIN);
}

/// An error has no status. It is judged by where it happened: in the connection, or in the request itself.
#[tokio::test]
async fn an_error_is_judged_without_a_clock() {
    let server = Server::start().await.unwrap();
    let closed = client().get(server.url("/close")).send().await.unwrap_err();
    assert_eq!(judge_error(&Method::GET, &closed), AGAIN);
    assert_eq!(judge_error(&Method::POST, &closed), None);
    let invalid = client().get("http://").send().await.unwrap_err();
    assert_eq!(judge_error(&Method::GET, &invalid), None);
}
