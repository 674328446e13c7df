//! A local HTTP server whose routes misbehave on request: the failures that a client has to survive, offline.
//!
//! It listens on a free port of 127.0.0.1, can hold an answer back until a test opens a gate, and counts requests. So a
//! lesson waits for an event ([`Server::until`]), never for a time.
//!
//! | path | what happens |
//! |---|---|
//! | `/page/NAME` | 200, text `page NAME` |
//! | `/bytes/N` | 200, N bytes |
//! | `/echo` | 200, text: the method, the headers, an empty line, the body |
//! | `/json`, `/json/as/text/html`, `/json/broken` | JSON; JSON that says it is something else; what says it is JSON and is not |
//! | `/status/CODE` | that status, with its name as the body |
//! | `/fail/N/CODE/KEY` | the first N requests get that status, the later ones 200 |
//! | `/busy/N/seconds/S/KEY`, `/busy/N/date/S/KEY` | the first N get 429 and `Retry-After`: S seconds, or the date S seconds from now |
//! | `/slow/headers/MS`, `/slow/body/MS` | everything, or the second half of the body, comes after that many milliseconds |
//! | `/hold/headers/GATE`, `/hold/body/GATE` | everything, or the second half of the body, comes once [`Server::open`] opened the gate |
//! | `/hang`, `/hang/body` | nothing, or nothing after the first half of the body, ever |
//! | `/endless` | a body without an end |
//! | `/cut`, `/cut/chunked` | the connection is closed in the middle of the body |
//! | `/close`, `/garbage` | the connection is closed without an answer; something that is not HTTP |
//! | `/close/N/KEY` | the same for the first N requests; the later ones get 200 |
//! | `/raw/KEY?BYTES` | these bytes (percent-encoded, a few kB) in place of an answer; then the connection is closed |
//! | `/file/KIND/N/CUTS/KEY` | N bytes, also from an offset on (`Range: bytes=K-`, `If-Range`); the first CUTS answers break off halfway |
//! | `/redirect/N`, `/redirect/loop` | N hops and then `/page/end`; hops without an end |
//! | `/redirect/to/CODE?URL` | that redirect, to that URL |
//! | `/websocket/echo`, `/websocket/silent`, `/websocket/goodbye` | answers messages and pings; answers nothing; says `one`, `two` and closes |
//!
//! Everything else is a 404. A KEY makes a URL one of its own: the first N are counted for each path.
//!
//! A file of KIND `steady` has an `ETag` and is the same each time; `changing` is another one at each request; `deaf` has
//! an `ETag` and answers the whole file to any range; `untagged` has none; `shifted` answers from one byte further on than
//! was asked for.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{SinkExt, Stream, StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, IF_RANGE, LOCATION, RANGE,
    RETRY_AFTER,
};
use hyper::{Request, Response, StatusCode, header, http, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

/// The server. Dropping it, or awaiting [`stop`](Server::stop), closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    accepting: tokio::task::JoinHandle<()>,
}

/// The counts of the server since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub connections: usize,
    /// Connections that are closed again.
    pub closed: usize,
    /// Requests whose headers arrived.
    pub requests: usize,
    /// Requests whose answer is not yet written, or whose client went away.
    pub in_flight: usize,
    /// The most requests that were ever in flight at once.
    pub peak: usize,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1. It runs on the current runtime until it is dropped.
    ///
    /// # Errors
    /// If the system has no free port.
    ///
    /// # Panics
    /// If called outside a Tokio runtime.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::<State>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, accepting })
    }

    /// The URL of a path, which begins with `/`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same URL over a WebSocket.
    #[must_use]
    pub fn websocket_url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.state.counts.borrow()
    }

    /// How many requests a path has had. The query is not part of a path.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> usize {
        lock(&self.state.paths).get(path).copied().unwrap_or(0)
    }

    /// Waits until the counts are as wanted. Returns at once if they are so already.
    ///
    /// # Cancel safety
    /// It holds nothing; dropping it and calling it again loses nothing.
    pub async fn until(&self, wanted: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.state.counts.subscribe();
        match counts.wait_for(wanted).await {
            Ok(counts) => *counts,
            // The sender lives in the state, and the state in self.
            Err(_) => unreachable!("the server outlives the borrow of it"),
        }
    }

    /// Opens a gate for good: answers that it held back, and later ones, go out.
    pub fn open(&self, gate: &str) {
        self.state.gate(gate).send_replace(true);
    }

    /// Closes the port and cuts every connection, and returns when that is done.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // Cancelled is what was asked for. The task holds the connections: when it is gone, they are.
        let _cancelled = (&mut self.accepting).await;
        lock(&self.state.websockets).abort_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Debug, Default)]
struct State {
    counts: watch::Sender<Counts>,
    paths: Mutex<HashMap<String, usize>>,
    gates: Mutex<HashMap<String, Arc<watch::Sender<bool>>>>,
    /// A connection that became a WebSocket leaves hyper, and is kept here.
    websockets: Mutex<JoinSet<()>>,
}

impl State {
    fn gate(&self, name: &str) -> Arc<watch::Sender<bool>> {
        Arc::clone(lock(&self.gates).entry(name.to_owned()).or_default())
    }

    /// Counts the request for its path, and says how many came before it.
    fn count(&self, path: &str) -> usize {
        let mut paths = lock(&self.paths);
        let requests = paths.entry(path.to_owned()).or_default();
        *requests += 1;
        *requests - 1
    }
}

/// A panic while a map is locked leaves a whole map behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // The connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that was gone before it was accepted is no error of the server.
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(serve(stream, Arc::clone(&state)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    struct Closed(Arc<State>);
    impl Drop for Closed {
        fn drop(&mut self) {
            self.0.counts.send_modify(|counts| counts.closed += 1);
        }
    }

    // Otherwise small answers wait until the client acknowledges the answers before.
    let _unsupported = stream.set_nodelay(true);
    state.counts.send_modify(|counts| counts.connections += 1);
    let _closed = Closed(Arc::clone(&state));
    let last_words = LastWords::default();
    let wire = Wire { stream, last_words: Arc::clone(&last_words) };
    let service = service_fn(move |request| answer(request, Arc::clone(&state), Arc::clone(&last_words)));
    // Every error here was requested by a route, or comes from a client that went away.
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades()
        .await;
}

type Answer = Response<Counted>;
type AnyBody = http_body_util::combinators::BoxBody<Bytes, io::Error>;

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    last_words: LastWords,
) -> Result<Answer, Infallible> {
    let in_flight = InFlight::new(Arc::clone(&state));
    let response = route(request, &state, &last_words).await.unwrap_or_else(|_| {
        let mut response = Response::new(full("bad request"));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    });
    Ok(response.map(|body| Counted { body, _in_flight: in_flight }))
}

async fn route(
    request: Request<Incoming>,
    state: &Arc<State>,
    last_words: &LastWords,
) -> http::Result<Response<AnyBody>> {
    let path = request.uri().path().to_owned();
    let earlier = state.count(&path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let ok = Response::builder();
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let failing = |times: &str| earlier < usize::try_from(number(times)).unwrap_or(usize::MAX);
    let status = |code: &str| StatusCode::from_bytes(code.as_bytes());

    match segments.as_slice() {
        ["page", name] => ok.body(full(format!("page {name}\n"))),
        ["bytes", size] => ok.body(full(vec![b'x'; size.parse().unwrap_or(0)])),
        ["echo"] => {
            let mut text = format!("{}\n", request.method());
            for (name, value) in request.headers() {
                // Writing to a String does not fail.
                let _infallible = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
            }
            text.push('\n');
            let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
            text.push_str(&String::from_utf8_lossy(&body.unwrap_or_default()));
            ok.body(full(text))
        }
        ["json"] => json(ok, "application/json", r#"{"name": "tokio", "stars": 5}"#),
        ["json", "as", kind, subtype] => {
            json(ok, &format!("{kind}/{subtype}"), r#"{"name": "tokio", "stars": 5}"#)
        }
        ["json", "broken"] => json(ok, "application/json", r#"{"name": "tokio", "#),
        ["status", code] => named(status(code)?),
        ["fail", times, code, ..] if failing(times) => named(status(code)?),
        ["busy", times, form, seconds, ..] if failing(times) => {
            let after = match *form {
                "date" => httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(number(seconds))),
                _ => number(seconds).to_string(),
            };
            let mut response = named(StatusCode::TOO_MANY_REQUESTS)?;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::try_from(after)?);
            Ok(response)
        }
        ["fail" | "busy", ..] => ok.body(full("at last\n")),
        ["slow", "headers", milliseconds] => {
            tokio::time::sleep(Duration::from_millis(number(milliseconds))).await;
            ok.body(full("slow\n"))
        }
        ["slow", "body", milliseconds] => {
            let pause = Duration::from_millis(number(milliseconds));
            ok.body(halves(async move { tokio::time::sleep(pause).await }))
        }
        ["hold", "headers", gate] => {
            pass(state.gate(gate)).await;
            ok.body(full("held\n"))
        }
        ["hold", "body", gate] => ok.body(halves(pass(state.gate(gate)))),
        ["hang"] => std::future::pending().await,
        ["hang", "body"] => ok.body(halves(std::future::pending())),
        ["endless"] => {
            let chunk = Bytes::from_static(&[b'x'; 16 * 1024]);
            ok.body(chunked(stream::repeat_with(move || Ok(chunk.clone()))))
        }
        ["cut"] => ok.header(CONTENT_LENGTH, 1000).body(cut(Bytes::from_static(b"the beginning of"))),
        ["cut", "chunked"] => ok.body(cut(Bytes::from_static(b"the beginning of"))),
        ["close"] => instead(last_words, b"".into()),
        ["close", times, ..] if failing(times) => instead(last_words, b"".into()),
        ["close", ..] => ok.body(full("at last\n")),
        ["garbage"] => instead(last_words, b"this is not what HTTP looks like\r\n\r\n".into()),
        ["raw", ..] => instead(last_words, decoded(request.uri().query().unwrap_or_default())),
        ["file", kind, size, cuts, ..] => {
            let version = if *kind == "changing" { earlier } else { 0 };
            let file = File { kind, size: size.parse().unwrap_or(0), version, is_cut: failing(cuts) };
            file.answer(request.headers())
        }
        ["redirect", "loop"] => redirect(StatusCode::FOUND, "/redirect/loop"),
        ["redirect", "to", code] => redirect(status(code)?, request.uri().query().unwrap_or("/")),
        ["redirect", hops] => match number(hops) {
            0 | 1 => redirect(StatusCode::FOUND, "/page/end"),
            hops => redirect(StatusCode::FOUND, &format!("/redirect/{}", hops - 1)),
        },
        ["websocket", kind @ ("echo" | "silent" | "goodbye")] => websocket(request, kind, state),
        _ => named(StatusCode::NOT_FOUND),
    }
}

fn full(text: impl Into<Bytes>) -> AnyBody {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

fn chunked(chunks: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static) -> AnyBody {
    BodyExt::boxed(StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))))
}

fn json(ok: http::response::Builder, kind: &str, text: &'static str) -> http::Result<Response<AnyBody>> {
    ok.header(CONTENT_TYPE, kind).body(full(text))
}

fn named(status: StatusCode) -> http::Result<Response<AnyBody>> {
    Response::builder().status(status).body(full(format!("{status}\n")))
}

fn redirect(status: StatusCode, location: &str) -> http::Result<Response<AnyBody>> {
    Response::builder().status(status).header(LOCATION, location).body(full(""))
}

async fn pass(gate: Arc<watch::Sender<bool>>) {
    let mut gate_opens = gate.subscribe();
    // It cannot fail: the sender is the gate.
    let _open = gate_opens.wait_for(|open| *open).await;
}

/// Two halves of a body, with something between them.
fn halves(between: impl Future<Output = ()> + Send + Sync + 'static) -> AnyBody {
    let first = stream::once(async { Ok(Bytes::from_static(b"first half, ")) });
    let second = stream::once(async move {
        between.await;
        Ok(Bytes::from_static(b"second half\n"))
    });
    chunked(first.chain(second))
}

/// Closes the connection after these bytes, which go out in place of an answer.
fn instead(last_words: &LastWords, words: Vec<u8>) -> http::Result<Response<AnyBody>> {
    last_words.get_or_init(|| words);
    Response::builder().body(full(""))
}

/// The bytes that `%0d` and its like mean.
fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or_default();
        bytes.extend(u8::from_str_radix(code, 16).ok());
        bytes.extend(rest.as_bytes());
    }
    bytes
}

/// A file that can be fetched from an offset on.
struct File<'a> {
    kind: &'a str,
    size: usize,
    /// Another version has other bytes.
    version: usize,
    is_cut: bool,
}

impl File<'_> {
    fn answer(&self, headers: &hyper::HeaderMap) -> http::Result<Response<AnyBody>> {
        let Self { kind, size, version, is_cut } = *self;
        let tag = format!("\"{version}\"");
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let offset =
            text(RANGE).and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let is_same = text(IF_RANGE).is_none_or(|validator| validator == tag);
        let offset: Option<usize> = offset.filter(|_| is_same && !["deaf", "untagged"].contains(&kind));

        let mut response = Response::builder().header(ACCEPT_RANGES, "bytes");
        if kind != "untagged" {
            response = response.header(ETAG, tag);
        }
        let begin = match offset {
            None => 0,
            Some(offset) if offset >= size => {
                let range = format!("bytes */{size}");
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                return response.status(status).header(CONTENT_RANGE, range).body(full(""));
            }
            Some(offset) => {
                let begin = if kind == "shifted" { offset + 1 } else { offset };
                let range = format!("bytes {begin}-{}/{size}", size - 1);
                response = response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, range);
                begin
            }
        };
        let letter = |index: usize| b'a' + ((index / 10 + version) % 26) as u8;
        let bytes: Vec<u8> = (begin..size).map(letter).collect();
        if is_cut {
            let beginning = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
            return response.header(CONTENT_LENGTH, bytes.len()).body(cut(beginning));
        }
        response.body(full(bytes))
    }
}

/// The beginning of a body, and then the end of the connection.
fn cut(beginning: Bytes) -> AnyBody {
    let beginning = stream::once(async { Ok(beginning) });
    let end = stream::once(async {
        // hyper writes what it has when the body has nothing more for it: without this, nothing would go out.
        tokio::task::yield_now().await;
        Err(io::Error::other("asked to cut the body short"))
    });
    chunked(beginning.chain(end))
}

fn websocket(mut request: Request<Incoming>, kind: &str, state: &State) -> http::Result<Response<AnyBody>> {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return named(StatusCode::UPGRADE_REQUIRED);
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    let kind = kind.to_owned();
    lock(&state.websockets).spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let stream = TokioIo::new(upgraded);
        if kind == "silent" {
            // It takes no byte from the wire, so that neither a message nor a ping is answered.
            let _kept_open = stream;
            std::future::pending::<()>().await;
            return;
        }
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        if kind == "goodbye" {
            for word in ["one", "two"] {
                let _gone = socket.send(Message::text(word)).await;
            }
            let _gone = socket.close(None).await;
        }
        // Reading answers pings, and the client's half of the closing handshake.
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err()
            {
                return;
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(full(""))
}

/// Counts a request as in flight for as long as it lives: until its answer is written or its client is gone.
#[derive(Debug)]
struct InFlight(Arc<State>);

impl InFlight {
    fn new(state: Arc<State>) -> Self {
        state.counts.send_modify(|counts| {
            counts.requests += 1;
            counts.in_flight += 1;
            counts.peak = counts.peak.max(counts.in_flight);
        });
        Self(state)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.counts.send_modify(|counts| counts.in_flight -= 1);
    }
}

/// A body that is in flight until hyper has taken all of it.
struct Counted {
    body: AnyBody,
    _in_flight: InFlight,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What goes over the wire in place of the answer, if anything; then the connection is closed.
type LastWords = Arc<OnceLock<Vec<u8>>>;

/// hyper writes HTTP and nothing else; this is between it and the socket for the routes that must not.
struct Wire {
    stream: TcpStream,
    last_words: LastWords,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(words) = self.last_words.get() else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        ready!(self.stream.poll_write_ready(context))?;
        // A few bytes fit into an idle socket's buffer whole.
        self.stream.try_write(words)?;
        Poll::Ready(Err(io::Error::other("asked to end the connection")))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
