// SPDX-License-Identifier: 0BSD
//! Uploads what is never in memory as a whole: the connection pulls chunks from a stream as it can send them.
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
//! `client.post(url).body(bytes)` is enough for what fits into memory.
//!
//! # Cancel safety
//!
//! Dropping the request drops the stream at once, and with it the file or whatever it reads from. `Body::wrap_stream`
//! alone does not promise that: the connection owns the stream, and one that is stuck in a write to a peer who takes
//! nothing keeps it until TCP gives up, after 30 s with reqwest's defaults. The server sees a body without an end.
//!
//! # Errors
//!
//! A stream that fails ends the request as an error. A stream can be sent once: a redirect that would repeat the body
//! (307, 308) is not followed, and the response is the redirect itself.

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

/// Puts a file. The length that it has now goes ahead of it, so that the server knows a whole body from a part. What does
/// not know its length, such as a pipe or a file of `/proc`, goes out in chunked encoding.
///
/// # Errors
/// If the file cannot be read or the connection fails.
pub async fn upload_file(client: &Client, url: Url, path: &Path) -> Result<Response, BoxError> {
    let file = tokio::fs::File::open(path).await?;
    // Zero is what a pipe says, and an empty file.
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

/// A stream that is the connection's to read and ours to take back.
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
            // An end would make the server believe that it has everything.
            None => Some(Err(io::Error::other("the upload was cancelled").into())).into(),
        }
    }));
    (body, Lent(Some(ours)))
}

impl<S> Lent<S> {
    /// The answer may come before the end of the body: the connection sends the rest.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        if let Some(chunks) = &self.0 {
            // What the stream does when it is dropped, it does after the lock is open again.
            let _dropped_here = chunks.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}
