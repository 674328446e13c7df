//! Lessons of the pattern `json`.

use common::server::Server;
use http_client::json::{JsonError, json};

use crate::support::ms;
use crate::work::json::Project;
use crate::work::{causes, client, endless_response, slow_response};

async fn ask(path: &str, limit: usize) -> Result<Project, JsonError> {
    let server = Server::start().await.unwrap();
    json(client().get(server.url(path)).send().await.unwrap(), limit).await
}

/// Both read JSON as `application/json` and as `application/problem+json`.
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

/// In aiohttp and reqwest a body has no limit. Here it has one, and a body of exactly the limit is read.
#[tokio::test]
async fn a_longer_body_than_the_limit_is_refused() {
    let length = br#"{"name": "tokio", "stars": 5}"#.len();
    assert!(ask("/json", length).await.is_ok());
    assert!(matches!(ask("/json", length - 1).await, Err(JsonError::TooLong(_))));
}

/// The limit applies to the whole body, not to a chunk.
#[tokio::test(start_paused = true)]
async fn chunks_add_up_to_the_limit() {
    let halves = [r#"{"name": "tokio","#, r#" "stars": 5}"#];
    let length = halves.concat().len();
    let (_held, response) = slow_response(200, "application/json", halves);
    assert_eq!(json::<Project>(response, length).await.unwrap().stars, 5);
    let (_held, response) = slow_response(200, "application/json", halves);
    assert!(matches!(json::<Project>(response, length - 1).await, Err(JsonError::TooLong(_))));
}

/// RFC 6839: the name begins with `application/` and ends with `+json`. One of the two is not enough.
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

/// In both, a body without an end can be timed out, even when every chunk is ready.
#[tokio::test]
async fn json_without_an_end_can_be_timed_out() {
    let work = json::<Project>(endless_response(200, "application/json"), 100);
    assert!(tokio::time::timeout(ms(5), work).await.is_err());
}

/// Some editors put a mark in front, and some servers send UTF-16. aiohttp reads the second if its charset says so.
#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_and_utf_16_are_read() {
    let utf_16 = |to_bytes: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(to_bytes).collect();
    let text = r#"{"name": "tökio 🦀", "stars": 5}"#;
    let marked = format!("\u{feff}{text}");
    let bodies: [Vec<u8>; 6] = [
        text.into(),
        marked.clone().into(),
        utf_16(u16::to_le_bytes, text),
        utf_16(u16::to_be_bytes, text),
        utf_16(u16::to_le_bytes, &marked),
        utf_16(u16::to_be_bytes, &marked),
    ];
    for body in bodies {
        let project: Project = json(response_of(body.clone()), 1000).await.unwrap();
        assert_eq!(project, Project { name: "tökio 🦀".to_owned(), stars: 5 });
    }
    let half_a_letter = json::<u8>(response_of(b"\xff\xfe1\0\x32".to_vec()), 1000).await;
    assert!(matches!(half_a_letter, Err(JsonError::Invalid(_))));
    let half_a_pair = json::<String>(response_of(b"\"\0\x3e\xd8\"\0".to_vec()), 1000).await;
    assert!(matches!(half_a_pair, Err(JsonError::Invalid(_))));
    assert!(json::<String>(response_of(Vec::new()), 1000).await.is_err());
    assert_eq!(json::<u8>(response_of(b"7".to_vec()), 1000).await.unwrap(), 7);
}

/// A response with this body, without a socket.
fn response_of(body: Vec<u8>) -> reqwest::Response {
    use tokio_tungstenite::tungstenite::http;
    http::Response::builder().header("content-type", "application/json").body(body).unwrap().into()
}
