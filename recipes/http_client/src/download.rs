// SPDX-License-Identifier: 0BSD
//! Streams a body to disk: the file has its name when it is whole, and not before.
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
//! `response.bytes().await?` and `tokio::fs::write` are enough for a small body and a file that may be left half
//! written.
//!
//! # Cancel safety
//!
//! Dropped at any point, the file under its final name is the old one or the new one, never a part; what was written so
//! far is removed. Only if the process is killed (not if it ends) can a file `.part-*` stay behind.
//!
//! # Cost
//!
//! One chunk in memory, whatever the size. Each file operation runs on tokio's blocking threads.

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
    /// More came than the limit, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLong(u64),
    /// The folder cannot be written, or the disk is full.
    #[error("the file could not be written")]
    Disk(#[from] io::Error),
}

/// Writes a stream (`Response::bytes_stream`) to a file of at most `limit` bytes, and returns how many there are.
///
/// An older file of that name is replaced, in one step. The folder has to exist.
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
        // Chunks that are always there would never let the runtime look at a timeout.
        consume_budget().await;
    }
    // A write returns before the disk has it: a full disk can show here. Without sync_all, a power cut after the renaming
    // could leave the name on an empty file.
    file.flush().await?;
    file.sync_all().await?;
    let path = path.to_owned();
    blocking(move || part.persist(path).map_err(|error| error.error)).await?;
    Ok(written)
}

/// A new file in the folder of `path`: a file can take another's name in one step on the same disk only.
async fn create_beside(path: std::path::PathBuf) -> io::Result<(std::fs::File, TempPath)> {
    blocking(move || {
        // The renaming would say so too, but after the whole body.
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".part-");
        // By default a temporary file is for its owner alone; a download is a file like others (less umask).
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(folder).map(NamedTempFile::into_parts)
    })
    .await
}

/// If the caller is dropped meanwhile, what the work returns is dropped when it is done: a temporary file, removed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
