// SPDX-License-Identifier: 0BSD
//! A drop closes, but it cannot wait: what has to be flushed or said before the end is lost. asyncio: no `async with`.
//!
//! ```sh
//! cargo add tokio --features io-util,rt,sync
//! cargo add tokio-util
//! ```
//!
//! # What you see
//!
//! Files that lack their end after an error; servers that report broken connections. An early return by `?`, a timeout and
//! an abort leave out the `shutdown().await` below. A dropped `tokio::io::BufWriter` throws away its buffer;
//! that of `std` writes it.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Close whatever happened, and let a task do it, for a future that was dropped cannot await. The recipe
//! `context_managers` has scopes for any resource, and for a panic in the work too.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] writes the row under way to its end and closes. At the end of `main` that has to be waited for: see
//! `cleanup_at_exit`.

use std::io;
use std::panic::resume_unwind;

use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// Writes rows until there are no more. Closes at the end, which an error does not reach.
pub async fn broken(file: impl AsyncWrite + Unpin, mut rows: Receiver<io::Result<String>>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    while let Some(row) = rows.recv().await {
        file.write_all(row?.as_bytes()).await?;
    }
    file.shutdown().await
}

/// Writes rows until there are no more, or one is an error. Closes in any case.
///
/// # Errors
///
/// The first that there is, of a row, of a write, of the close.
///
/// # Panics
///
/// When `file` does.
pub async fn fixed(
    file: impl AsyncWrite + Send + Unpin + 'static,
    rows: Receiver<io::Result<String>>,
) -> io::Result<()> {
    let stop = CancellationToken::new();
    let _stops_when_dropped = stop.clone().drop_guard();
    let writing = tokio::spawn(async move {
        let mut file = BufWriter::new(file);
        let written = write_rows(&mut file, rows, stop).await;
        let closed = file.shutdown().await;
        written.and(closed)
    });
    writing.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(shut_down) => Err(io::Error::other(shut_down)),
    })
}

async fn write_rows(
    file: &mut (impl AsyncWrite + Unpin),
    mut rows: Receiver<io::Result<String>>,
    stop: CancellationToken,
) -> io::Result<()> {
    // Stopped between two rows: around `write_all` as well, it would cut one in two.
    while let Some(Some(row)) = stop.run_until_cancelled(rows.recv()).await {
        file.write_all(row?.as_bytes()).await?;
    }
    Ok(())
}
