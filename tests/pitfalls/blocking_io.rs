//! Lessons of the pattern `blocking_io`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use futures::FutureExt;
use pitfalls::blocking_io::{broken, fixed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::work::IN_TIME;

/// An echo server for one connection.
pub(super) async fn echo() -> (SocketAddr, tokio::task::JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await?;
        let mut question = Vec::new();
        connection.read_to_end(&mut question).await?;
        connection.write_all(&question).await
    });
    (address, serving)
}

/// asyncio: `requests.get` to a server in the same loop hangs. Tokio: so does a call of `std::net` to a server on the same
/// thread; here it gives up after a timeout.
#[tokio::test]
async fn but_a_server_on_the_same_thread_never_answers() {
    let (server, serving) = echo().await;
    let error = broken(server, "hello").await.unwrap_err();
    assert!([io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind()), "{error}");
    assert!(!serving.is_finished(), "it had no turn");
}

/// asyncio: a stream's `read` suspends the caller. Tokio: so does `TcpStream`; one thread serves and asks.
#[tokio::test]
async fn while_a_task_waits_for_its_answer_the_server_runs() {
    let (server, serving) = echo().await;
    let answer = timeout(IN_TIME, fixed(server, "hello")).await.unwrap();
    assert_eq!(answer.unwrap(), "hello");
    serving.await.unwrap().unwrap();
}

/// With a thread for the server the mistake does not show, until there are as many calls as threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn but_on_many_threads_it_goes_well_as_long_as_one_is_free() {
    let (server, serving) = echo().await;
    let answer = tokio::task::spawn_blocking(move || broken(server, "hello").now_or_never());
    assert_eq!(answer.await.unwrap().unwrap().unwrap(), "hello");
    serving.await.unwrap().unwrap();
}

/// asyncio: `open_connection` raises `ConnectionRefusedError`. Tokio: `connect` returns that error.
#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    assert_eq!(fixed(nobody, "hello").await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

/// asyncio: `reader.read()` collects an endless answer until memory is full. Here: `take` stops at 64 KiB.
#[tokio::test]
async fn of_an_answer_without_end_no_more_is_read_than_its_limit() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = listener.local_addr().unwrap();
    let endless = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        while connection.write_all(b"and so on ").await.is_ok() {}
    });
    let answer = timeout(IN_TIME, fixed(server, "hello")).await.unwrap().unwrap();
    assert_eq!(answer.len(), 64 * 1024);
    timeout(IN_TIME, endless).await.unwrap().unwrap();
}

/// A drop in the middle of the answer closes the connection.
#[tokio::test]
async fn dropped_it_closes_the_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = listener.local_addr().unwrap();
    let asking = tokio::spawn(async move { fixed(server, "hello").await });
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut question = String::new();
    timeout(IN_TIME, connection.read_to_string(&mut question)).await.unwrap().unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    // Writing to a closed connection fails sooner or later.
    let closed = async { while connection.write_all(&[0; 1_024]).await.is_ok() {} };
    timeout(IN_TIME, closed).await.unwrap();
}
