// SPDX-License-Identifier: 0BSD
//! A socket belongs to the runtime that it was made on, and stops working with it. asyncio: "attached to a different loop".
//!
//! ```sh
//! cargo add tokio --features io-util,net,rt
//! ```
//!
//! # What you see
//!
//! The error *A Tokio 1.x context was found, but it is being shutdown*. It comes from a connection that was made one line
//! earlier, by a function with its own runtime. Timers panic with the same words. A channel or a lock belongs to no runtime.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods`, if `clippy.toml` bans the builders outside `main` (on by default, but it has no effect
//! until then).
//!
//! # What to do
//!
//! Make one runtime, and keep it as long as the sockets and timers that were made on it. In a blocking client, make it a
//! field beside the connection.
//!
//! # Panics
//!
//! Both functions panic inside a runtime, because they block.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// The most bytes of an answer that are read.
const LONGEST: u64 = 64 * 1024;

/// Asks a server, for programs without a runtime. The connection stops working with the runtime that made it.
pub fn broken(server: SocketAddr, question: &str) -> io::Result<String> {
    let connection = runtime()?.block_on(TcpStream::connect(server))?;
    runtime()?.block_on(ask(connection, question))
}

/// Asks a server, for programs without a runtime.
///
/// # Errors
///
/// If no runtime can be built, if the connection fails, or if the answer is not UTF-8.
pub fn fixed(server: SocketAddr, question: &str) -> io::Result<String> {
    let runtime = runtime()?;
    let connection = runtime.block_on(TcpStream::connect(server))?;
    runtime.block_on(ask(connection, question))
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn ask(mut connection: TcpStream, question: &str) -> io::Result<String> {
    connection.write_all(question.as_bytes()).await?;
    connection.shutdown().await?;
    let mut answer = String::new();
    connection.take(LONGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}
