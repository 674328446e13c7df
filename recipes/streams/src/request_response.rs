// SPDX-License-Identifier: 0BSD
//! Sends many requests at once over one connection: frames with a length and an id, by `tokio_util::codec`.
//!
//! ```sh
//! cargo add bytes
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features macros,rt,sync
//! cargo add tokio-util --features codec
//! ```
//!
//! ```
//! use streams::request_response::{answer, client};
//! use tokio::io::duplex;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (here, there) = duplex(64);
//!     tokio::spawn(answer(there, 1_000, 10, |request| async move { request }));
//!     let (client, connection) = client(here, 1_000);
//!     tokio::spawn(connection); // it reads and writes; it returns when the connection is over
//!     let (one, two) = tokio::try_join!(client.call("one".into()), client.call("two".into()))?;
//!     assert_eq!((&one[..], &two[..]), (&b"one"[..], &b"two"[..]));
//!     Ok(())
//! }
//! ```
//!
//! A frame is its length in 4 bytes, an id in 8 bytes, and the body; numbers are big-endian. An answer has the id of its
//! request. For one request at a time, a `Framed` over a `LengthDelimitedCodec` is enough: `send`, then `next`.
//!
//! # Cancel safety
//!
//! If a call is dropped, its answer is dropped when it comes. Dropping the future of the connection, or the future of
//! `answer`, closes the connection; each waiting call gets `Closed`.
//!
//! # Errors
//!
//! A frame that is too long, or too short for an id, ends the connection with `InvalidData`. A connection that is cut
//! within a frame is an error. A cut right after a length looks like a normal end.
//!
//! # Cost
//!
//! Each side keeps at most one frame per direction. A client also keeps one request per call.
//!
//! # Differences from asyncio
//!
//! With `struct.unpack` and `readexactly`, a cancelled read between the length and the body loses the frame boundary. The
//! codec keeps it.

use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::{SinkExt, StreamExt, TryStreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::task::coop::{consume_budget, unconstrained};
use tokio::task::yield_now;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

const ID: usize = size_of::<u64>();

/// The most requests that are sent in one turn: as many as Tokio's budget would allow.
const TURN: u64 = 128;

/// Why a call has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connection is closed. The peer may have carried out the request.
    #[error("the connection is closed")]
    Closed,
    /// The body is longer than the limit. Nothing was sent.
    #[error("the request is longer than {limit} bytes")]
    TooLong {
        /// In bytes.
        limit: usize,
    },
}

/// Calls the other side. Clones share the connection; it ends when all are dropped and all calls are answered.
#[derive(Debug, Clone)]
pub struct Client {
    calls: mpsc::Sender<(Bytes, oneshot::Sender<Bytes>)>,
    longest: usize,
}

impl Client {
    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn call(&self, request: Bytes) -> Result<Bytes, CallError> {
        if request.len() > self.longest {
            return Err(CallError::TooLong { limit: self.longest });
        }
        let (answer, answered) = oneshot::channel();
        self.calls.send((request, answer)).await.map_err(|_| CallError::Closed)?;
        answered.await.map_err(|_| CallError::Closed)
    }
}

/// Returns a client over `stream`, and the future that moves its frames: spawn it.
///
/// `longest` is the longest body of a request or an answer, in bytes.
pub fn client<S>(stream: S, longest: usize) -> (Client, impl Future<Output = io::Result<()>>)
where
    S: AsyncRead + AsyncWrite,
{
    let (calls, mut queue) = mpsc::channel::<(Bytes, oneshot::Sender<Bytes>)>(1);
    let connection = async move {
        let (mut requests, mut answers) = Framed::new(stream, codec(longest)).split();
        let waiting = Mutex::new(HashMap::new());
        let write = async {
            let mut id = 0;
            while let Some((request, answer)) = queue.recv().await {
                forget_dropped_calls(&mut lock(&waiting));
                lock(&waiting).insert(id, answer);
                requests.send(frame(id, &request)).await?;
                id += 1;
                // If there is always a next call, the answers and other tasks still get their turn.
                if id % TURN == 0 {
                    yield_now().await;
                }
            }
            requests.close().await
        };
        let read = async {
            while let Some(answer) = answers.try_next().await? {
                let (id, body) = id_and_body(answer)?;
                if let Some(call) = lock(&waiting).remove(&id) {
                    let _dropped = call.send(body);
                }
                // A read brings thousands of short answers: without this, no other task runs.
                consume_budget().await;
            }
            Ok(())
        };
        // When all clients are dropped, answers may still come.
        tokio::select! {
            biased;
            ended = read => ended,
            // Unconstrained, because answers that use up the budget of this task would keep requests from being sent.
            Err(error) = unconstrained(write) => Err(error),
        }
    };
    (Client { calls, longest }, connection)
}

/// Answers the requests of `stream` until the peer ends its direction. It handles at most `at_once` at a time, and sends
/// each answer when it is ready.
///
/// # Errors
///
/// Those of the stream, an invalid frame, or an answer longer than `longest`.
pub async fn answer<S, F, Fut>(stream: S, longest: usize, at_once: usize, handle: F) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite,
    F: Fn(Bytes) -> Fut,
    Fut: Future<Output = Bytes>,
{
    let (answers, requests) = Framed::new(stream, codec(longest)).split();
    let answered = requests
        .map(|request| {
            let request = request.and_then(id_and_body);
            let handle = &handle;
            async move {
                // A read brings thousands of short requests: without this, they give no other task a turn.
                consume_budget().await;
                let (id, body) = request?;
                Ok(frame(id, &handle(body).await))
            }
        })
        // A limit of zero would wait forever.
        .buffer_unordered(at_once.max(1));
    pin!(answered).forward(answers).await
}

fn codec(longest: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(longest.saturating_add(ID)).new_codec()
}

fn frame(id: u64, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(ID + body.len());
    frame.put_u64(id);
    frame.put_slice(body);
    frame.freeze()
}

fn id_and_body(mut frame: BytesMut) -> io::Result<(u64, Bytes)> {
    if frame.len() < ID {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too short for an id"));
    }
    Ok((frame.get_u64(), frame.freeze()))
}

/// Removes dropped calls before the map would grow: a peer that never answers costs at most twice the waiting calls.
fn forget_dropped_calls(waiting: &mut HashMap<u64, oneshot::Sender<Bytes>>) {
    if waiting.len() == waiting.capacity() {
        waiting.retain(|_, call| !call.is_closed());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
