// SPDX-License-Identifier: 0BSD
//! Passes bytes between two streams, both ways, until both directions have ended. The end of one direction leaves the other
//! open, as with `write_eof`.
//!
//! ```sh
//! cargo add tokio --features io-util,macros,rt,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use streams::relay::relay;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let ((mut client, left), (right, mut server)) = (duplex(1024), duplex(1024));
//!     tokio::spawn(relay(left, right, Duration::from_secs(60)));
//!     client.write_all(b"question").await?;
//!     client.shutdown().await?; // the answer can still come
//!     let mut question = String::new();
//!     server.read_to_string(&mut question).await?;
//!     assert_eq!(question, "question");
//!     Ok(())
//! }
//! ```
//!
//! `tokio::io::copy_bidirectional` is enough if no peer can vanish: it has no time limit.
//!
//! # Cancel safety
//!
//! Dropping the future closes both streams. The bytes in its two buffers, at most 8 KiB each, are lost.
//!
//! # Errors
//!
//! Those of either stream; both are then closed. `TimedOut`: for `idle`, no byte was passed on in either direction.
//!
//! # Cost
//!
//! 16 KiB for each pair.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::task::coop::consume_budget;
use tokio::time::sleep;

const BUFFER: usize = 8 * 1024;

/// Passes bytes on until both directions have ended. Returns how many went from `a` to `b`, and from `b` to `a`.
///
/// It checks every `idle` whether a byte was passed on since the last check, so silence ends it after one to two times
/// `idle`. A peer that never reads counts as silent too. `Duration::MAX` is no limit.
pub async fn relay<A, B>(a: A, b: B, idle: Duration) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let ((from_a, to_a), (from_b, to_b)) = (split(a), split(b));
    let passed = AtomicU64::new(0);
    let silence = async {
        let mut before = 0;
        loop {
            sleep(idle).await;
            let now = passed.load(Relaxed);
            if now == before {
                return io::Error::from(io::ErrorKind::TimedOut);
            }
            before = now;
        }
    };
    let both = async { tokio::try_join!(one_way(from_a, to_b, &passed), one_way(from_b, to_a, &passed)) };
    tokio::select! {
        biased;
        ended = both => ended,
        silent = silence => Err(silent),
    }
}

async fn one_way<R, W>(mut from: R, mut to: W, passed: &AtomicU64) -> io::Result<u64>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            to.shutdown().await?;
            return Ok(total);
        }
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let written = to.write(rest).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = &rest[written..];
            passed.fetch_add(1, Relaxed);
        }
        // A TLS stream or a `BufWriter` keeps bytes until a flush.
        to.flush().await?;
        total += u64::try_from(count).unwrap_or(u64::MAX);
        // Tokio's own streams let other tasks run. Foreign streams that are always ready may not.
        consume_budget().await;
    }
}
