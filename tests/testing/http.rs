//! Lessons on the crate wiremock: an HTTP server with expectations, as respx and aioresponses have them without a server.

use wiremock::matchers::{body_string, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{ms, soon};
use crate::work::panic_of;

/// asyncio: aioresponses replaces the client. Tokio: the client is the real one, and asks a server on a free port.
#[tokio::test]
async fn a_real_client_asks_a_fake_server() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_string("<home>");
    Mock::given(method("GET")).and(path("/home")).respond_with(answer).mount(&server).await;
    let response = soon(reqwest::get(format!("{}/home", server.uri()))).await.unwrap();
    assert_eq!(soon(response.text()).await.unwrap(), "<home>");
}

/// aioresponses: a request without a rule is a `ClientConnectionError`. wiremock answers 404.
#[tokio::test]
async fn a_request_that_was_not_expected_has_404() {
    let server = MockServer::start().await;
    let response = soon(reqwest::get(server.uri())).await.unwrap();
    assert_eq!(response.status(), 404);
}

/// respx: `assert_all_called`. wiremock: an expectation is checked when the server is dropped, in the test's own task.
#[tokio::test]
async fn a_request_that_does_not_come_fails_the_test() {
    let test = async {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(body_string("hello"))
            .respond_with(ResponseTemplate::new(204))
            .expect(1)
            .mount(&server)
            .await;
    };
    assert!(panic_of(test).await.unwrap().contains("Verifications failed"));
}

/// aioresponses: answers in a row are rules that each serve once. wiremock: `up_to_n_times` does so, and the next rule follows.
#[tokio::test]
async fn answers_come_one_after_the_other() {
    let server = MockServer::start().await;
    let (busy, ok) = (ResponseTemplate::new(503), ResponseTemplate::new(200));
    Mock::given(method("GET")).respond_with(busy).up_to_n_times(2).mount(&server).await;
    Mock::given(method("GET")).respond_with(ok).mount(&server).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(soon(reqwest::get(server.uri())).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 200]);
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

/// The server has sockets, so a paused clock fires the client's timeout at once. A lesson on timeouts keeps them short, on real time.
#[tokio::test]
async fn a_timeout_of_the_client_is_tried_on_real_time() {
    let server = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(ms(60_000));
    Mock::given(method("GET")).respond_with(late).mount(&server).await;
    let client = reqwest::Client::builder().timeout(ms(20)).build().unwrap();
    assert!(soon(client.get(server.uri()).send()).await.unwrap_err().is_timeout());
}
