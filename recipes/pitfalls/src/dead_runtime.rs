// SPDX-License-Identifier: 0BSD
//! A socket belongs to the runtime that it was made on, and is useless after it. asyncio: "attached to a different loop".
//!
//! ```sh
//! cargo add tokio --features io-util,net,rt
//! ```
//!
//! # What you see
//!
//! The error *A Tokio 1.x context was found, but it is being shutdown*. It comes from a connection that was made a line
//! before, by a function that has its own runtime. Timers panic with the same words. A channel or a lock belongs to no
//! runtime.
//!
//! # What catches it
//!
//! Clippy's `disallowed_methods`, if `clippy.toml` bans the builders outside of `main` (on by default, and without effect
//! before).
//!
//! # What to do
//!
//! Make one runtime, and keep it for as long as what was made on it: for a blocking client, as a field beside its
//! connection.
//!
//! # Panics
//!
//! Both functions, inside of a runtime: they block.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// The longest answer that is read.
const LONGEST: u64 = 64 * 1024;

/// Asks a server, for programs without a runtime. The connection does not outlive the runtime that has made it.
pub fn broken(server: SocketAddr, question: &str) -> io::Result<String> {
    let connection = runtime()?.block_on(TcpStream::connect(server))?;
    runtime()?.block_on(ask(connection, question))
}

/// Asks a server, for programs without a runtime.
///
/// # Errors
///
/// When there is no runtime to be had, what the connection reports, and an answer that is no text.
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
