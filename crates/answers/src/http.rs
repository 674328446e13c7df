//! HTTP clients.
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;

/// `ClientSession`.
pub fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(300)) // total; there is none by default
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(30))
        .build()?;
    Ok(client) // keep it: clones share its connections
}

/// `session.get`.
pub async fn client_get(client: reqwest::Client) -> anyhow::Result<()> {
    let response = client.get("https://example.org/").send().await?;
    let text = response.error_for_status()?.text().await?;
    Ok(())
}

/// `session.post(json=)`.
pub async fn client_post(client: reqwest::Client) -> anyhow::Result<()> {
    let body = std::collections::HashMap::from([("name", "Ada")]);
    let request = client.post("https://example.org/users").json(&body);
    let response = request.send().await?.error_for_status()?;
    Ok(())
}

/// `session.request`.
pub async fn client_request(client: reqwest::Client) -> anyhow::Result<()> {
    let url = "https://example.org/";
    let request = client.request(reqwest::Method::OPTIONS, url).build()?;
    let response = client.execute(request).await?;
    Ok(())
}

/// `resp.json`.
pub async fn response_json(response: reqwest::Response) -> anyhow::Result<()> {
    #[derive(serde::Deserialize)]
    struct User {
        name: String,
    }
    let user: User = response.error_for_status()?.json().await?;
    Ok(())
}

/// `resp.content.iter_any`.
pub async fn response_chunks(
    mut response: reqwest::Response,
) -> anyhow::Result<()> {
    while let Some(chunk) = response.chunk().await? {
        println!("{} bytes", chunk.len());
    }
    Ok(())
}

/// `resp.status`.
pub fn response_status(response: reqwest::Response) {
    if response.status() == reqwest::StatusCode::NOT_FOUND {
        println!("no such page");
    }
}

/// `resp.headers`.
pub fn response_headers(response: reqwest::Response) {
    let header = response.headers().get(reqwest::header::CONTENT_TYPE);
    let content_type = header.and_then(|value| value.to_str().ok());
}

/// `raise_for_status`.
pub fn raise_for_status(response: reqwest::Response) {
    match response.error_for_status() {
        Ok(response) => println!("{}", response.status()),
        Err(error) => println!("{:?} from the server", error.status()),
    }
}

/// `except aiohttp.ClientError`.
pub fn client_error(error: reqwest::Error) {
    if error.is_timeout() || error.is_connect() {
        println!("worth another attempt");
    }
    println!("{:#}", anyhow::Error::new(error)); // with its causes
}

/// `TCPConnector(limit=10)`.
pub async fn limited_get(
    client: reqwest::Client,
    limit: &Semaphore,
) -> anyhow::Result<()> {
    let _permit = limit.acquire().await?; // until the body is read
    let text = client.get("https://example.org/").send().await?.text().await?;
    Ok(())
}

/// `BasicAuth`.
pub async fn basic_auth(client: reqwest::Client) -> anyhow::Result<()> {
    let request = client.get("https://example.org/");
    request.basic_auth("ada", Some("secret")).send().await?;
    Ok(())
}

/// `CookieJar`.
pub fn cookie_jar(
    builder: reqwest::ClientBuilder,
    url: &reqwest::Url,
) -> anyhow::Result<reqwest::Client> {
    let jar = std::sync::Arc::new(reqwest::cookie::Jar::default());
    jar.add_cookie_str("theme=dark", url); // and what servers set
    Ok(builder.cookie_provider(jar).build()?)
}

/// `aiohttp.hdrs`.
pub fn headers() {
    use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
    let name = HeaderName::from_static("x-forwarded-host");
    headers.insert(name, HeaderValue::from_static("example.org"));
}

/// `ws_connect`.
pub async fn ws_connect() -> anyhow::Result<()> {
    let url = "ws://localhost:8000/";
    let (mut socket, _response) = tokio_tungstenite::connect_async(url).await?;
    socket.send(Message::text("hello")).await?;
    while let Some(message) = socket.next().await {
        println!("{:?}", message?);
    }
    Ok(())
}

/// `ws.receive`.
pub async fn ws_receive(
    mut socket: tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>,
) {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => println!("{text}"),
        Some(Ok(Message::Binary(bytes))) => println!("{bytes:?}"),
        Some(Ok(Message::Close(_))) | None => println!("closed"),
        Some(Ok(other)) => println!("{other:?}"), // pings, pongs
        Some(Err(error)) => println!("lost: {error}"),
    }
}

/// `WebSocketException`.
pub fn ws_error(error: tokio_tungstenite::tungstenite::Error) {
    use tokio_tungstenite::tungstenite::Error;
    match error {
        Error::Http(response) => println!("refused: {}", response.status()),
        Error::ConnectionClosed => println!("closed before"),
        other => println!("{other}"),
    }
}

/// `httpx.URL`.
pub fn url() -> anyhow::Result<()> {
    let url = reqwest::Url::parse("https://example.org/pages/")?;
    let mut page = url.join("7")?; // https://example.org/pages/7
    page.query_pairs_mut().append_pair("lang", "en"); // ?lang=en
    Ok(())
}

/// `ws.close`.
pub async fn ws_close(
    mut socket: tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>,
) -> anyhow::Result<()> {
    socket.close(None).await?;
    while socket.next().await.is_some() {} // the peer's answer
    Ok(())
}
