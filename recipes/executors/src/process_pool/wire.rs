// SPDX-License-Identifier: 0BSD
//! The messages between a pool and its workers: JSON, after four bytes with its length.

use std::any::type_name;
use std::error::Error;
use std::io::{self, Read};
use std::mem;
use std::os::unix::net::UnixStream as Channel;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::exact;

/// How many causes of an error are sent. Each is nested in the other, and JSON may not be nested too deep.
const MAX_CAUSES: usize = 32;

/// A message of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply<O> {
    /// The worker is ready for a job.
    Ready,
    /// The worker has the job. A job that was sent and not taken can go to another worker.
    Taken,
    Done(Result<O, RemoteError>),
}

/// An error of a job, as it comes from another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// The name of the error's type, `panic`, or `cause` for the cause of another error.
    pub kind: String,
    /// The text of the error.
    pub message: String,
    /// The cause of the error. [`Error::source`] returns it, as for an error of this process.
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

/// Makes a frame: the length of the message, and the message.
pub(super) fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    exact::check(message)?;
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4).map_err(|_| io::Error::other("it is longer than 4 GiB"))?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// A message that is being read. Memory grows with the bytes that arrive, not with the announced length.
#[derive(Debug, Default)]
pub(super) struct Incoming(Vec<u8>);

impl Incoming {
    /// Waits for the whole message. Cancel safe: the bytes read so far stay here.
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

    /// Does the same on a thread. From a non-blocking channel it reads the bytes that are there.
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

    /// Returns how many bytes are known to come.
    fn missing(&self) -> u64 {
        let whole = match self.0.first_chunk() {
            Some(length) => u64::from(u32::from_be_bytes(*length)) + 4,
            None => 4,
        };
        // Never less than zero: the reads stop at `whole`.
        whole.saturating_sub(self.0.len() as u64)
    }

    fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.0).split_off(4)
    }
}

pub(super) fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this is not what a worker says")
}
