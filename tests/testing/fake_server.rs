//! Lessons of the pattern `fake_server`. They have sockets, so they run on real time.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use testing::fake_server::FakeServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{Count, panics, soon};
use crate::work::panic_of;

/// Sends a byte, and returns the one that comes back.
async fn ask(server: &FakeServer, byte: u8) -> io::Result<u8> {
    let mut client = TcpStream::connect(server.address()).await?;
    client.write_all(&[byte]).await?;
    client.read_u8().await
}

/// asyncio: `start_server(answer, port=0)`. Tokio: the port is open before the first client comes.
#[tokio::test]
async fn it_serves_each_client_on_a_port_of_its_own() {
    let double = |mut client: TcpStream| async move {
        let byte = client.read_u8().await?;
        client.write_all(&[byte * 2]).await
    };
    let (server, other) = (FakeServer::start(double).unwrap(), FakeServer::start(double).unwrap());
    assert_ne!(server.address(), other.address());
    let answers = soon(async { tokio::try_join!(ask(&server, 1), ask(&server, 2), ask(&other, 3)) }).await;
    assert_eq!(answers.unwrap(), (2, 4, 6));
    soon(async { tokio::try_join!(server.finish(), other.finish()) }).await.unwrap();
}

/// asyncio: an exception of the callback is logged, and the test passes. Tokio: it fails the test.
#[tokio::test]
async fn a_failed_assertion_of_the_server_fails_the_test() {
    let server = FakeServer::start(|mut client| async move {
        assert_eq!(client.read_u8().await?, 1);
        panics("asserted in the server")
    })
    .unwrap();
    assert_eq!(soon(ask(&server, 1)).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(soon(panic_of(server.finish())).await.unwrap(), "asserted in the server");
}

/// Clients that come without a pause do not hide that one has failed, and do not keep the server from its end. Here
/// each brings the next one.
#[tokio::test]
async fn a_flood_of_clients_does_not_hide_a_failure() {
    #[expect(
        clippy::disallowed_methods,
        reason = "it is in the queue when this returns, before the next accept"
    )]
    fn next_client(address: SocketAddr) {
        drop(std::net::TcpStream::connect(address));
    }
    let (address, clients) = (Arc::new(OnceLock::new()), Count::default());
    let (to, counted) = (Arc::clone(&address), clients.clone());
    let server = FakeServer::start(move |_client| {
        counted.add();
        if counted.get() < 2_000 {
            next_client(*to.get().unwrap());
        }
        async { Err(ErrorKind::InvalidData.into()) }
    })
    .unwrap();
    address.set(server.address()).unwrap();
    drop(TcpStream::connect(server.address()).await.unwrap());
    assert_eq!(soon(server.finish()).await.unwrap_err().kind(), ErrorKind::InvalidData);
    assert!(clients.get() < 1_000, "{clients:?}");
}

/// An error of a connection is the server's: a test that ends with `finish().await?` sees it.
#[tokio::test]
async fn an_error_of_a_connection_is_returned() {
    let server = FakeServer::start(|mut client| async move { client.read_u8().await.map(drop) }).unwrap();
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    client.shutdown().await.unwrap(); // without a byte
    assert_eq!(soon(client.read(&mut [0; 1])).await.unwrap(), 0);
    assert_eq!(soon(server.finish()).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

/// After a failure no client is accepted any more, so that none waits for an answer.
#[tokio::test]
async fn after_a_failure_the_port_is_closed() {
    let server = FakeServer::start(|_client| async { Err(io::Error::other("broken")) }).unwrap();
    let address = server.address();
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    assert_eq!(soon(server.finish()).await.unwrap_err().to_string(), "broken");
}

/// The test gets the clients' messages by a channel: a fake with `assert_has_awaits`.
#[tokio::test]
async fn what_it_was_sent_comes_to_the_test() {
    let (seen, mut requests) = mpsc::channel(1);
    let server = FakeServer::start(move |mut client| {
        let seen = seen.clone();
        async move {
            let mut request = String::new();
            client.read_to_string(&mut request).await?;
            seen.send(request).await.map_err(io::Error::other)
        }
    })
    .unwrap();
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    drop(client);
    assert_eq!(soon(requests.recv()).await.unwrap(), "hello");
    soon(server.finish()).await.unwrap();
}

/// asyncio: `Server.close` leaves connections alone. Tokio: a drop closes the port and every connection.
#[tokio::test]
async fn a_drop_closes_the_port_and_the_connections() {
    let server = FakeServer::start(|client| async move {
        std::future::pending::<()>().await;
        drop(client);
        Ok(())
    })
    .unwrap();
    let address = server.address();
    let mut client = TcpStream::connect(address).await.unwrap();
    drop(server);
    assert_eq!(soon(client.read(&mut [0; 1])).await.unwrap_or(0), 0);
    assert!(soon(TcpStream::connect(address)).await.is_err());
}

/// It waits for clients that are still there. A test that keeps one waits for itself: drop the client first.
#[tokio::test]
async fn but_a_client_that_stays_keeps_it_from_finishing() {
    let echo = |mut client: TcpStream| async move {
        while let Ok(byte) = client.read_u8().await {
            client.write_all(&[byte]).await?;
        }
        Ok(())
    };
    let server = FakeServer::start(echo).unwrap();
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    client.write_all(&[1]).await.unwrap();
    assert_eq!(soon(client.read_u8()).await.unwrap(), 1);
    let address = server.address();
    let mut finishing = Box::pin(server.finish());
    assert!(finishing.as_mut().now_or_never().is_none());
    soon(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    assert!(finishing.as_mut().now_or_never().is_none(), "the port is closed, and the connection goes on");
    client.write_all(&[2]).await.unwrap();
    assert_eq!(soon(client.read_u8()).await.unwrap(), 2);
    drop(client);
    soon(finishing).await.unwrap();
}
