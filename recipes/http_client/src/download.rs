// SPDX-License-Identifier: 0BSD
//! Streams a body to disk. The file gets its name only when it is complete.
//!
//! aiohttp: `async for chunk in response.content.iter_chunked(n): file.write(chunk)`, which leaves half a file behind
//! when it is cancelled, and blocks the loop while the disk is busy.
//!
//! ```sh
//! cargo add bytes
//! cargo add futures
//! cargo add tempfile
//! cargo add thiserror
//! cargo add tokio --features fs,io-util,rt
//! ```
//!
//! ```
//! use axum::{Router, routing::get};
//! use http_client::download::download;
//! use tokio::net::TcpListener;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/logo.svg", listener.local_addr()?);
//!     let site = Router::new().route("/logo.svg", get(async || "<svg/>"));
//!     tokio::spawn(async { axum::serve(listener, site).await });
//!
//!     let folder = tempfile::tempdir()?;
//!     let (path, limit) = (folder.path().join("logo.svg"), 1_000_000);
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
//!     let body = client.get(url).send().await?.bytes_stream();
//!     assert_eq!(download(body, &path, limit).await?, 6);
//!     assert_eq!(std::fs::read_to_string(path)?, "<svg/>");
//!     Ok(())
//! }
//! ```
//!
//! `response.bytes().await?` and `tokio::fs::write` are enough for a small body if a half-written file does no harm.
//!
//! # Cancel safety
//!
//! Dropped at any point, the final name holds the old file or the new one, never a part. The bytes written so far are
//! removed. A file `.part-*` can stay behind only if the process is killed; a normal end removes it.
//!
//! # Cost
//!
//! One chunk is in memory at a time. Each file operation runs on tokio's blocking threads.

use std::io;
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use futures::stream::{Stream, StreamExt};
use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::task::{consume_budget, spawn_blocking};

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError<E> {
    /// The stream failed: the connection broke, or took too long.
    #[error("the body broke off")]
    Body(#[source] E),
    /// The body is longer than the limit, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLong(u64),
    /// The folder cannot be written, or the disk is full.
    #[error("the file could not be written")]
    Disk(#[from] io::Error),
}

/// Writes a stream (`Response::bytes_stream`) to a file of at most `limit` bytes, and returns the number of bytes.
///
/// It replaces an older file of that name in one step. The folder has to exist.
///
/// # Errors
/// See [`DownloadError`]. No file of this name appears then, and an older one stays.
pub async fn download<E>(
    chunks: impl Stream<Item = Result<Bytes, E>>,
    path: &Path,
    limit: u64,
) -> Result<u64, DownloadError<E>> {
    let (file, part) = create_beside(path.to_owned()).await?;
    let mut file = File::from_std(file);
    let mut chunks = pin!(chunks);
    let mut written = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(DownloadError::Body)?;
        if chunk.len() as u64 > limit - written {
            return Err(DownloadError::TooLong(limit));
        }
        file.write_all(&chunk).await?;
        written += chunk.len() as u64;
        // If every chunk is ready, the loop would never yield, and no timeout could fire.
        consume_budget().await;
    }
    // A write returns before the data is on disk: a full disk can show here. Without sync_all, a power cut after the
    // rename could leave an empty file under the name.
    file.flush().await?;
    file.sync_all().await?;
    let path = path.to_owned();
    blocking(move || part.persist(path).map_err(|error| error.error)).await?;
    Ok(written)
}

/// Creates a temporary file in the folder of `path`, because a rename replaces a file in one step only on the same disk.
async fn create_beside(path: std::path::PathBuf) -> io::Result<(std::fs::File, TempPath)> {
    blocking(move || {
        // The rename would fail too, but only after the whole body.
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".part-");
        // By default only the owner may read a temporary file; a download has the usual mode (less umask).
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(folder).map(NamedTempFile::into_parts)
    })
    .await
}

/// Runs blocking work. If the caller is dropped meanwhile, the result is dropped too: a temporary file is then removed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
