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
//! As with a blocking sleep, all tasks pause. If the answer comes from one of them, as from a server in the same
//! test, it never comes.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods`, one entry in `clippy.toml` for each function (on by default, and without effect before).
//!
//! # What to do
//!
//! The asynchronous counterpart, if there is one: `tokio::net`, `tokio::fs`, a driver that is made for Tokio. Else
//! `spawn_blocking`: see `cpu_on_the_runtime`.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] closes the connection.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The longest answer that is read.
const LONGEST: u64 = 64 * 1024;

/// Asks the server, and stops the thread until it has answered.
#[allow(clippy::disallowed_methods, reason = "the pitfall: where clippy.toml bans it, Clippy says so here")]
pub async fn broken(server: SocketAddr, question: &str) -> io::Result<String> {
    let mut connection = std::net::TcpStream::connect(server)?;
    // Without it, a server on this very thread would be waited for without end.
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
/// What the connection reports, and an answer that is no text.
pub async fn fixed(server: SocketAddr, question: &str) -> io::Result<String> {
    let mut connection = tokio::net::TcpStream::connect(server).await?;
    connection.write_all(question.as_bytes()).await?;
    connection.shutdown().await?;
    let mut answer = String::new();
    connection.take(LONGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}
