// SPDX-License-Identifier: 0BSD
//! A drop closes but cannot wait, so buffered data and a closing message are lost. asyncio: no `async with`.
//!
//! ```sh
//! cargo add tokio --features io-util,rt,sync
//! cargo add tokio-util
//! ```
//!
//! # What you see
//!
//! After an error, files lack their end, and servers report broken connections. An early return by `?`, a timeout and an
//! abort skip the `shutdown().await` below. A dropped `tokio::io::BufWriter` discards its buffer; a dropped `BufWriter` of
//! `std` writes it.
//!
//! # What catches it
//!
//! Nothing.
//!
//! # What to do
//!
//! Close in every case, and let a task do it, because a dropped future cannot await. The recipe `context_managers` has
//! scopes for any resource, and for a panic in the work too.
//!
//! # Cancel safety
//!
//! After a drop of [`fixed`], its task writes the row under way to its end and closes. At the end of `main` wait for that:
//! see `cleanup_at_exit`.

use std::io;
use std::panic::resume_unwind;

use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// Writes rows until there are no more. It closes at the end, which an error skips.
pub async fn broken(file: impl AsyncWrite + Unpin, mut rows: Receiver<io::Result<String>>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    while let Some(row) = rows.recv().await {
        file.write_all(row?.as_bytes()).await?;
    }
    file.shutdown().await
}

/// Writes rows until there are no more, or until one is an error. It closes in every case.
///
/// # Errors
///
/// The first error of a row, a write or the close.
///
/// # Panics
///
/// If `file` panics.
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
    // The stop applies only to the wait for a row: around `write_all`, it could cut a row in two.
    while let Some(Some(row)) = stop.run_until_cancelled(rows.recv()).await {
        file.write_all(row?.as_bytes()).await?;
    }
    Ok(())
}
