// SPDX-License-Identifier: 0BSD
//! Goes on with a download where an earlier one broke off, if the server still has the same file.
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
//! The pattern `download` is enough for what is quickly fetched again: it leaves no part behind.
//!
//! What has come is in `NAME.part`, and in `NAME.part-of` what the server calls this version of the file: its `ETag`. A
//! server that has another version by now, or answers no ranges, sends the whole file. A server that names no version is
//! never asked for the rest.
//!
//! It trusts what is on the disk. Delete the parts after a power cut, and let one program at a time write to a name.
//!
//! # Cancel safety
//!
//! Dropped at any point, the file under its final name is the old one or the new one, never a part. What has come stays
//! for the next call.

use std::ffi::OsString;
use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::fs::{self, File};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::task::consume_budget;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The request failed, or the body broke off. What has come stays for the next call.
    #[error("the body broke off")]
    Body(#[from] reqwest::Error),
    /// Neither the file nor the rest of it.
    #[error("{0}")]
    Status(StatusCode),
    /// The rest that came does not begin where the part ends. The part is gone: ask again.
    #[error("the rest does not fit")]
    Misfit,
    /// The server ended before the length that it had named. What has come stays.
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
    let mut misfits = 0;
    loop {
        let part = Part::of(path).await?;
        let response = client.get(url.clone()).headers(part.wanted()).send().await?;
        match part.complete(response, limit).await {
            // A part that is too long, or of another file. From the beginning, nothing can misfit.
            Err(ResumeError::Misfit) if misfits == 0 => misfits += 1,
            outcome => return outcome,
        }
    }
}

/// What an earlier download has left of a file.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    length: u64,
    version: Option<HeaderValue>,
}

impl Part {
    /// Looks for the part of `path`.
    ///
    /// # Errors
    /// If `path` is a folder, or the folder cannot be read.
    pub async fn of(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path).await {
            Ok(there) if there.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut part = Self { path: path.to_owned(), length: 0, version: None };
        match (fs::metadata(part.beside(".part")).await, fs::read(part.beside(".part-of")).await) {
            (Ok(there), Ok(version)) => {
                part.version = HeaderValue::from_bytes(&version).ok();
                part.length = if part.version.is_some() { there.len() } else { 0 };
                Ok(part)
            }
            (Err(error), _) | (_, Err(error)) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(part),
        }
    }

    /// The headers that ask for the rest; none where there is no part.
    #[must_use]
    pub fn wanted(&self) -> HeaderMap {
        let range = HeaderValue::try_from(format!("bytes={}-", self.length)).ok();
        let rest = range.zip(self.version.clone()).filter(|_| self.length > 0);
        rest.map(|(range, version)| HeaderMap::from_iter([(RANGE, range), (IF_RANGE, version)]))
            .unwrap_or_default()
    }

    /// Writes what a response to these headers brings, and gives the file its name when it is whole.
    ///
    /// # Errors
    /// See [`ResumeError`].
    pub async fn complete(self, response: Response, limit: u64) -> Result<u64, ResumeError> {
        let stays = version(response.headers()).is_some();
        let outcome = self.write(response, limit).await;
        match &outcome {
            Err(ResumeError::TooLong(_) | ResumeError::Misfit) => self.forget().await?,
            Err(ResumeError::Body(_) | ResumeError::Short(..) | ResumeError::Disk(_)) if !stays => {
                self.forget().await?
            }
            _ => {}
        }
        outcome
    }

    async fn write(&self, mut response: Response, limit: u64) -> Result<u64, ResumeError> {
        let version = version(response.headers());
        let range = response.headers().get(CONTENT_RANGE).and_then(begin_and_total);
        let (mut file, mut length, total) = match (response.status(), range) {
            (StatusCode::OK, _) => (self.begin_anew(version).await?, 0, response.content_length()),
            (StatusCode::PARTIAL_CONTENT, Some((begin, total)))
                if begin > 0 && begin == self.length && version == self.version =>
            {
                let mut file = File::options().write(true).open(self.beside(".part")).await?;
                file.seek(SeekFrom::Start(begin)).await?;
                (file, begin, total)
            }
            (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, _) => {
                return Err(ResumeError::Misfit);
            }
            (status, _) => return Err(ResumeError::Status(status)),
        };
        let broke_off = loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            if chunk.len() as u64 > limit.saturating_sub(length) {
                return Err(ResumeError::TooLong(limit));
            }
            file.write_all(&chunk).await?;
            length += chunk.len() as u64;
            // Chunks that are always there would never let the runtime look at a timeout.
            consume_budget().await;
        };
        // A write returns before the disk has it. The next call counts what is there.
        file.flush().await?;
        match (broke_off, total) {
            (Some(error), _) => return Err(error.into()),
            (None, Some(total)) if total != length => return Err(ResumeError::Short(length, total)),
            _ => {}
        }
        file.sync_all().await?;
        fs::rename(self.beside(".part"), &self.path).await?;
        remove(&self.beside(".part-of")).await?;
        Ok(length)
    }

    /// A part without a name of its version is never gone on with: it is there only while the part is of this version.
    async fn begin_anew(&self, version: Option<HeaderValue>) -> io::Result<File> {
        remove(&self.beside(".part-of")).await?;
        let file = File::create(self.beside(".part")).await?;
        if let Some(version) = version {
            fs::write(self.beside(".part-of"), version).await?;
        }
        Ok(file)
    }

    async fn forget(&self) -> io::Result<()> {
        remove(&self.beside(".part-of")).await?;
        remove(&self.beside(".part")).await
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = OsString::from(&self.path);
        path.push(ending);
        path.into()
    }
}

/// What the server calls this version. A weak tag, `W/...`, may be that of other bytes.
fn version(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")).cloned()
}

/// `bytes 18-21/22`; the total may be `*`.
fn begin_and_total(range: &HeaderValue) -> Option<(u64, Option<u64>)> {
    let (range, total) = range.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

async fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
