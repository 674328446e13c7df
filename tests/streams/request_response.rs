use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use streams::request_response::{CallError, Client, answer, client};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex, join};
use tokio::task::{JoinHandle, coop::consume_budget, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::codec::{
    Decoder, Encoder, Framed, FramedParts, FramedRead, LengthDelimitedCodec, LinesCodec,
};

use crate::support::{Count, Gauge, in_a_few_turns, leaves_others_their_turn, ms, soon};

/// Takes as many milliseconds as the request says.
async fn after(request: Bytes) -> Bytes {
    let time = std::str::from_utf8(&request).unwrap().parse().unwrap();
    sleep(ms(time)).await;
    request
}

type Ended = JoinHandle<std::io::Result<()>>;

/// A client, its connection, and the server at the other end.
fn connected(buffer: usize, longest: usize) -> (Client, Ended, Ended) {
    let (here, there) = duplex(buffer);
    let (client, connection) = client(here, longest);
    (client, tokio::spawn(connection), tokio::spawn(answer(there, longest, 10, after)))
}

/// asyncio: a dict of futures by id. Here the same, inside the connection: an answer comes when it is done.
#[tokio::test(start_paused = true)]
async fn answers_come_as_they_are_done() {
    let (client, _connection, _server) = connected(64, 100);
    let start = Instant::now();
    let calls = ["300", "100", "200"].map(|time| {
        let client = &client;
        async move { (client.call(time.into()).await.unwrap(), start.elapsed()) }
    });
    let answers = soon(join_all(calls)).await;
    assert_eq!(answers, [300, 100, 200].map(|time| (Bytes::from(time.to_string()), ms(time))));
}

/// asyncio: a `Semaphore` around the handlers. Here a limit; one more request waits in the connection.
#[tokio::test(start_paused = true)]
async fn so_many_requests_are_answered_at_once() {
    for (at_once, peak) in [(0, 1), (1, 1), (3, 3), (usize::MAX, 8)] {
        let (here, there) = duplex(64);
        let gauge = Gauge::default();
        let (client, connection) = client(here, 100);
        tokio::spawn(connection);
        let inside = gauge.clone();
        tokio::spawn(answer(there, 100, at_once, move |request| inside.clone().around(after(request))));
        let answers = soon(join_all((0..8).map(|_| client.call("100".into())))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(gauge.peak(), peak, "{at_once}");
    }
}

/// asyncio: a cancelled call leaves its future in the dict. Here its answer is dropped when it comes, and the others come.
#[tokio::test(start_paused = true)]
async fn a_dropped_call_takes_no_other_with_it() {
    let (client, _connection, _server) = connected(64, 100);
    let other = tokio::spawn({
        let client = client.clone();
        async move { client.call("200".into()).await }
    });
    assert!(timeout(ms(50), client.call("100".into())).await.is_err());
    assert_eq!(soon(other).await.unwrap().unwrap(), "200");
    assert_eq!(soon(client.call("10".into())).await.unwrap(), "10");
}

/// asyncio: a caller that waits on the dict waits forever. Here each call that waits, and each later one, gets an error.
#[tokio::test(start_paused = true)]
async fn calls_end_when_the_connection_does() {
    let (client, connection, server) = connected(64, 100);
    let waiting = client.call("1000".into());
    let (answer, ()) = tokio::join!(waiting, async {
        sleep(ms(10)).await;
        server.abort();
    });
    assert_eq!(answer, Err(CallError::Closed));
    soon(connection).await.unwrap().unwrap();
    assert_eq!(client.call("1".into()).await, Err(CallError::Closed));
}

/// A client that goes away has its answers first; then both ends return.
#[tokio::test(start_paused = true)]
async fn the_last_client_ends_the_connection_after_its_answers() {
    let (client, connection, server) = connected(64, 100);
    let call = tokio::spawn(async move { client.call("100".into()).await });
    assert_eq!(soon(call).await.unwrap().unwrap(), "100");
    soon(connection).await.unwrap().unwrap();
    soon(server).await.unwrap().unwrap();
}

/// A request beyond the limit is not sent, so the connection goes on.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_long_harms_no_other() {
    let (client, _connection, _server) = connected(64, 3);
    assert_eq!(client.call("1000".into()).await, Err(CallError::TooLong { limit: 3 }));
    assert_eq!(soon(client.call("100".into())).await.unwrap(), "100");
}

/// A hundred calls of 10 kB each way pass through buffers of 16 bytes: reading and writing never wait for each other.
#[tokio::test(start_paused = true)]
async fn both_directions_may_be_full() {
    let (here, there) = duplex(16);
    let (client, connection) = client(here, 10_000);
    tokio::spawn(connection);
    tokio::spawn(answer(there, 10_000, 10, |request| async move { request }));
    let answers = soon(join_all((0..100).map(|_| client.call(vec![7; 10_000].into())))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.len() == 10_000)));
}

/// A whole frame: the request of a peer, and also the server's answer to it.
const REQUEST: &[u8] = b"\0\0\0\x09\0\0\0\0\0\0\0\x011";

/// asyncio: `readexactly` raises at each cut. Here a cut in a frame is an error; right behind its length, it is the end.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_at_any_byte_ends() {
    for cut in 0..=REQUEST.len() {
        let (mut here, there) = duplex(64);
        let server = tokio::spawn(answer(there, 100, 10, after));
        here.write_all(&REQUEST[..cut]).await.unwrap();
        here.shutdown().await.unwrap();
        let mut answer = Vec::new();
        soon(here.read_to_end(&mut answer)).await.unwrap();
        let ended = soon(server).await.unwrap();
        match cut {
            // The codec has taken the length, so nothing is left over.
            0 | 4 => assert!(ended.is_ok() && answer.is_empty()),
            cut if cut == REQUEST.len() => assert!(ended.is_ok() && answer == REQUEST),
            cut => assert!(ended.is_err() && answer.is_empty(), "{cut}: {ended:?}"),
        }
    }
}

/// The same for a client, whose call gets an error at each cut of the answer.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_at_any_byte_ends_its_call() {
    let answer = [&REQUEST[..11], &[0], &REQUEST[12..]].concat();
    for cut in 0..=answer.len() {
        let (here, mut there) = duplex(64);
        let (client, connection) = client(here, 100);
        tokio::spawn(connection);
        there.write_all(&answer[..0]).await.unwrap();
        let (called, ()) = tokio::join!(client.call("1".into()), async {
            let mut request = [0; 13];
            there.read_exact(&mut request).await.unwrap();
            there.write_all(&answer[..cut]).await.unwrap();
            drop(there);
        });
        let expected = if cut == answer.len() { Ok(Bytes::from("1")) } else { Err(CallError::Closed) };
        assert_eq!(called, expected, "{cut}");
    }
}

/// Sends bytes that are no request. Returns the kind of the error.
async fn refused(bytes: &[u8]) -> ErrorKind {
    let (mut here, there): (DuplexStream, DuplexStream) = duplex(64);
    here.write_all(bytes).await.unwrap();
    soon(answer(there, 100, 10, after)).await.unwrap_err().kind()
}

/// A length above the limit, up to four gigabytes, is refused when it has come; no room is made for it.
#[tokio::test(start_paused = true)]
async fn a_length_beyond_the_limit_is_refused_at_once() {
    assert_eq!(refused(&[0xFF; 4]).await, ErrorKind::InvalidData);
    assert_eq!(refused(&[0, 0, 0, 109]).await, ErrorKind::InvalidData);
}

/// A frame of fewer than eight bytes has no id.
#[tokio::test(start_paused = true)]
async fn a_frame_without_an_id_is_refused() {
    assert_eq!(refused(b"\0\0\0\0").await, ErrorKind::InvalidData);
    assert_eq!(refused(b"\0\0\0\x071234567").await, ErrorKind::InvalidData);
}

/// A codec makes room for a whole frame when its length has come. So a limit counts for each connection that is open.
#[tokio::test]
async fn but_a_length_alone_makes_room_for_the_frame() {
    let mut codec = LengthDelimitedCodec::builder().max_frame_length(1_000_000).new_codec();
    let mut buffer = BytesMut::from(&[0, 0x0F, 0, 0][..]);
    assert!(codec.decode(&mut buffer).unwrap().is_none());
    assert!(buffer.capacity() >= 0xF_0000);
}

/// asyncio: a cancelled `readexactly` leaves its part. Two `read_exact` that are dropped lose the border of the frame.
#[tokio::test(start_paused = true)]
async fn but_two_exact_reads_lose_the_border_when_dropped() {
    async fn frame(stream: &mut DuplexStream) -> Vec<u8> {
        let length = stream.read_u32().await.unwrap();
        let mut body = vec![0; length as usize];
        stream.read_exact(&mut body).await.unwrap();
        body
    }
    let (mut here, mut there) = duplex(64);
    there.write_all(b"\0\0\0\x04ab").await.unwrap();
    assert!(timeout(ms(10), frame(&mut here)).await.is_err());
    there.write_all(b"cd\0\0\0\x01e").await.unwrap();
    // `cd` is read as the beginning of a length of more than a gigabyte.
    assert_eq!(here.read_u32().await.unwrap(), u32::from_be_bytes(*b"cd\0\0"));

    let (here, mut there) = duplex(64);
    let mut frames = FramedRead::new(here, LengthDelimitedCodec::new());
    there.write_all(b"\0\0\0\x04ab").await.unwrap();
    assert!(timeout(ms(10), frames.next()).await.is_err());
    there.write_all(b"cd\0\0\0\x01e").await.unwrap();
    assert_eq!(frames.next().await.unwrap().unwrap(), &b"abcd"[..]);
    assert_eq!(frames.next().await.unwrap().unwrap(), &b"e"[..]);
}

/// asyncio: `set_protocol`; what a `StreamReader` has read stays there. Tokio: `into_parts` has it, for the next codec.
#[tokio::test]
async fn another_codec_gets_what_has_come() {
    let (mut here, there) = duplex(64);
    here.write_all(b"UPGRADE\n\0\0\0\x02hi").await.unwrap();
    let mut lines = Framed::new(there, LinesCodec::new());
    assert_eq!(lines.next().await.unwrap().unwrap(), "UPGRADE");
    let parts = lines.into_parts();
    let mut next = FramedParts::new::<Bytes>(parts.io, LengthDelimitedCodec::new());
    next.read_buf = parts.read_buf;
    let mut frames = Framed::from_parts(next);
    assert_eq!(frames.next().await.unwrap().unwrap(), &b"hi"[..]);
}

/// A frame whose length does not fit its field is an error of the sender.
#[tokio::test]
async fn a_length_that_does_not_fit_its_field_is_an_error() {
    let mut codec =
        LengthDelimitedCodec::builder().length_field_length(1).max_frame_length(1_000).new_codec();
    let mut wire = BytesMut::new();
    assert!(codec.encode(Bytes::from(vec![7; 255]), &mut wire).is_ok());
    assert!(codec.encode(Bytes::from(vec![7; 256]), &mut wire).is_err());
}

/// asyncio: reader and writer are two tasks. Here: requests are sent even while answers without a call flood in.
#[tokio::test]
async fn a_flood_of_answers_does_not_hold_up_a_request() {
    struct Flood;
    impl AsyncRead for Flood {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            // As a socket does that always has something: a turn is used up by it.
            ready!(pin!(consume_budget()).poll(cx));
            let answer = [0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 255];
            while buffer.remaining() >= answer.len() {
                buffer.put_slice(&answer);
            }
            Poll::Ready(Ok(()))
        }
    }
    let (ours, mut theirs) = duplex(64);
    let (client, connection) = client(join(Flood, ours), 100);
    let _flooded = tokio::spawn(connection);
    let _call = tokio::spawn(async move { client.call(Bytes::new()).await });
    let received = tokio::spawn(async move { theirs.read_u32().await.unwrap() });
    assert_eq!(in_a_few_turns(received).await, 8);
}

/// Requests that were read at once, and answers that need no wait, leave other tasks their turn.
#[tokio::test]
async fn requests_that_are_always_there_leave_others_their_turn() {
    let requests = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 7].repeat(100_000);
    leaves_others_their_turn(answer(join(&requests[..], Vec::new()), 1, 10, std::future::ready)).await;
}

/// Callers without a pause keep neither the answers nor other tasks from their turn.
#[tokio::test]
async fn calls_that_are_always_there_leave_others_their_turn() {
    /// Each write brings another call.
    struct Calls(Arc<OnceLock<Client>>, Count);
    impl AsyncWrite for Calls {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.1.get() < 100_000 {
                self.1.add();
                let _is_queued = self.0.get().map(|client| client.call(Bytes::new()).now_or_never());
            }
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let (place, writes, (answers, _server)) = (Arc::default(), Count::default(), duplex(64));
    let (client, connection) = client(join(answers, Calls(Arc::clone(&place), writes.clone())), 100);
    let _is_queued = client.call(Bytes::new()).now_or_never();
    assert!(place.set(client).is_ok());
    let _connection = tokio::spawn(connection);
    yield_now().await;
    assert_eq!(writes.get(), 128, "as many in a turn as Tokio's budget allows");
}
