//! Servers.
use std::net::SocketAddr;

use futures::{SinkExt as _, StreamExt as _};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The state of a program.
#[derive(Clone, Debug, Default)]
pub struct App;

async fn hello() -> &'static str {
    "hello"
}

/// `web.Application`.
pub fn web_app() -> axum::Router {
    use axum::routing::{get, post};
    axum::Router::new()
        .route("/", get(hello))
        .route("/users/{id}", post(hello))
        .with_state(App)
}

/// `run_app`.
pub async fn web_run(app: axum::Router) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// `AppRunner` and `TCPSite`.
pub async fn web_runner(
    app: axum::Router,
    stop: CancellationToken,
) -> anyhow::Result<(SocketAddr, JoinHandle<std::io::Result<()>>)> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stopped = stop.clone().cancelled_owned();
    let server = axum::serve(listener, app).with_graceful_shutdown(stopped);
    let server = tokio::spawn(server.into_future()); // stop.cancel() ends it
    Ok((address, server))
}

/// `web.Request`.
pub fn web_handler() {
    use axum::extract::{Json, Path, State};
    async fn rename(
        State(app): State<App>,
        Path(id): Path<u64>,
        Json(name): Json<String>, // the body comes last
    ) -> String {
        format!("{id} is {name}")
    }
}

/// `web.Response`.
pub fn web_response() -> impl axum::response::IntoResponse {
    use axum::http::{StatusCode, header};
    let headers = [(header::CONTENT_TYPE, "text/csv")];
    (StatusCode::CREATED, headers, "id,name\n")
}

/// `raise web.HTTPNotFound`.
pub fn web_error() -> axum::Router {
    use axum::{extract::Path, http::StatusCode, routing::get};
    async fn user(Path(id): Path<usize>) -> Result<&'static str, StatusCode> {
        let at = id.checked_sub(1).ok_or(StatusCode::BAD_REQUEST)?;
        ["Ada", "Bob"].get(at).copied().ok_or(StatusCode::NOT_FOUND)
    }
    axum::Router::new().route("/users/{id}", get(user))
}

/// `web.StreamResponse`.
pub fn web_stream() -> axum::body::Body {
    let lines = async_stream::stream! {
        for id in 0..3 {
            yield std::io::Result::Ok(format!("{id}\n"));
        }
    };
    axum::body::Body::from_stream(lines)
}

/// `web.FileResponse`.
pub async fn web_file(path: &str) -> std::io::Result<axum::body::Body> {
    let file = tokio::fs::File::open(path).await?;
    let pieces = tokio_util::io::ReaderStream::new(file);
    Ok(axum::body::Body::from_stream(pieces))
}

/// `web.middleware`.
pub fn web_middleware(app: axum::Router) -> axum::Router {
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    app.layer(from_fn(async |request: Request, next: Next| {
        let path = request.uri().path().to_owned();
        let response = next.run(request).await;
        tracing::info!("{path}: {}", response.status());
        response
    }))
}

/// `web.WebSocketResponse`.
pub async fn web_ws(stream: tokio::net::TcpStream) -> anyhow::Result<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// `TestServer`.
pub async fn test_server(app: axum::Router) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, app).into_future());
    let text = reqwest::get(url).await?.text().await?;
    Ok(())
}
