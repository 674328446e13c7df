// SPDX-License-Identifier: 0BSD
//! What a pool and its workers say to each other: JSON, behind four bytes with its length.

use std::any::type_name;
use std::error::Error;
use std::io::{self, Read};
use std::mem;
use std::os::unix::net::UnixStream as Channel;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::exact;

/// How many causes of an error are sent. Each lies within the other, and JSON may not be nested too deep.
const MAX_CAUSES: usize = 32;

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply<O> {
    /// It can be sent a job.
    Ready,
    /// It has the job. One that was sent and not taken can go to another worker.
    Taken,
    Done(Result<O, RemoteError>),
}

/// An error of a job, as it comes from another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// The name of the error's type, `panic`, or `cause` for what is behind another error.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// What is behind it. [`Error::source`] leads there, as for an error of this process.
    #[source]
    pub cause: Option<Box<RemoteError>>,
}

impl RemoteError {
    pub(super) fn new<E: Into<Box<dyn Error + Send + Sync>>>(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = error.into();
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause.filter(|_| causes.len() < MAX_CAUSES) {
            causes.push(error.to_string());
            cause = error.source();
        }
        let cause = causes
            .into_iter()
            .rfold(None, |cause, message| Some(Box::new(Self { kind: "cause".to_owned(), message, cause })));
        Self { kind: type_name::<E>().to_owned(), message: error.to_string(), cause }
    }

    pub(super) fn panic(message: String) -> Self {
        Self { kind: "panic".to_owned(), message, cause: None }
    }
}

/// A message behind its length.
pub(super) fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    exact::check(message)?;
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4).map_err(|_| io::Error::other("it is longer than 4 GiB"))?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// A message that is being read. Memory grows as it comes, not as it is announced.
#[derive(Debug, Default)]
pub(super) struct Incoming(Vec<u8>);

impl Incoming {
    /// Waits for all of it. Cancel safe: what has come stays here.
    pub(super) async fn read(&mut self, channel: &mut UnixStream) -> io::Result<Vec<u8>> {
        loop {
            match self.missing() {
                0 => return Ok(self.take()),
                missing => {
                    let read = (&mut *channel).take(missing).read_buf(&mut self.0).await?;
                    if read == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// The same on a thread. Of a channel that does not block, what is there.
    pub(super) fn read_blocking(&mut self, channel: &Channel) -> io::Result<Vec<u8>> {
        loop {
            match self.missing() {
                0 => return Ok(self.take()),
                missing => {
                    let mut channel = channel;
                    if channel.by_ref().take(missing).read_to_end(&mut self.0)? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// How many bytes are known to come.
    fn missing(&self) -> u64 {
        let whole = match self.0.first_chunk() {
            Some(length) => u64::from(u32::from_be_bytes(*length)) + 4,
            None => 4,
        };
        // Never less than zero: it is read up to there.
        whole.saturating_sub(self.0.len() as u64)
    }

    fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.0).split_off(4)
    }
}

pub(super) fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this is not what a worker says")
}
