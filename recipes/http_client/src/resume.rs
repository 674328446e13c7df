// SPDX-License-Identifier: 0BSD
//! Resumes a download where an earlier one broke off, if the server still has the same file.
//!
//! aiohttp: no name; `headers={"Range": "bytes=1000-", "If-Range": etag}`, and a look at the status.
//!
//! ```sh
//! cargo add thiserror
//! cargo add reqwest --no-default-features --features rustls
//! cargo add tokio --features fs,io-util,rt
//! ```
//!
//! ```
//! use axum::{Router, routing::get};
//! use http_client::resume::resume;
//! use tokio::net::TcpListener;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let url = format!("http://{}/film", listener.local_addr()?).parse()?;
//!     let site = Router::new().route("/film", get(async || "two hours"));
//!     tokio::spawn(async { axum::serve(listener, site).await });
//!
//!     // Neither a proxy nor a certificate: the server is on this machine.
//!     let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
//!     let folder = tempfile::tempdir()?;
//!     let (path, limit) = (folder.path().join("film"), 1_000_000);
//!     assert_eq!(resume(&client, url, &path, limit).await?, 9); // after an error or a crash: call it again
//!     assert_eq!(std::fs::read_to_string(path)?, "two hours");
//!     Ok(())
//! }
//! ```
//!
//! The pattern `download` is enough for a file that is quickly fetched again: it leaves no part behind.
//!
//! `NAME.part` holds the bytes so far, and `NAME.part-of` the server's name of this version, its `ETag`. A server that has
//! another version by now, or ignores ranges, sends the whole file. A server that names no version is never asked for the
//! rest.
//!
//! It trusts the bytes on the disk. Delete the parts after a power cut, and let only one program at a time write to a name.
//!
//! # Cancel safety
//!
//! Dropped at any point, the final name holds the old file or the new one, never a part. The bytes so far stay for the
//! next call.

use std::io;
use std::path::Path;

use reqwest::{Client, StatusCode, Url};

pub use part::Part;

mod part;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The request failed, or the body broke off. The bytes so far stay for the next call.
    #[error("the body broke off")]
    Body(#[from] reqwest::Error),
    /// The response has another status: it is neither the file nor the rest of it.
    #[error("{0}")]
    Status(StatusCode),
    /// The rest does not begin where the part ends. The part is removed: ask again.
    #[error("the rest does not fit")]
    Misfit,
    /// The body ended before the length that the server had named. The bytes so far stay.
    #[error("{0} of {1} bytes came")]
    Short(u64, u64),
    /// The file is longer than the limit, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLong(u64),
    /// The folder cannot be written, or the disk is full.
    #[error("the file could not be written")]
    Disk(#[from] io::Error),
}

/// Fetches a file of at most `limit` bytes, or the rest of one, and returns how many bytes it has. The folder has to exist.
///
/// # Errors
/// See [`ResumeError`]. An older file of that name stays.
pub async fn resume(client: &Client, url: Url, path: &Path, limit: u64) -> Result<u64, ResumeError> {
    let mut is_first = true;
    loop {
        let part = Part::of(path).await?;
        let response = client.get(url.clone()).headers(part.wanted()).send().await?;
        match part.complete(response, limit).await {
            // The part is too long, or of another file. The next attempt asks for the whole file.
            Err(ResumeError::Misfit) if is_first => is_first = false,
            outcome => return outcome,
        }
    }
}
