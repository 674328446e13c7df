// SPDX-License-Identifier: 0BSD
//! Receives from a WebSocket and notices a peer that is gone silently.
//!
//! aiohttp: `session.ws_connect(url, heartbeat=30)`, `async for message in ws`.
//!
//! ```sh
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features macros,time
//! cargo add tokio-tungstenite
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use futures::SinkExt;
//! use http_client::websocket::Heartbeat;
//! use tokio_tungstenite::{accept_async, connect_async};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("ws://{}/", listener.local_addr()?);
//!     tokio::spawn(async move {
//!         let mut socket = accept_async(listener.accept().await?.0).await?;
//!         anyhow::Ok(socket.send("hello".into()).await?)
//!     });
//!     let (socket, _response) = connect_async(url).await?;
//!     let mut socket = Heartbeat::new(socket, Duration::from_secs(30));
//!     let message = socket.next().await.transpose()?;
//!     assert_eq!(message, Some("hello".into()));
//!     Ok(())
//! }
//! ```
//!
//! For `wss://`, add tokio-tungstenite with `--features rustls-tls-native-roots`.
//!
//! `socket.next()` of tokio-tungstenite is enough where the peer sends often, or a silent connection does no harm.
//!
//! A TCP connection to a machine that lost its power looks like one on which no peer speaks. When nothing has come for
//! a while, [`Heartbeat`] sends a ping. When nothing comes after that either, the connection is taken for lost, as in
//! aiohttp: no closing handshake, nothing more to read (code 1006).
//!
//! # Cancel safety
//!
//! [`Heartbeat::next`] loses no message when it is dropped, and its clock goes on: use it in `select!`.
//!
//! # Panics
//!
//! None. Pings go out while a task waits in `next`, because no task is spawned: keep waiting.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

/// Why no more messages come.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The peer did not answer a ping in time.
    #[error("the peer stopped answering")]
    Silent,
    /// The connection broke, or what came is no WebSocket.
    #[error(transparent)]
    Socket(#[from] tungstenite::Error),
}

/// A WebSocket and its heartbeat. `S` is the connection: what `tokio_tungstenite::connect_async` gives, or a duplex in a test.
#[derive(Debug)]
pub struct Heartbeat<S> {
    /// For sending; receiving goes through [`Heartbeat::next`].
    pub socket: WebSocketStream<S>,
    interval: Duration,
    /// When to ping; after a ping, when to give up.
    due: Instant,
    pinged: bool,
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Heartbeat<S> {
    /// Pings after `interval` without a message and gives up after half of that again, as aiohttp does.
    pub fn new(socket: WebSocketStream<S>, interval: Duration) -> Self {
        Self { socket, interval, due: Instant::now() + interval, pinged: false, ended: false }
    }

    /// The next message; `None` once the peer has closed or after an error.
    ///
    /// # Errors
    /// [`Lost`], once.
    pub async fn next(&mut self) -> Option<Result<Message, Lost>> {
        while !self.ended {
            match timeout_at(self.due, self.socket.next()).await {
                Ok(Some(Ok(message))) => {
                    // Whatever comes is a sign of life.
                    (self.pinged, self.due) = (false, Instant::now() + self.interval);
                    match message {
                        Message::Ping(_) | Message::Pong(_) => {}
                        // The closing handshake goes on until the stream ends.
                        Message::Close(_) => {}
                        message => return Some(Ok(message)),
                    }
                }
                Ok(Some(Err(error))) => return self.lost(error.into()),
                Ok(None) => self.ended = true,
                Err(_) if self.pinged => return self.lost(Lost::Silent),
                Err(_) => {
                    (self.pinged, self.due) = (true, Instant::now() + self.interval / 2);
                    // A peer that reads nothing may leave no room even for a ping.
                    match timeout_at(self.due, self.socket.send(Message::Ping(Bytes::new()))).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return self.lost(error.into()),
                        Err(_) => return self.lost(Lost::Silent),
                    }
                }
            }
        }
        None
    }

    fn lost(&mut self, why: Lost) -> Option<Result<Message, Lost>> {
        self.ended = true;
        Some(Err(why))
    }
}
