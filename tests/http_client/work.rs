//! What the lessons of this recipe share.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_client::client::{Timeouts, environment_proxies};
use reqwest::{Client, ClientBuilder, Method, Request, Response, Url};
use tokio::time::sleep;

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const DAY: Duration = seconds(24 * 60 * 60);

pub fn url(text: impl AsRef<str>) -> Url {
    Url::parse(text.as_ref()).unwrap()
}

/// reqwest's client without the machine's proxies and certificates.
pub fn plain() -> Client {
    Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

/// The settings that a reader's program makes.
pub fn builder() -> ClientBuilder {
    environment_proxies(Client::builder().user_agent("lesson").tls_certs_only([]))
}

/// The recipe's client with these limits.
pub fn with(timeouts: Timeouts) -> Client {
    http_client::client::client(builder(), timeouts).unwrap()
}

/// The recipe's client.
pub fn client() -> Client {
    with(Timeouts::default())
}

pub fn get(address: impl AsRef<str>) -> Request {
    Request::new(Method::GET, url(address))
}

/// All causes of an error, as one text.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

pub fn files(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

/// A response whose body comes in two halves, a second each. The `Arc` is held until the body is dropped. There is no
/// socket, so that it can be swept.
pub fn slow_response(status: u16, kind: &str, body: [&'static str; 2]) -> (Arc<()>, Response) {
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

/// A response whose body is an endless series of empty chunks, each ready at once.
pub fn endless_response(status: u16, kind: &str) -> Response {
    use tokio_tungstenite::tungstenite::http;
    let chunks = stream::repeat_with(|| io::Result::Ok(Bytes::new()));
    let body = reqwest::Body::wrap_stream(chunks);
    http::Response::builder().status(status).header("content-type", kind).body(body).unwrap().into()
}

/// What the lessons and the proofs of `many` share.
pub mod many {
    use std::future::Future;
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use futures::stream;
    use http_client::many::{Limits, Many};
    use reqwest::Url;
    use tokio::time::sleep;

    use crate::work::{seconds, url};

    pub const LIMITS: Limits = Limits { all: some_const(3), per_host: some_const(1), aside: 100 };

    pub const fn some_const(number: usize) -> NonZeroUsize {
        match NonZeroUsize::new(number) {
            Some(number) => number,
            None => panic!("a limit is not zero"),
        }
    }

    pub fn urls(hosts: &'static [&'static str]) -> impl futures::Stream<Item = Url> + Unpin {
        stream::iter(hosts.iter().enumerate().map(|(index, host)| url(format!("http://{host}/{index}"))))
    }

    pub async fn all<S, F, T, O>(mut many: Many<S, F, T>) -> Vec<T>
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
    pub async fn fetch(url: Url) -> String {
        sleep(if url.host_str() == Some("slow") { seconds(1) } else { Duration::from_millis(10) }).await;
        format!("{}{}", url.host_str().unwrap(), url.path())
    }
}

/// What the lessons and the proofs of `json` share.
pub mod json {

    #[derive(Debug, PartialEq, serde::Deserialize)]
    pub struct Project {
        pub name: String,
        pub stars: u32,
    }
}

/// What the lessons and the proofs of `download` share.
pub mod download {
    use std::io;

    use bytes::Bytes;
    use futures::{StreamExt, stream};

    pub fn chunks(
        chunks: Vec<Result<&'static str, &'static str>>,
    ) -> impl futures::Stream<Item = io::Result<Bytes>> {
        stream::iter(chunks).map(|chunk| chunk.map(Bytes::from).map_err(io::Error::other))
    }
}

/// What the lessons and the proofs of `websocket` share.
pub mod websocket {
    use http_client::websocket::Heartbeat;
    use std::time::Duration;
    use tokio::io::{DuplexStream, duplex};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use crate::work::seconds;

    pub const INTERVAL: Duration = seconds(30);

    /// Both ends of a WebSocket without a network, so that its time can be virtual.
    pub async fn pair() -> (Heartbeat<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = duplex(64);
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let peer = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        (Heartbeat::new(socket, INTERVAL), peer)
    }
}
