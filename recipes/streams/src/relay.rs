// SPDX-License-Identifier: 0BSD
//! Passes bytes between two streams, both ways, until both directions have ended. The end of one direction is passed on
//! alone, as `write_eof` does.
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
//! `tokio::io::copy_bidirectional` is enough where no peer can vanish: it has no limit on time.
//!
//! # Cancel safety
//!
//! Dropping the future closes both streams. What is in its two buffers, at most 8 KiB each, is lost.
//!
//! # Errors
//!
//! Those of either stream: both are closed then. `TimedOut`: no byte was passed on for `idle`, in neither direction.
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
/// It looks every `idle` whether a byte was passed on since the last look, so silence ends it after once to twice that
/// time. A peer that never reads is silence, too. `Duration::MAX` is no limit.
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
        // A TLS stream or a `BufWriter` keeps what nothing flushes.
        to.flush().await?;
        total += u64::try_from(count).unwrap_or(u64::MAX);
        // Tokio's own streams leave others their turn; those of others, which are always ready, may not.
        consume_budget().await;
    }
}
