// SPDX-License-Identifier: 0BSD
//! Sends each message to all members of a room, as a chat does. A member who reads too slowly is dropped.
//!
//! ```sh
//! cargo add bytes
//! cargo add tokio --features io-util,sync
//! cargo add tokio-util
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use streams::fan_out::Room;
//! use tokio::io::{AsyncReadExt, duplex};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let room = Room::new(NonZeroUsize::MIN.saturating_add(99)); // 100 messages behind is too slow
//!     let (mut member, ours) = (room.join(), duplex(64));
//!     let (socket, mut reader) = ours;
//!     tokio::spawn(async move { member.deliver(socket).await });
//!     assert_eq!(room.say("hello\n".into()), 0); // it has dropped no member
//!     let mut heard = [0; 6];
//!     reader.read_exact(&mut heard).await?;
//!     assert_eq!(&heard, b"hello\n");
//!     Ok(())
//! }
//! ```
//!
//! The rule: each member has a queue of this many messages. If a member's queue is full when a message comes, the member is
//! dropped at that moment, even in the middle of a write. The other members are not affected.
//!
//! `tokio::sync::broadcast` is enough if a slow reader may miss messages. It cannot interrupt a write: a peer that never
//! reads keeps its socket.
//!
//! # Cancel safety
//!
//! Dropping `deliver` may leave a message half written: close the stream then. Dropping a [`Member`] leaves the room.
//!
//! # Cost
//!
//! [`Room::say`] never waits, and takes time in proportion to the members. A message is shared, not copied.
//!
//! # Differences from asyncio
//!
//! `StreamWriter.write` never waits and has no bound: a member that never reads costs memory without limit. A sender
//! that awaits `drain` waits for the slowest member.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A room, in which every member gets every message. A clone is the same room.
#[derive(Debug, Clone)]
pub struct Room {
    members: Arc<Mutex<Members>>,
    queue: usize,
}

#[derive(Debug, Default)]
struct Members {
    next: u64,
    // The guard cancels the member's token when its entry is removed.
    present: HashMap<u64, (mpsc::Sender<Bytes>, DropGuard)>,
}

/// A member of a room. Dropping it leaves the room.
#[derive(Debug)]
pub struct Member {
    room: Room,
    id: u64,
    messages: mpsc::Receiver<Bytes>,
    is_dropped: CancellationToken,
}

impl Room {
    /// Makes a room in which a member may be `queue` messages behind.
    pub fn new(queue: NonZeroUsize) -> Self {
        Self { members: Arc::default(), queue: queue.get().min(Semaphore::MAX_PERMITS) }
    }

    /// Adds a member, which gets the messages from now on.
    pub fn join(&self) -> Member {
        let (sender, messages) = mpsc::channel(self.queue);
        let is_dropped = CancellationToken::new();
        let mut members = self.lock();
        let id = members.next;
        members.next += 1;
        members.present.insert(id, (sender, is_dropped.clone().drop_guard()));
        Member { room: self.clone(), id, messages, is_dropped }
    }

    /// Queues a message for every member, and drops those whose queue is full. Returns how many it has dropped.
    pub fn say(&self, message: Bytes) -> usize {
        let mut members = self.lock();
        let before = members.present.len();
        members.present.retain(|_, (queue, _)| queue.try_send(message.clone()).is_ok());
        before - members.present.len()
    }

    /// Returns the number of members.
    pub fn len(&self) -> usize {
        self.lock().present.len()
    }

    /// Returns whether the room has no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Writes each message to `writer`. Returns `Ok` when the room has dropped this member for being too slow.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub async fn deliver(&mut self, mut writer: impl AsyncWrite + Unpin) -> io::Result<()> {
        let messages = &mut self.messages;
        let write = async {
            while let Some(message) = messages.recv().await {
                writer.write_all(&message).await?;
                writer.flush().await?;
            }
            Ok(())
        };
        self.is_dropped.run_until_cancelled(write).await.unwrap_or(Ok(()))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let left = self.room.lock().present.remove(&self.id);
        drop(left);
    }
}
