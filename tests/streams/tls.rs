use std::io::ErrorKind;

use streams::tls::{accept, connect, connector, nothing_read_ahead};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, copy, duplex, split};
use tokio::time::Instant;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::{client, server};

use crate::support::{ms, soon};
use crate::work::{WITHIN, tls};

/// Both sides of one connection, after the handshake.
async fn secured() -> (client::TlsStream<DuplexStream>, server::TlsStream<DuplexStream>) {
    let ((connector, acceptor), (here, there)) = (tls(), duplex(4_096));
    let both = async {
        tokio::try_join!(connect(&connector, "localhost", here, WITHIN), accept(&acceptor, there, WITHIN))
    };
    soon(both).await.unwrap()
}

/// asyncio: `ssl=context` for both sides. Here a TLS stream is used like any other stream.
#[tokio::test(start_paused = true)]
async fn both_sides_talk_in_secret() {
    let (mut client, server) = secured().await;
    tokio::spawn(async move {
        let (mut reader, mut writer) = split(server);
        copy(&mut reader, &mut writer).await
    });
    client.write_all(b"hello").await.unwrap();
    client.flush().await.unwrap();
    let mut echo = [0; 5];
    soon(client.read_exact(&mut echo)).await.unwrap();
    assert_eq!(&echo, b"hello");
}

/// asyncio: `SSLCertVerificationError`. Here `InvalidData`, for another name and for a root that is not known.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_trusted_is_refused() {
    let (trusts, acceptor) = tls();
    let trusts_no_other = connector(RootCertStore::empty()).unwrap();
    for (connector, name) in [(&trusts, "example.org"), (&trusts_no_other, "localhost")] {
        let (here, there) = duplex(4_096);
        let both =
            async { tokio::join!(connect(connector, name, here, WITHIN), accept(&acceptor, there, WITHIN)) };
        let (connected, accepted) = soon(both).await;
        assert_eq!(connected.unwrap_err().kind(), ErrorKind::InvalidData, "{name}");
        assert!(accepted.is_err());
    }
    let error = connect(&trusts, "no name", duplex(64).0, WITHIN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// asyncio: `write_eof` is not there for TLS. With TLS 1.3 `shutdown` ends one direction, and the answer still comes.
#[tokio::test(start_paused = true)]
async fn the_end_of_one_direction_is_no_end_of_the_other() {
    let (mut client, mut server) = secured().await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut question = String::new();
    soon(server.read_to_string(&mut question)).await.unwrap();
    server.write_all(b"answer").await.unwrap();
    server.shutdown().await.unwrap();
    let mut answer = String::new();
    soon(client.read_to_string(&mut answer)).await.unwrap();
    assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
}

/// asyncio treats a missing `close_notify` as an end. rustls does not: an attacker may have cut the data.
#[tokio::test(start_paused = true)]
async fn but_a_drop_without_shutdown_is_an_error_of_the_peer() {
    let (mut client, mut server) = secured().await;
    client.write_all(b"all of it?").await.unwrap();
    client.flush().await.unwrap();
    drop(client);
    let mut heard = Vec::new();
    let error = soon(server.read_to_end(&mut heard)).await.unwrap_err();
    assert_eq!((error.kind(), &heard[..]), (ErrorKind::UnexpectedEof, &b"all of it?"[..]));
}

/// asyncio: `ssl_handshake_timeout`, 60 s. Here an argument, on both sides.
#[tokio::test(start_paused = true)]
async fn a_silent_peer_ends_the_handshake_in_time() {
    let ((connector, acceptor), (here, _silent), (there, _other)) = (tls(), duplex(4_096), duplex(64));
    let start = Instant::now();
    let error = connect(&connector, "localhost", here, WITHIN).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::TimedOut, WITHIN));
    let error = accept(&acceptor, there, WITHIN).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::TimedOut, ms(10_000)));
}

/// asyncio: `await writer.start_tls(context)`. Here the handshake on a stream that has been used before.
#[tokio::test(start_paused = true)]
async fn a_stream_in_use_can_start_tls() {
    let ((connector, acceptor), (here, there)) = (tls(), duplex(4_096));
    let server = tokio::spawn(async move {
        let (mut reader, mut line) = (BufReader::new(there), String::new());
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line, "STARTTLS\n");
        let mut plain = nothing_read_ahead(reader).unwrap();
        plain.write_all(b"GO\n").await.unwrap();
        let mut secret = accept(&acceptor, plain, WITHIN).await.unwrap();
        secret.write_all(b"secret").await.unwrap();
        secret.shutdown().await.unwrap();
    });
    let (mut reader, mut line) = (BufReader::new(here), String::new());
    reader.write_all(b"STARTTLS\n").await.unwrap();
    reader.read_line(&mut line).await.unwrap();
    let plain = nothing_read_ahead(reader).unwrap();
    let mut secret = soon(connect(&connector, "localhost", plain, WITHIN)).await.unwrap();
    let mut heard = String::new();
    soon(secret.read_to_string(&mut heard)).await.unwrap();
    assert_eq!((line.as_str(), heard.as_str()), ("GO\n", "secret"));
    server.await.unwrap();
}

/// A command that an attacker has put behind STARTTLS, in plain text, would be taken for an encrypted one.
#[tokio::test]
async fn plain_text_after_the_request_for_tls_is_refused() {
    let (here, mut there) = duplex(64);
    there.write_all(b"STARTTLS\nDELETE *\n").await.unwrap();
    let (mut reader, mut line) = (BufReader::new(here), String::new());
    reader.read_line(&mut line).await.unwrap();
    assert_eq!(nothing_read_ahead(reader).unwrap_err().kind(), ErrorKind::InvalidData);
}

/// asyncio before 3.15 loses the bytes that its reader has read ahead, and hangs. Here the reader is the stream of the handshake.
#[tokio::test(start_paused = true)]
async fn what_a_proxy_sends_before_the_handshake_loses_nothing() {
    let ((connector, acceptor), (mut here, there)) = (tls(), duplex(4_096));
    let client = tokio::spawn(async move {
        here.write_all(b"PROXY TCP4 1.1.1.1 1.1.1.2 1 2\r\n").await.unwrap();
        connect(&connector, "localhost", here, WITHIN).await.unwrap()
    });
    // The line and the client's first message are both there when it is read.
    crate::support::settle().await;
    let (mut reader, mut line) = (BufReader::new(there), String::new());
    reader.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("PROXY ") && !reader.buffer().is_empty());
    soon(accept(&acceptor, reader, WITHIN)).await.unwrap();
    soon(client).await.unwrap();
}
