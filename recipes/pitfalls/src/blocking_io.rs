// SPDX-License-Identifier: 0BSD
//! A call of `std::net`, `std::fs` or a synchronous driver stops the thread until it returns. asyncio: `requests` or
//! `socket.recv` in a coroutine.
//!
//! ```sh
//! cargo add tokio --features io-util,net
//! ```
//!
//! # What you see
//!
//! As with a blocking sleep, all tasks pause. If one of them has to send the answer, such as a server in the same test,
//! the answer never comes.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods`, on by default, with one entry in `clippy.toml` per function.
//!
//! # What to do
//!
//! Take the asynchronous counterpart, if there is one: `tokio::net`, `tokio::fs`, a driver made for Tokio. Otherwise take
//! `spawn_blocking`: see `cpu_on_the_runtime`.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] closes the connection.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The most bytes of an answer that are read.
const LONGEST: u64 = 64 * 1024;

/// Asks the server, and stops the thread until it has answered.
#[allow(clippy::disallowed_methods, reason = "the pitfall: where clippy.toml bans it, Clippy says so here")]
pub async fn broken(server: SocketAddr, question: &str) -> io::Result<String> {
    let mut connection = std::net::TcpStream::connect(server)?;
    // Without it, a server on this thread could never answer, and the read would wait forever.
    connection.set_read_timeout(Some(Duration::from_millis(50)))?;
    connection.write_all(question.as_bytes())?;
    connection.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    connection.take(LONGEST).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Asks the server, and lets others run until it has answered. A `timeout` around it limits the wait.
///
/// # Errors
///
/// The error of the connection, or [`io::ErrorKind::InvalidData`] if the answer is not UTF-8.
pub async fn fixed(server: SocketAddr, question: &str) -> io::Result<String> {
    let mut connection = tokio::net::TcpStream::connect(server).await?;
    connection.write_all(question.as_bytes()).await?;
    connection.shutdown().await?;
    let mut answer = String::new();
    connection.take(LONGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}
