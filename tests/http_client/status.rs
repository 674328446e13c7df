//! Lessons of the pattern `status`.

use common::server::Server;
use http_client::status::raise_for_status;
use tokio::time::Instant;

use crate::work::{client, seconds, slow_response};

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
