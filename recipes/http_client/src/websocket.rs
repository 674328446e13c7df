// SPDX-License-Identifier: 0BSD
//! Receives from a WebSocket, and detects a peer that disappeared without closing.
//!
//! aiohttp: `session.ws_connect(url, heartbeat=30)`, `async for message in ws`.
//!
//! ```sh
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features macros,rt,time
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
//! `socket.next()` of tokio-tungstenite is enough if the peer sends often, or if a silent connection does no harm.
//!
//! A TCP connection to a machine that lost its power looks like an idle one. After a while without a byte, [`Heartbeat`]
//! sends a ping. If no byte follows, it treats the connection as lost, as aiohttp does: no closing handshake and no
//! further message (code 1006). Each byte is a sign of life, also in the middle of a message. A Close of the peer ends it.
//!
//! # Cancel safety
//!
//! Dropping the future of [`Heartbeat::next`] loses no message, and its clock goes on: use it in `select!`.
//!
//! # Panics
//!
//! None. No task is spawned, so pings go out only while a task waits in `next`: keep waiting.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::task::AtomicWaker;
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop::{consume_budget, has_budget_remaining, unconstrained};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

/// Why no more messages come.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The peer did not answer a ping in time.
    #[error("the peer stopped answering")]
    Silent,
    /// The connection broke, or the peer does not speak WebSocket.
    #[error(transparent)]
    Socket(#[from] tungstenite::Error),
}

/// A WebSocket and its heartbeat. `S` is the connection, from `tokio_tungstenite::connect_async` or a duplex in a test.
#[derive(Debug)]
pub struct Heartbeat<S> {
    /// For sending; receiving goes through [`Heartbeat::next`].
    pub socket: WebSocketStream<S>,
    interval: Duration,
    /// When to ping; after a ping, when to give up.
    due: Instant,
    pinged: bool,
    ended: bool,
    life: Arc<Life>,
}

/// The connection's waker: it records that a byte was read or written, long before a message is complete.
#[derive(Debug, Default)]
struct Life {
    seen: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Life {
    fn wake(self: Arc<Self>) {
        self.seen.store(true, Ordering::Relaxed);
        self.task.wake();
    }
}

/// The time limit for sending a Close. aiohttp's `ws_close`.
const CLOSING: Duration = Duration::from_secs(10);

impl<S: AsyncRead + AsyncWrite + Unpin> Heartbeat<S> {
    /// Pings after `interval` of silence and gives up after half as long again, as aiohttp does. `Duration::MAX` is never.
    pub fn new(socket: WebSocketStream<S>, interval: Duration) -> Self {
        let (pinged, ended, life) = (false, false, Arc::default());
        Self { socket, interval, due: after(interval), pinged, ended, life }
    }

    /// Returns the next message; `None` once the peer has closed or after an error.
    ///
    /// # Errors
    /// [`Lost`], once.
    pub async fn next(&mut self) -> Option<Result<Message, Lost>> {
        while !self.ended {
            // If messages are always ready, other tasks still get their turn.
            consume_budget().await;
            let heard = self.until_due().await;
            if heard.is_some() {
                (self.pinged, self.due) = (false, after(self.interval));
            }
            match heard {
                None if self.pinged => return self.lost(Lost::Silent),
                None => self.ping(),
                Some(Heard::Message(Some(Ok(Message::Close(_))))) => {
                    self.ended = true;
                    // Sends our own Close. A peer that does not take it in time gets no more.
                    let _gone = timeout(CLOSING, self.socket.flush()).await;
                }
                Some(Heard::Byte | Heard::Message(Some(Ok(Message::Ping(_) | Message::Pong(_))))) => {}
                Some(Heard::Message(Some(Ok(message)))) => return Some(Ok(message)),
                Some(Heard::Message(Some(Err(error)))) => return self.lost(error.into()),
                Some(Heard::Message(None)) => self.ended = true,
            }
        }
        None
    }

    /// Waits for a byte until the clock is due. In that last instant, the sender may need one more turn of this task.
    async fn until_due(&mut self) -> Option<Heard> {
        if let Ok(heard) = timeout_at(self.due, self.heard()).await {
            return Some(heard);
        }
        yield_now().await;
        self.heard().now_or_never()
    }

    /// Waits for a message or for a byte of one. When the task's budget is used up, Tokio wakes it without a byte, which would
    /// count as a sign of life. So it then polls outside of the budget.
    fn heard(&mut self) -> impl Future<Output = Heard> + use<'_, S> {
        let waker = Waker::from(Arc::clone(&self.life));
        let mut poll = move |context: &mut Context<'_>| {
            self.life.task.register(context.waker());
            let has_moved = self.life.seen.swap(false, Ordering::Relaxed);
            let mut context = Context::from_waker(&waker);
            if self.pinged {
                // The error of a broken connection appears in the read below.
                let _shows_below = self.socket.poll_flush_unpin(&mut context);
            }
            match self.socket.poll_next_unpin(&mut context) {
                Poll::Ready(message) => Poll::Ready(Heard::Message(message)),
                Poll::Pending if has_moved => Poll::Ready(Heard::Byte),
                Poll::Pending => Poll::Pending,
            }
        };
        poll_fn(move |context| match has_budget_remaining() {
            // A peer that sends without a pause, and no whole message, uses it up.
            true => poll(context),
            false => pin!(unconstrained(poll_fn(&mut poll))).poll(context),
        })
    }

    fn ping(&mut self) {
        (self.pinged, self.due) = (true, after(self.interval / 2));
        let waker = Waker::from(Arc::clone(&self.life));
        // There is no ping to a peer that takes no bytes, or after our Close: its silence decides.
        if let Poll::Ready(Ok(())) = self.socket.poll_ready_unpin(&mut Context::from_waker(&waker)) {
            let _silence_decides = self.socket.start_send_unpin(Message::Ping(Bytes::new()));
        }
    }

    fn lost(&mut self, why: Lost) -> Option<Result<Message, Lost>> {
        self.ended = true;
        Some(Err(why))
    }
}

enum Heard {
    Message(Option<tungstenite::Result<Message>>),
    Byte,
}

/// Adds to the present instant. If the clock cannot hold the sum, thirty years from now is enough.
fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(30 * 365 * 24 * 60 * 60))
}
