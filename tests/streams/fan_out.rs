use std::num::NonZeroUsize;

use bytes::Bytes;
use streams::fan_out::Room;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter, DuplexStream, duplex};
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout};

use crate::support::{ONE, TWO, limit, ms, settle, soon};

/// A member whose messages arrive at the returned end, and the task that delivers them.
fn joined(room: &Room, buffer: usize) -> (DuplexStream, tokio::task::JoinHandle<std::io::Result<()>>) {
    let (ours, theirs) = duplex(buffer);
    let mut member = room.join();
    (theirs, tokio::spawn(async move { member.deliver(ours).await }))
}

/// asyncio: a loop of `write` over all writers. Here each member has a queue and a task.
#[tokio::test(start_paused = true)]
async fn every_member_hears_every_message_in_order() {
    let room = Room::new(limit(10));
    let (mut first, _task) = joined(&room, 64);
    let (mut second, _other) = joined(&room, 64);
    for message in ["one ", "two ", "three"] {
        assert_eq!(room.say(message.into()), 0);
    }
    for member in [&mut first, &mut second] {
        let mut heard = [0; 13];
        soon(member.read_exact(&mut heard)).await.unwrap();
        assert_eq!(&heard, b"one two three");
    }
}

/// asyncio: `await drain()` in the loop holds up all; without it memory grows. Here a full queue drops its member at once.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_dropped_and_holds_up_no_other() {
    let room = Room::new(TWO);
    let (_slow, slow) = joined(&room, 1);
    let (mut quick, _task) = joined(&room, 64);
    let start = Instant::now();
    let mut dropped = Vec::new();
    for number in 0..5 {
        dropped.push(room.say(Bytes::from_static(b"message")));
        let mut heard = [0; 7];
        quick.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"message", "{number}");
    }
    // The first is being written, two wait, and the fourth has no room.
    assert_eq!((dropped, start.elapsed(), room.len()), (vec![0, 0, 0, 1, 0], ms(0), 1));
    // The member is dropped in the middle of its write.
    soon(slow).await.unwrap().unwrap();
}

/// A stream that keeps what is written until a flush, as TLS and a `BufWriter` do, holds no message back.
#[tokio::test(start_paused = true)]
async fn each_message_is_flushed() {
    let (room, (ours, mut theirs)) = (Room::new(ONE), duplex(64));
    let mut member = room.join();
    tokio::spawn(async move { member.deliver(BufWriter::new(ours)).await });
    room.say("hello".into());
    let mut heard = [0; 5];
    soon(theirs.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello");
}

/// A `broadcast` receiver that lags behind learns it only when it receives. In the middle of a write it does not receive.
#[tokio::test(start_paused = true)]
async fn but_a_broadcast_cannot_interrupt_a_write() {
    let (sender, mut messages) = broadcast::channel::<Bytes>(2);
    let (mut ours, _never_reads) = duplex(1);
    let member = tokio::spawn(async move {
        while let Ok(message) = messages.recv().await {
            ours.write_all(&message).await.unwrap();
        }
    });
    for _ in 0..100 {
        sender.send(Bytes::from_static(b"message")).unwrap();
        settle().await;
    }
    assert!(timeout(ms(3_600_000), member).await.is_err());
}

/// A dropped member leaves the room, and gets no more messages.
#[tokio::test(start_paused = true)]
async fn a_dropped_member_leaves_the_room() {
    let room = Room::new(ONE);
    let (first, second) = (room.join(), room.join());
    assert_eq!((room.len(), room.is_empty()), (2, false));
    drop(first);
    assert_eq!(room.len(), 1);
    drop(second);
    assert!(room.is_empty());
    assert_eq!(room.say("to no member".into()), 0);
}

/// A peer that closes its socket is an error of its own `deliver`.
#[tokio::test(start_paused = true)]
async fn a_member_that_is_gone_is_an_error() {
    let room = Room::new(ONE);
    let (gone, task) = joined(&room, 64);
    drop(gone);
    room.say("hello".into());
    let error = soon(task).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert!(room.is_empty());
}

/// The greatest queue is no overflow.
#[tokio::test(start_paused = true)]
async fn a_queue_may_be_the_greatest() {
    let room = Room::new(NonZeroUsize::MAX);
    let _member = room.join();
    assert_eq!((room.say("one".into()), room.len()), (0, 1));
}
