use std::io::{Cursor, ErrorKind};
use std::time::Duration;

use streams::relay::relay;
use tokio::io::{
    AsyncReadExt, AsyncWriteExt, BufWriter, copy, copy_bidirectional, duplex, empty, join, sink, split,
};
use tokio::time::{Instant, sleep, timeout};

use crate::always_ready::Drops;
use crate::support::{leaves_others_their_turn, ms, soon};

/// asyncio: two loops, and `write_eof` at the end of each. Here the end of one direction is passed on, and the other goes on.
#[tokio::test(start_paused = true)]
async fn the_end_of_one_direction_is_passed_on_alone() {
    let ((mut client, left), (right, mut server)) = (duplex(64), duplex(64));
    let relayed = tokio::spawn(relay(left, right, Duration::MAX));
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut question = String::new();
    server.read_to_string(&mut question).await.unwrap();
    sleep(ms(1_000)).await;
    server.write_all(b"answer").await.unwrap();
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
    assert_eq!(soon(relayed).await.unwrap().unwrap(), (8, 6));
}

/// A million bytes each way at once, through buffers of 64 bytes, come in order.
#[tokio::test(start_paused = true)]
async fn a_million_bytes_pass_both_ways_at_once() {
    let ((client, left), (right, server)) = (duplex(64), duplex(64));
    let relayed = tokio::spawn(relay(left, right, Duration::MAX));
    let bytes: Vec<u8> =
        (0..1_000_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
    let one_end = async |stream| streams::connect::ask(stream, &bytes, 1_000_000).await.unwrap();
    let (there, back) = soon(async { tokio::join!(one_end(client), one_end(server)) }).await;
    assert!(there == bytes && back == bytes);
    assert_eq!(relayed.await.unwrap().unwrap(), (1_000_000, 1_000_000));
}

/// The first direction to end drops the other, and the answer with it: a client that ends its request first gets none.
#[tokio::test(start_paused = true)]
async fn but_a_race_of_two_copies_cuts_the_answer() {
    let ((mut client, left), (right, mut server)) = (duplex(64), duplex(64));
    tokio::spawn(async move {
        let ((mut from_left, mut to_left), (mut from_right, mut to_right)) = (split(left), split(right));
        tokio::select! {
            ended = copy(&mut from_left, &mut to_right) => ended,
            ended = copy(&mut from_right, &mut to_left) => ended,
        }
    });
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut question = String::new();
    server.read_to_string(&mut question).await.unwrap();
    assert_eq!(server.write_all(b"answer").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// asyncio: a `timeout` around each read. Here silence in both directions ends the pair; a byte in either one keeps it.
#[tokio::test(start_paused = true)]
async fn silence_ends_it_and_a_byte_keeps_it() {
    let ((mut client, left), (right, _server)) = (duplex(64), duplex(64));
    let start = Instant::now();
    let relayed = tokio::spawn(relay(left, right, ms(100)));
    sleep(ms(90)).await;
    client.write_all(b"x").await.unwrap();
    let error = soon(relayed).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::TimedOut, ms(200)));

    let ((_client, left), (right, _server)) = (duplex(64), duplex(64));
    let error = relay(left, right, ms(100)).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::TimedOut, ms(300)));
}

/// asyncio: `drain` waits for a peer that never reads, without limit. Here it is silence.
#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_is_silence() {
    let ((mut client, left), (right, _server)) = (duplex(64), duplex(64));
    let relayed = tokio::spawn(relay(left, right, ms(100)));
    // Its write fails when the relay has dropped the other end.
    assert_eq!(client.write_all(&[7; 100_000]).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(relayed.await.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
}

/// Tokio's own relay has no limit on time: a peer that has vanished keeps it forever.
#[tokio::test(start_paused = true)]
async fn but_copy_bidirectional_waits_for_a_peer_that_has_vanished() {
    let ((mut client, mut left), (mut right, _vanished)) = (duplex(64), duplex(64));
    client.shutdown().await.unwrap();
    assert!(timeout(ms(3_600_000), copy_bidirectional(&mut left, &mut right)).await.is_err());
}

/// An error of one side closes the other: `write` returns `BrokenPipe`, and both streams are dropped.
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_gone_closes_the_other_side() {
    let ((mut client, left), (right, server)) = (duplex(64), duplex(64));
    let relayed = tokio::spawn(relay(left, right, Duration::MAX));
    drop(server);
    // The end of the other direction comes first.
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    client.write_all(b"x").await.unwrap();
    assert_eq!(soon(relayed).await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(client.write_all(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// A stream that takes no more bytes, as a buffer of a fixed size, is an error of both.
#[tokio::test]
async fn a_stream_that_takes_nothing_is_an_error() {
    let full = Cursor::new(vec![0; 2].into_boxed_slice());
    let ended = relay(join(&b"hello"[..], sink()), join(empty(), full), Duration::MAX).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::WriteZero);
}

/// A stream that keeps what is written until a flush holds nothing back.
#[tokio::test(start_paused = true)]
async fn what_a_stream_keeps_is_flushed() {
    let ((mut client, left), (right, mut server)) = (duplex(64), duplex(64));
    tokio::spawn(relay(left, BufWriter::new(right), Duration::MAX));
    client.write_all(b"x").await.unwrap();
    assert_eq!(soon(server.read(&mut [0; 64])).await.unwrap(), 1);
}

/// Tokio's streams let other tasks run. Here the relay does so even with two foreign streams that are always ready.
#[tokio::test]
async fn peers_that_are_always_ready_leave_others_their_turn() {
    leaves_others_their_turn(relay(Drops(100_000), Drops(100_000), Duration::MAX)).await;
}
