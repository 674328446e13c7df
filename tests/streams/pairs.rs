//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::work::WITHIN;

/// A listener on a free port, and its address.
async fn listen() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers in capitals when the peer has ended its direction.
async fn capitals(mut stream: TcpStream) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    stream.write_all(text.to_uppercase().as_bytes()).await.unwrap();
}

/// asyncio: `open_connection`. Tokio: `TcpStream`, and `ask` for a request with one answer.
#[tokio::test]
async fn connect_write_and_read_to_the_end() -> anyhow::Result<()> {
    let (listener, address) = listen().await;
    tokio::spawn(async move { capitals(listener.accept().await.unwrap().0).await });

    let stream = streams::connect::open(address, Duration::from_secs(5)).await?;
    let answer = streams::connect::ask(stream, b"hello", 1_000_000).await?; // at most a megabyte

    assert_eq!(answer, b"HELLO");
    Ok(())
}

/// asyncio: `start_server`, `close`, `wait_closed`. Tokio: `serve`, with a token and a deadline.
#[tokio::test]
async fn serve_until_the_stop() -> anyhow::Result<()> {
    use streams::connect::{ask, open};

    let stop = tokio_util::sync::CancellationToken::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let limits = streams::serve::ServerLimits::default(); // 1,000 connections, 10 s after the stop
    let server = streams::serve::serve(listener, limits, stop.clone(), |stream, _stop| capitals(stream));
    let server = tokio::spawn(server);
    let answer = ask(open(address, WITHIN).await?, b"hello", 1_000_000).await?;
    stop.cancel();
    let served = server.await?; // closed, and no connection is left

    assert_eq!((&answer[..], served.handled), (&b"HELLO"[..], 1));
    Ok(())
}

/// asyncio: `readuntil`, with its two errors. Tokio: `Lines`, with the same two.
#[tokio::test]
async fn lines_of_a_limited_length() -> anyhow::Result<()> {
    use streams::lines::{LineError, Lines};
    let reader = &b"first\ntoo long a line\n"[..];
    let mut log = Vec::new();

    let mut lines = Lines::new(reader, 8);
    loop {
        match lines.next().await {
            Ok(Some(line)) => log.push(String::from_utf8(line)?),
            Ok(None) => break,
            Err(LineError::TooLong { .. }) => log.push("too long".to_owned()), // the rest of it is skipped
            Err(error) => return Err(error.into()),
        }
    }

    assert_eq!(log, ["first", "too long"]);
    Ok(())
}

/// asyncio: two loops with `write_eof`. Tokio: `relay`.
#[tokio::test]
async fn pass_bytes_on_both_ways() -> anyhow::Result<()> {
    let ((behind, target), (listener, address)) = (listen().await, listen().await);
    tokio::spawn(async move { capitals(behind.accept().await.unwrap().0).await });
    let asked = tokio::spawn(async move {
        let stream = streams::connect::open(address, WITHIN).await?;
        streams::connect::ask(stream, b"hello", 100).await
    });

    let (client, _address) = listener.accept().await?;
    let server = TcpStream::connect(target).await?;
    let (there, back) = streams::relay::relay(client, server, Duration::from_secs(60)).await?;

    assert_eq!((asked.await??.as_slice(), there, back), (&b"HELLO"[..], 5, 5));
    Ok(())
}

/// asyncio: `struct` and `readexactly`. Tokio: a codec, and ids for many requests at once.
#[tokio::test]
async fn frames_with_a_length() -> anyhow::Result<()> {
    use futures::{SinkExt, StreamExt};
    let (here, there) = tokio::io::duplex(64);

    let codec = tokio_util::codec::LengthDelimitedCodec::builder().max_frame_length(1_000).new_codec();
    let mut sender = tokio_util::codec::Framed::new(here, codec.clone());
    let mut receiver = tokio_util::codec::Framed::new(there, codec);
    sender.send(&b"hello"[..]).await?;
    let frame = receiver.next().await.transpose()?;

    assert_eq!(frame.as_deref(), Some(&b"hello"[..]));
    Ok(())
}

/// asyncio: `happy_eyeballs_delay`. Tokio: `dial`.
#[tokio::test]
async fn the_first_address_that_answers() -> anyhow::Result<()> {
    let (listener, address) = listen().await;
    let port = address.port();

    let stream = streams::dial::dial(("127.0.0.1", port), Duration::from_millis(250)).await?;

    assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    Ok(())
}
