// SPDX-License-Identifier: 0BSD
//! Serves a test on a free port, and fails it when the server fails: `start_server` with port 0.
//!
//! ```sh
//! cargo add tokio --features io-util,macros,net,rt,sync
//! ```
//!
//! ```
//! use testing::fake_server::FakeServer;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::TcpStream;
//!
//! #[tokio::main(flavor = "current_thread")] // in a test: #[tokio::test]
//! async fn main() -> std::io::Result<()> {
//!     let server = FakeServer::start(|mut client| async move { client.write_all(b"hello").await })?;
//!     let mut greeting = String::new();
//!     let mut client = TcpStream::connect(server.address()).await?;
//!     client.read_to_string(&mut greeting).await?;
//!     assert_eq!(greeting, "hello");
//!     server.finish().await
//! }
//! ```
//!
//! `tokio::io::duplex` is enough if the code under test takes a stream: it has no port, and works on paused time. For HTTP,
//! take an axum `Router` on port 0, or the crate wiremock.
//!
//! Port 0 gives a port that no other test has. The server listens before [`FakeServer::start`] returns, so no client is too
//! early. Keep sockets on real time: a paused clock jumps ahead while a test waits for a socket.
//!
//! # Cancel safety
//!
//! Dropping the server, or [`FakeServer::finish`], closes the port and drops all connections.
//!
//! # Errors
//!
//! [`FakeServer::start`] fails if no port is free. [`FakeServer::finish`] returns the first error of a connection.
//!
//! # Panics
//!
//! If called outside a Tokio runtime. A panic of a connection, such as a failed assertion, resumes in [`FakeServer::finish`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::coop::unconstrained;
use tokio::task::{JoinError, JoinSet};

/// A server for one test. Dropping it closes the port and drops the connections.
#[derive(Debug)]
#[must_use = "dropping it stops it"]
pub struct FakeServer {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    // One task: the set aborts it when it is dropped.
    accepting: JoinSet<io::Result<()>>,
}

impl FakeServer {
    /// Listens on a free port of this machine, and calls `answer` for each connection.
    pub fn start<Fut>(answer: impl Fn(TcpStream) -> Fut + Send + 'static) -> io::Result<Self>
    where
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let mut accepting = JoinSet::new();
        accepting.spawn(serve(listener, answer, stopped));
        Ok(Self { address, stop, accepting })
    }

    /// Returns the address that a client connects to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, and waits until all connections have ended. Drop the clients first, or the server waits for them. A
    /// client that is not accepted yet gets a closed connection.
    pub async fn finish(mut self) -> io::Result<()> {
        drop(self.stop);
        self.accepting.join_next().await.map_or(Ok(()), passed)
    }
}

async fn serve<Fut>(
    listener: TcpListener,
    answer: impl Fn(TcpStream) -> Fut + Send + 'static,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()>
where
    Fut: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            // The first failure ends the server, so that a client does not wait for an answer. Before the clients, who may
            // come without a pause.
            Some(ended) = connections.join_next() => passed(ended)?,
            accepted = listener.accept() => {
                let (client, _address) = accepted?;
                connections.spawn(answer(client));
            }
            // Unconstrained: such clients use up the turn of this task.
            _ = unconstrained(&mut stopped) => break,
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        passed(ended)?;
    }
    Ok(())
}

/// Returns the result of a task. Its panic goes on in the caller.
fn passed(ended: Result<io::Result<()>, JoinError>) -> io::Result<()> {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(result) => result,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(cancelled)) => Err(io::Error::other(cancelled)),
    }
}
