//! Lessons of the pattern `upload`.

use std::io;
use std::path::Path;

use bytes::Bytes;
use common::server::Server;
use futures::{StreamExt, stream};
use http_client::upload::{upload, upload_file};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::work::{causes, client, url};

/// Behaviour N10. aiohttp: `data=async_generator()`. Both send chunked encoding.
#[tokio::test]
async fn a_stream_arrives_as_one_body() {
    let server = Server::start().await.unwrap();
    let words =
        stream::iter(["one, ", "two"]).map(|word| io::Result::Ok(Bytes::from_static(word.as_bytes())));
    let echo = upload(&client(), url(server.url("/echo")), words).await.unwrap().text().await.unwrap();
    assert!(echo.starts_with("POST\n") && echo.ends_with("\n\none, two"), "{echo}");
    assert!(echo.contains("transfer-encoding: chunked"));
}

/// A file has a length, and the request announces it.
#[tokio::test]
async fn a_file_arrives_with_its_length() {
    let server = Server::start().await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file").unwrap();
    let response = upload_file(&client(), url(server.url("/echo")), file.path()).await.unwrap();
    let echo = response.text().await.unwrap();
    assert!(echo.starts_with("PUT\n") && echo.ends_with("\n\nfrom a file"), "{echo}");
    assert!(echo.contains("content-length: 11"));
    assert!(upload_file(&client(), url(server.url("/echo")), Path::new("/no/such/file")).await.is_err());
}

/// A stream without an end. When it is dropped, it reports how many chunks were taken.
fn endless() -> (impl futures::Stream<Item = io::Result<Bytes>> + Send, tokio::sync::oneshot::Receiver<usize>)
{
    struct Taken(usize, Option<tokio::sync::oneshot::Sender<usize>>);
    impl Drop for Taken {
        fn drop(&mut self) {
            let _nobody_asks = self.1.take().unwrap().send(self.0);
        }
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let stream = stream::unfold(Taken(0, Some(sender)), |mut taken| async {
        taken.0 += 1;
        Some((Ok(Bytes::from_static(&[b'x'; 1024 * 1024])), taken))
    });
    (stream, receiver)
}

/// Behaviour N10. In both, chunks are pulled as the connection takes them, and cancelling the request closes the
/// stream. This stream never ends, and the server reads none of it.
#[tokio::test]
async fn chunks_are_pulled_as_needed_and_a_cancelled_request_drops_the_stream() {
    let server = Server::start().await.unwrap();
    let (chunks, mut dropped) = endless();
    let client = client();
    tokio::select! {
        _ = upload(&client, url(server.url("/hang")), chunks) => panic!("nobody answers"),
        _ = server.until(|counts| counts.in_flight == 1) => {}
    }
    let taken = dropped.try_recv().expect("it is dropped together with the request");
    assert!(taken < 100, "{taken} MiB are in the buffers of the sockets");
}

/// The hazard: without the pattern, the connection keeps the stream for as long as it is stuck.
#[tokio::test]
async fn but_a_plain_stream_stays_with_a_connection_that_is_stuck() {
    let server = Server::start().await.unwrap();
    let (chunks, mut dropped) = endless();
    let plain = client().post(server.url("/hang")).body(reqwest::Body::wrap_stream(chunks)).send();
    tokio::select! {
        _ = plain => panic!("nobody answers"),
        _ = server.until(|counts| counts.in_flight == 1) => {}
    }
    // A round trip over another connection gives the first one time to notice the cancellation.
    client().get(server.url("/page/other")).send().await.unwrap();
    assert!(dropped.try_recv().is_err(), "the request is gone, its stream is not");
    server.stop().await;
    assert!(dropped.await.is_ok(), "now that the connection is broken, it is");
}

/// A stream can be sent only once, so the caller gets a redirect that would repeat it.
#[tokio::test]
async fn a_redirect_that_repeats_the_body_is_handed_back() {
    let server = Server::start().await.unwrap();
    let word = stream::iter([io::Result::Ok(Bytes::from_static(b"once"))]);
    let response = upload(&client(), url(server.url("/redirect/to/307?/echo")), word).await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(server.requests_to("/echo"), 0);
}

/// A server may answer before it has read everything. The rest is sent all the same.
#[tokio::test]
async fn an_early_answer_does_not_cut_the_body_off() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = url(format!("http://{}/", listener.local_addr().unwrap()));
    let (mut chunks, body) = futures::channel::mpsc::channel(1);
    let chunk = |text: &'static str| io::Result::Ok(Bytes::from_static(text.as_bytes()));
    let client = client();
    let send = async {
        chunks.try_send(chunk("early, ")).unwrap();
        assert_eq!(upload(&client, address, body).await.unwrap().status(), 200);
        chunks.try_send(chunk("late")).unwrap();
        chunks.close_channel();
    };
    let serve = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        while !received.ends_with(b"early, \r\n") {
            assert_ne!(socket.read_buf(&mut received).await.unwrap(), 0);
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        while !received.ends_with(b"\r\n0\r\n\r\n") {
            assert_ne!(socket.read_buf(&mut received).await.unwrap(), 0, "the body has no end");
        }
        String::from_utf8(received).unwrap()
    };
    let ((), received) = tokio::join!(send, serve);
    assert!(received.ends_with("\r\n7\r\nearly, \r\n4\r\nlate\r\n0\r\n\r\n"), "{received}");
}

/// A stream that fails never looks like a stream that ended.
#[tokio::test]
async fn a_stream_that_fails_is_an_error() {
    let server = Server::start().await.unwrap();
    let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("the disk is gone"))]);
    let error = upload(&client(), url(server.url("/hang")), broken).await.unwrap_err();
    assert!(causes(&error).contains("the disk is gone"), "{}", causes(&error));
}

/// A pipe has no length, and files of `/proc` report zero.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_does_not_know_its_length_arrives_whole() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let writer = tokio::spawn(tokio::fs::write(fifo.clone(), "from a pipe"));
    let response = upload_file(&client(), url(server.url("/echo")), &fifo).await.unwrap();
    writer.await.unwrap().unwrap();
    let echo = response.text().await.unwrap();
    assert!(echo.ends_with("\n\nfrom a pipe"), "{echo}");
    assert!(echo.contains("transfer-encoding: chunked"), "{echo}");
    let response =
        upload_file(&client(), url(server.url("/echo")), Path::new("/proc/self/cmdline")).await.unwrap();
    assert!(response.text().await.unwrap().contains("http_client"));
    assert!(upload_file(&client(), url(server.url("/echo")), folder.path()).await.is_err(), "a folder");
}
