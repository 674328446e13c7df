// SPDX-License-Identifier: 0BSD
//! Uploads a stream or a file without holding it in memory: the connection pulls chunks as it can send them.
//!
//! aiohttp: `session.post(url, data=async_generator())`, `session.post(url, data=open(path, "rb"))`.
//!
//! ```sh
//! cargo add bytes
//! cargo add futures
//! cargo add reqwest --no-default-features --features rustls,stream
//! cargo add tokio --features fs
//! cargo add tokio-util --features io
//! ```
//!
//! ```
//! use axum::{Router, routing::post};
//! use bytes::Bytes;
//! use http_client::upload::upload;
//! use tokio::net::TcpListener;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/", listener.local_addr()?).parse()?;
//!     let site = Router::new().route("/", post(async |body: String| format!("got {body}")));
//!     tokio::spawn(async { axum::serve(listener, site).await });
//!
//!     let chunks = ["a long", " story"].map(|chunk| anyhow::Ok(Bytes::from(chunk)));
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
//!     let answer = upload(&client, url, futures::stream::iter(chunks)).await?;
//!     assert_eq!(answer.text().await?, "got a long story");
//!     Ok(())
//! }
//! ```
//!
//! `client.post(url).body(bytes)` is enough for a body that fits into memory.
//!
//! # Cancel safety
//!
//! Dropping the request drops the stream at once, and with it the file or other source that it reads. The server sees a
//! body without an end. `Body::wrap_stream` alone does not promise this, because the connection owns the stream. A
//! connection that is stuck in a write keeps the stream until TCP gives up, after 30 s with reqwest's defaults.
//!
//! # Errors
//!
//! If the stream fails, the request fails. A stream can be sent only once, so a redirect that would repeat the body (307,
//! 308) is not followed: the response is the redirect itself.

use std::error::Error;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{Stream, StreamExt, poll_fn};
use reqwest::{Body, Client, Response, Url, header::CONTENT_LENGTH};
use tokio_util::io::ReaderStream;

type BoxError = Box<dyn Error + Send + Sync>;

/// Posts a stream of chunks. Its length is not known: it goes out in chunked encoding.
///
/// # Errors
/// If the stream fails or the connection does.
pub async fn upload<S, E>(client: &Client, url: Url, chunks: S) -> reqwest::Result<Response>
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<BoxError> + 'static,
{
    let (body, lent) = lend(chunks);
    let response = client.post(url).body(body).send().await?;
    lent.keep();
    Ok(response)
}

/// Puts a file. It sends the file's present length first, so that the server can tell a whole body from a part. A file
/// without a length, such as a pipe or a file of `/proc`, goes out in chunked encoding.
///
/// # Errors
/// If the file cannot be read or the connection fails.
pub async fn upload_file(client: &Client, url: Url, path: &Path) -> Result<Response, BoxError> {
    let file = tokio::fs::File::open(path).await?;
    // A pipe reports zero, as an empty file does.
    let length = Some(file.metadata().await?.len()).filter(|length| *length > 0);
    let (body, lent) = lend(ReaderStream::new(file));
    let mut request = client.put(url).body(body);
    if let Some(length) = length {
        request = request.header(CONTENT_LENGTH, length);
    }
    let response = request.send().await?;
    lent.keep();
    Ok(response)
}

/// A stream that the connection reads and that we can take back.
struct Lent<S>(Option<Arc<Mutex<Option<S>>>>);

fn lend<S, E>(chunks: S) -> (Body, Lent<Pin<Box<S>>>)
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<BoxError> + 'static,
{
    let ours = Arc::new(Mutex::new(Some(Box::pin(chunks))));
    let theirs = Arc::clone(&ours);
    let body = Body::wrap_stream(poll_fn(move |context| {
        match theirs.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(chunks) => chunks.poll_next_unpin(context).map_err(Into::into),
            // A normal end would tell the server that the body is complete.
            None => Some(Err(io::Error::other("the upload was cancelled").into())).into(),
        }
    }));
    (body, Lent(Some(ours)))
}

impl<S> Lent<S> {
    /// Leaves the stream with the connection: the answer may come before the end of the body, and the rest is sent after it.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        if let Some(chunks) = &self.0 {
            // The stream's destructor runs after the lock is released.
            let _dropped_here = chunks.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}
