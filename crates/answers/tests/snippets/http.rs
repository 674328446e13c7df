use answers::http::cookie_jar;
use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::routing::get;

use crate::web::{client, serve};

/// The cookies of a request.
async fn cookies(headers: HeaderMap) -> String {
    let sent = headers.get(COOKIE).map_or("", |sent| sent.to_str().unwrap());
    let mut sent: Vec<_> = sent.split("; ").collect();
    sent.sort_unstable();
    sent.join("; ")
}

/// aiohttp's session has a `CookieJar` unless it is given another; a client of reqwest has none unless it is given one.
#[tokio::test]
async fn a_jar_sends_back_what_a_server_set() {
    let set = get(|| async { [(SET_COOKIE, "session=1")] });
    let app = Router::new().route("/set", set).route("/", get(cookies));
    let url = serve(app).await;

    let jar = cookie_jar(client(), &url.parse().unwrap()).unwrap();
    let plain = client().build().unwrap();
    let mut seen = Vec::new();
    for client in [jar, plain] {
        for path in ["", "set", ""] {
            let response = client.get(format!("{url}{path}")).send().await;
            seen.push(response.unwrap().text().await.unwrap());
        }
    }
    assert_eq!(seen, ["theme=dark", "", "session=1; theme=dark", "", "", ""]);
}
