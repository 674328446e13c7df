// SPDX-License-Identifier: 0BSD
//! The part of a file that `resume.rs` keeps on disk.

use std::ffi::OsString;
use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use tokio::fs::{self, File};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::task::consume_budget;

use super::ResumeError;

/// The part of a file that an earlier download has left.
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

    /// Returns the headers that ask for the rest; empty if there is no part.
    #[must_use]
    pub fn wanted(&self) -> HeaderMap {
        let range = HeaderValue::try_from(format!("bytes={}-", self.length)).ok();
        let rest = range.zip(self.version.clone()).filter(|_| self.length > 0);
        rest.map(|(range, version)| HeaderMap::from_iter([(RANGE, range), (IF_RANGE, version)]))
            .unwrap_or_default()
    }

    /// Writes the body of a response to these headers, and gives the file its name when it is complete. Returns its length.
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
            // If every chunk is ready, the loop would never yield, and no timeout could fire.
            consume_budget().await;
        };
        // A write returns before the file has the bytes. The next call takes the file's length as its start.
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

    /// Starts a new part. The version's name is removed first and written last: a part without it is never resumed.
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

/// Returns the server's name of this version. Weak tags, `W/...`, are ignored: two different bodies may share one.
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
