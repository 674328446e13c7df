use answers::web::{
    web_app, web_error, web_file, web_response, web_runner, web_stream, web_ws,
};
use axum::Router;
use axum::routing::get;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use reqwest::{ClientBuilder, Method, Response};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// A client for servers on this machine, whatever proxy the environment names.
pub(crate) fn client() -> ClientBuilder {
    reqwest::Client::builder().no_proxy()
}

/// The address of a server that runs until the test ends.
pub(crate) async fn serve(app: Router) -> String {
    let stop = CancellationToken::new();
    let (address, _server) = web_runner(app, stop).await.unwrap();
    format!("http://{address}/")
}

async fn ask(method: Method, url: String) -> Response {
    client().build().unwrap().request(method, url).send().await.unwrap()
}

/// aiohttp answers 405 for a known path and another method, 404 for any other path; so does axum.
#[tokio::test]
async fn routes_answer_by_path_and_method() {
    let url = serve(web_app()).await;
    let mut statuses = Vec::new();
    for (method, path) in [
        (Method::GET, ""),
        (Method::POST, "users/7"),
        (Method::GET, "users/7"),
        (Method::GET, "other"),
    ] {
        let response = ask(method, format!("{url}{path}")).await;
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 405, 404]);
}

/// `web.Response(status=201, content_type="text/csv", text=..)` is a tuple that the handler returns.
#[tokio::test]
async fn a_tuple_is_status_headers_and_body() {
    let app = Router::new().route("/", get(|| async { web_response() }));
    let response = ask(Method::GET, serve(app).await).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()[CONTENT_TYPE], "text/csv");
    assert_eq!(response.text().await.unwrap(), "id,name\n");
}

/// aiohttp raises `HTTPNotFound` and `HTTPBadRequest`; a handler of axum returns the status as its `Err`.
#[tokio::test]
async fn an_error_is_returned_as_its_status() {
    let url = serve(web_error()).await;
    let mut ends = Vec::new();
    for id in [0, 2, 3] {
        let response = ask(Method::GET, format!("{url}users/{id}")).await;
        let status = response.status().as_u16();
        ends.push((status, response.text().await.unwrap()));
    }
    let expected = [(400, ""), (200, "Bob"), (404, "")];
    assert_eq!(ends, expected.map(|(status, text)| (status, text.to_owned())));
}

/// A `StreamResponse` is written to; in axum its body is a stream, and hyper sends each item as a chunk.
#[tokio::test]
async fn a_stream_is_sent_in_chunks() {
    let app = Router::new().route("/", get(|| async { web_stream() }));
    let response = ask(Method::GET, serve(app).await).await;
    assert_eq!(response.headers()[TRANSFER_ENCODING], "chunked");
    assert_eq!(response.headers().get(CONTENT_LENGTH), None);
    assert_eq!(response.text().await.unwrap(), "0\n1\n2\n");
}

/// `web.FileResponse(path)` reads the file in pieces; so does the body that is made of one.
#[tokio::test]
async fn a_file_is_sent_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pages.txt");
    let content = "page\n".repeat(100_000);
    std::fs::write(&path, &content).unwrap();

    let path = path.to_str().unwrap().to_owned();
    let file = get(|| async move { web_file(&path).await.unwrap() });
    let app = Router::new().route("/", file);
    let response = ask(Method::GET, serve(app).await).await;
    assert!(response.text().await.unwrap() == content, "another content");
}

/// `runner.cleanup()` stops a site of aiohttp; here it is the token, and the task that serves ends.
#[tokio::test]
async fn a_cancelled_token_ends_the_server() {
    let stop = CancellationToken::new();
    let (address, server) = web_runner(web_app(), stop.clone()).await.unwrap();
    let response = ask(Method::GET, format!("http://{address}/")).await;
    assert_eq!(response.text().await.unwrap(), "hello");

    assert!(!server.is_finished());
    stop.cancel();
    server.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// `async for message in ws` ends when the peer has closed; so does the loop over the socket.
#[tokio::test]
async fn a_websocket_sends_each_text_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _peer) = listener.accept().await.unwrap();
        web_ws(stream).await
    });

    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let texts = ["one", "two"].map(Message::text);
    for text in texts.clone() {
        socket.send(text).await.unwrap();
    }
    for text in texts {
        assert_eq!(socket.next().await.unwrap().unwrap(), text);
    }
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_))) | None));
    server.await.unwrap().unwrap();
}
