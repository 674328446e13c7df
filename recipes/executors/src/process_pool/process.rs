// SPDX-License-Identifier: 0BSD
//! A worker, as its pool sees it: a process and the channel to it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Channel;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::wire::{Incoming, Reply, invalid};

/// How long to wait for the end of a process before it is killed, and its permit, which is free after that.
type Farewell = (Duration, Option<OwnedSemaphorePermit>);

/// How a process has ended, and its permit.
type End = (ExitStatus, Option<OwnedSemaphorePermit>);

/// A process in use. Its drop kills the process.
#[derive(Debug)]
pub(super) struct Worker {
    channel: UnixStream,
    incoming: Incoming,
    /// How many jobs it has done.
    pub(super) jobs: usize,
    /// Its permit to have a job.
    pub(super) place: Option<OwnedSemaphorePermit>,
    end_limit: Duration,
    farewell: Option<oneshot::Sender<Farewell>>,
    /// The end, from the task that waits for the process.
    end: oneshot::Receiver<End>,
    /// The message from `end`, if it has arrived.
    ended: Option<Option<ExitStatus>>,
}

impl Worker {
    /// Starts a process.
    pub(super) fn start(
        command: &mut Command,
        place: OwnedSemaphorePermit,
        end_limit: Duration,
        alive: &TaskTracker,
    ) -> io::Result<Self> {
        let (ours, theirs) = Channel::pair()?;
        ours.set_nonblocking(true)?;
        let channel = UnixStream::from_std(ours)?;
        let child = command.stdin(OwnedFd::from(theirs)).spawn();
        // Otherwise the command would keep the worker's end of the channel open, and the pool would not see the
        // worker's end.
        command.stdin(Stdio::null());
        let (farewell, unwanted) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        alive.spawn(look_after(child?, unwanted, ended));
        let (incoming, place, farewell) = (Incoming::default(), Some(place), Some(farewell));
        Ok(Self { channel, incoming, jobs: 0, place, end_limit, farewell, end, ended: None })
    }

    /// Sends a job to the process, and waits until the process has taken it.
    pub(super) async fn take(&mut self, request: &[u8]) -> io::Result<()> {
        let (mut reader, mut writer) = self.channel.split();
        let ended = tokio::select! {
            biased;
            // A worker sends nothing before it has the job. One that writes and does not read would wait forever, and
            // so would the pool.
            early = reader.read_u8() => {
                early?;
                return Err(invalid());
            }
            written = writer.write_all(request) => {
                written?;
                None
            }
            ended = &mut self.end, if self.ended.is_none() => Some(ended.ok()),
        };
        if let Some(ended) = ended {
            self.note(ended);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match self.reply::<()>().await? {
            Reply::Taken => Ok(()),
            Reply::Ready | Reply::Done(_) => Err(invalid()),
        }
    }

    pub(super) async fn reply<O: DeserializeOwned>(&mut self) -> io::Result<Reply<O>> {
        Ok(serde_json::from_slice(&self.message().await?)?)
    }

    /// Reads the next message. It also waits for the process: if that dies, a program that it has started may hold its
    /// end of the channel open.
    pub(super) async fn message(&mut self) -> io::Result<Vec<u8>> {
        if self.ended.is_none() {
            let ended = tokio::select! {
                biased;
                message = self.incoming.read(&mut self.channel) => return message,
                ended = &mut self.end => ended.ok(),
            };
            self.note(ended);
        }
        // All that the process wrote before its end is in the channel. Tokio may not know of it yet, so this reads the
        // channel itself.
        let channel = Channel::from(self.channel.as_fd().try_clone_to_owned()?);
        self.incoming.read_blocking(&channel)
    }

    /// Lets the process end: it reads the end of the channel, and has time to save its state.
    pub(super) fn retire(mut self) {
        self.part(self.end_limit);
    }

    /// Lets the process end, and waits for that. It keeps its permit.
    pub(super) async fn end(&mut self) -> Option<ExitStatus> {
        // The shutdown fails if the other end is gone already.
        drop(self.channel.shutdown().await);
        self.part(self.end_limit);
        self.status().await
    }

    /// Kills the process, and waits for its end. It keeps its permit.
    pub(super) async fn kill(&mut self) -> Option<ExitStatus> {
        self.part(Duration::ZERO);
        self.status().await
    }

    async fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            let ended = (&mut self.end).await.ok();
            self.note(ended);
        }
        self.ended.flatten()
    }

    fn note(&mut self, ended: Option<End>) {
        let (status, place) = ended.unzip();
        self.ended = Some(status);
        self.place = place.flatten().or(self.place.take());
    }

    fn part(&mut self, patience: Duration) {
        let Some(farewell) = self.farewell.take() else { return };
        if let Err((_patience, place)) = farewell.send((patience, self.place.take())) {
            // The process is gone already.
            self.place = place;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.part(Duration::ZERO);
    }
}

/// Waits for the end of a process, so that no zombie is left, and kills the process if necessary.
async fn look_after(
    mut child: Child,
    mut unwanted: oneshot::Receiver<Farewell>,
    ended: oneshot::Sender<End>,
) {
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
    let farewell = tokio::select! {
        biased;
        _ = child.wait() => {
            // The message may have come at this moment, with the permit.
            unwanted.close();
            unwanted.try_recv().ok()
        }
        farewell = &mut unwanted => farewell.ok(),
    };
    let (patience, place) = farewell.unwrap_or_default();
    if patience.is_zero() || timeout(patience, child.wait()).await.is_err() {
        // The kill fails if the process has ended by itself.
        drop(child.start_kill());
    }
    let status = child.wait().await;
    // In the same step, before another process can get its number.
    drop(group);
    if let Ok(status) = status {
        // The slot is free now, unless the receiver keeps it.
        drop(ended.send((status, place)));
    }
}

/// The process group of a worker: the worker, and the programs that its jobs have started. Its drop kills the group.
/// The recipe `subprocesses` has the same few lines in each pattern that leads a group: a copied pattern needs no
/// other.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        // An error means that no process of the group is left.
        let _killed_or_gone = self.0.map(|leader| kill_process_group(leader, Signal::KILL));
    }
}
