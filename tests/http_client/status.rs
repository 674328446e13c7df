//! Lessons of the pattern `status`.

use common::server::Server;
use http_client::status::raise_for_status;
use tokio::time::Instant;

use crate::support::ms;
use crate::work::{client, endless_response, seconds, slow_response};

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

/// aiohttp's error and `error_for_status` lose the body, where the server explains what is wrong.
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

/// It keeps exactly `keep` bytes and does not wait for more: the halves of this body are a second apart.
#[tokio::test(start_paused = true)]
async fn the_error_waits_for_what_it_keeps_and_no_longer() {
    for (keep, body, waited) in [(9, "try again", 1), (10, "try again ", 1), (12, "try again la", 2)] {
        let (_, response) = slow_response(503, "text/plain", ["try again ", "later"]);
        let begin = Instant::now();
        let error = raise_for_status(response, keep).await.unwrap_err();
        assert_eq!((error.body.as_str(), begin.elapsed()), (body, seconds(waited)));
    }
}

/// In both, an error page without an end can be timed out, even when every chunk is ready.
#[tokio::test]
async fn an_error_without_an_end_can_be_timed_out() {
    let work = raise_for_status(endless_response(503, "text/plain"), 100);
    assert!(tokio::time::timeout(ms(5), work).await.is_err());
}

/// The error also keeps headers such as `Retry-After`.
#[tokio::test]
async fn the_error_keeps_the_headers() {
    let server = Server::start().await.unwrap();
    let response = client().get(server.url("/busy/1/seconds/5/a")).send().await.unwrap();
    let error = raise_for_status(response, 100).await.unwrap_err();
    assert_eq!(error.headers["retry-after"], "5");
}

/// aiohttp: a redirect that leads nowhere raises `InvalidUrlRedirectClientError`. reqwest returns the redirect.
#[tokio::test]
async fn a_redirect_that_cannot_be_followed_is_no_success() {
    let server = Server::start().await.unwrap();
    for location in ["file:///etc/passwd", "http://[::1/", "http://127.0.0.1:99999/", "%FF%FE://"] {
        let answer = format!(
            "HTTP/1.1%20302%20Found%0D%0ALocation:%20{location}%0D%0AContent-Length:%200%0D%0A%0D%0A"
        );
        let Ok(response) = client().get(server.url(&format!("/raw/a?{answer}"))).send().await else {
            continue;
        };
        let error = raise_for_status(response, 100).await.expect_err(location);
        assert_eq!(error.status.as_u16(), 302);
        assert!(error.to_string().starts_with("302 Found, a redirect to "), "{error}");
    }
}

/// Success is 200 to 299. aiohttp raises from 400 on, and accepts a 101 that was not asked for.
#[tokio::test]
async fn a_status_that_is_not_2xx_is_no_success() {
    let server = Server::start().await.unwrap();
    for (line, text) in [
        ("101%20Switching%20Protocols", "101 Switching Protocols"),
        ("300%20Multiple%20Choices", "300 Multiple Choices"),
        ("304%20Not%20Modified", "304 Not Modified"),
        ("399%20Nearly", "399 Nearly"),
        ("600%20Beyond", "600 Beyond"),
        ("999%20Request%20denied", "999 Request denied"),
    ] {
        let path = format!("/raw/a?HTTP/1.1%20{line}%0D%0AContent-Length:%200%0D%0A%0D%0A");
        let response = client().get(server.url(&path)).send().await.unwrap();
        assert_eq!(raise_for_status(response, 100).await.unwrap_err().to_string(), text);
    }
    for line in ["200%20OK", "204%20No%20Content", "299%20Fine"] {
        let path = format!("/raw/a?HTTP/1.1%20{line}%0D%0AContent-Length:%200%0D%0A%0D%0A");
        let response = client().get(server.url(&path)).send().await.unwrap();
        assert!(raise_for_status(response, 100).await.is_ok(), "{line}");
    }
}

/// A body may hold characters that move a terminal's cursor, or text that looks like further lines of a log.
#[tokio::test(start_paused = true)]
async fn the_text_of_the_error_is_one_line_without_controls() {
    let body = ["\u{1b}[2Jgone\r\n  2.000s  all ", "is well\u{7}\u{202e}\u{9b}1m\0\n"];
    let (_held, response) = slow_response(503, "text/plain", body);
    let error = raise_for_status(response, 1000).await.unwrap_err();
    assert_eq!(error.body, body.concat(), "the field keeps it as it came");
    let text = error.to_string();
    assert_eq!(
        text,
        "503 Service Unavailable: \u{fffd}[2Jgone 2.000s all is well\u{fffd}\u{fffd}\u{fffd}1m\u{fffd}"
    );
}
