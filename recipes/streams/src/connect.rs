// SPDX-License-Identifier: 0BSD
//! Connects, sends a request, and reads the answer to its end: `open_connection`, `write`, `write_eof`, `read`.
//!
//! ```sh
//! cargo add tokio --features io-util,macros,net,rt,time
//! ```
//!
//! ```
//! use std::{net::TcpListener, time::Duration};
//!
//! use streams::connect::{ask, open};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?; // port 0: the system takes a free one
//!     let address = listener.local_addr()?;
//!     std::thread::spawn(move || {
//!         let (peer, _address) = listener.accept()?;
//!         std::io::copy(&mut &peer, &mut &peer) // an echo
//!     });
//!     let stream = open(address, Duration::from_secs(5)).await?;
//!     assert_eq!(ask(stream, b"hello", 1_000_000).await?, b"hello");
//!     Ok(())
//! }
//! ```
//!
//! `TcpStream::connect`, `write_all` and `read_to_end` are enough if the peer is yours and both texts are short.
//!
//! # Cancel safety
//!
//! Dropping either future closes the connection. The peer may have read a part of the request.
//!
//! # Errors
//!
//! Those of the system. `TimedOut`: no connection within the time. `InvalidData`: the answer is longer than its limit.
//!
//! # Differences from asyncio
//!
//! - asyncio sets `TCP_NODELAY` on each TCP connection. Tokio does not, but [`open`] does.
//! - `StreamWriter.write` takes any amount and buffers it. `write_all` waits until the system has taken all, so two peers
//!   that both write first can wait for each other forever. [`ask`] reads while it writes.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

/// Connects to the first address that answers, within this time in all. Small writes are sent at once (`TCP_NODELAY`).
pub async fn open(address: impl ToSocketAddrs, within: Duration) -> io::Result<TcpStream> {
    let stream = timeout(within, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends `request`, ends this direction, and returns all that the peer sends until it ends the other direction.
///
/// If the answer has more than `limit` bytes, it fails and stops reading.
pub async fn ask<S>(stream: S, request: &[u8], limit: usize) -> io::Result<Vec<u8>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, mut writer) = tokio::io::split(stream);
    let send = async {
        writer.write_all(request).await?;
        writer.shutdown().await
    };
    let receive = async {
        let mut answer = Vec::new();
        let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut reader = reader.take(one_more);
        while reader.read_buf(&mut answer).await? > 0 {
            // A stream that is always ready leaves others their turn.
            consume_budget().await;
        }
        if answer.len() > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the answer is longer than {limit} bytes"),
            ));
        }
        Ok(answer)
    };
    let ((), answer) = tokio::try_join!(send, receive)?;
    Ok(answer)
}
