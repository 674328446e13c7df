//! Lessons of the pattern `websocket`.

use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use common::server::Server;
use futures::SinkExt;
use futures::{FutureExt, StreamExt};
use http_client::websocket::{Heartbeat, Lost};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use crate::support::leaves_others_their_turn;
use crate::work::websocket::{INTERVAL, pair};
use crate::work::{DAY, seconds};

/// Behaviour N11. aiohttp: `heartbeat=30` pings after 30 s, waits 15 s more, and closes with code 1006.
#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_answering_is_lost_after_one_and_a_half_intervals() {
    let (mut ours, _peer) = pair().await;
    let begin = Instant::now();
    assert!(matches!(ours.next().await, Some(Err(Lost::Silent))));
    assert_eq!(begin.elapsed(), seconds(45));
    assert!(ours.next().await.is_none(), "once, and then the loop ends");
}

/// The hazard: tokio-tungstenite alone has no heartbeat. A day later it still waits.
#[tokio::test(start_paused = true)]
async fn but_without_a_heartbeat_nobody_notices() {
    let (ours, _peer) = pair().await;
    let mut socket = ours.socket;
    assert!(timeout(DAY, socket.next()).await.is_err());
}

/// A peer that keeps reading answers pings automatically.
#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept() {
    let (mut ours, mut peer) = pair().await;
    tokio::spawn(async move { while peer.next().await.is_some() {} });
    assert!(timeout(DAY, ours.next()).await.is_err(), "nothing came, nothing broke");
}

/// Any message is a sign of life: a message 14 s after the ping restarts the clock.
#[tokio::test(start_paused = true)]
async fn a_message_is_as_good_as_a_pong() {
    let (mut ours, mut peer) = pair().await;
    let begin = Instant::now();
    tokio::spawn(async move {
        sleep(seconds(44)).await;
        peer.send(Message::text("late")).await.unwrap();
        pending::<()>().await;
    });
    assert_eq!(ours.next().await.unwrap().unwrap(), Message::text("late"));
    assert_eq!(begin.elapsed(), seconds(44));
    assert!(matches!(ours.next().await, Some(Err(Lost::Silent))));
    assert_eq!(begin.elapsed(), seconds(44 + 45));
}

/// If the peer reads no byte, the ping cannot be sent either. The time limit covers the sending too.
#[tokio::test(start_paused = true)]
async fn a_full_connection_does_not_hold_up_the_heartbeat() {
    let (mut ours, _peer) = pair().await;
    let begin = Instant::now();
    let long = Message::text("x".repeat(1000));
    assert!(ours.socket.send(long).now_or_never().is_none(), "the peer takes 64 bytes of it");
    assert!(matches!(ours.next().await, Some(Err(Lost::Silent))));
    assert_eq!(begin.elapsed(), seconds(45));
}

async fn connect(
    server: &Server,
    path: &str,
    interval: Duration,
) -> Heartbeat<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> {
    let (socket, _response) = tokio_tungstenite::connect_async(server.websocket_url(path)).await.unwrap();
    Heartbeat::new(socket, interval)
}

/// Behaviour N11. aiohttp: `async for message in ws` ends when the peer closes. So does the loop here.
#[tokio::test]
async fn the_loop_ends_when_the_peer_closes() {
    let server = Server::start().await.unwrap();
    let mut socket = connect(&server, "/websocket/goodbye", INTERVAL).await;
    let mut words = Vec::new();
    while let Some(message) = socket.next().await {
        words.push(message.unwrap().into_text().unwrap().to_string());
    }
    assert_eq!(words, ["one", "two"]);
}

/// Over a real connection, a message comes back, and silence is noticed.
#[tokio::test]
async fn it_works_over_a_real_connection() {
    let server = Server::start().await.unwrap();
    let mut socket = connect(&server, "/websocket/echo", INTERVAL).await;
    socket.socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));

    let mut silent = connect(&server, "/websocket/silent", Duration::from_millis(2)).await;
    assert!(matches!(silent.next().await, Some(Err(Lost::Silent))));
}

/// A connection that breaks in the middle is an error, and not an end.
#[tokio::test]
async fn a_broken_connection_is_not_a_close() {
    let (mut ours, peer) = pair().await;
    drop(peer);
    assert!(matches!(ours.next().await, Some(Err(Lost::Socket(_)))));
    assert!(ours.next().await.is_none());
}

/// aiohttp: any byte is a sign of life. A frame may take longer than interval and grace period together.
#[tokio::test(start_paused = true)]
async fn a_frame_that_comes_byte_by_byte_is_not_cut() {
    use tokio::io::AsyncWriteExt;
    let (mut ours, mut peer) = pair().await;
    let begin = Instant::now();
    tokio::spawn(async move {
        for byte in b"\x81\x05hello" {
            sleep(seconds(44)).await;
            peer.get_mut().write_all(&[*byte]).await.unwrap();
        }
        pending::<()>().await;
    });
    assert_eq!(ours.next().await.unwrap().unwrap(), Message::text("hello"));
    assert_eq!(begin.elapsed(), seconds(7 * 44));
    assert!(matches!(ours.next().await, Some(Err(Lost::Silent))));
    assert_eq!(begin.elapsed(), seconds(7 * 44 + 45), "and silence is noticed as before");
}

/// The same holds while `select!` drops `next` again and again.
#[tokio::test(start_paused = true)]
async fn a_byte_between_two_calls_is_a_sign_of_life_too() {
    use tokio::io::AsyncWriteExt;
    let (mut ours, mut peer) = pair().await;
    let begin = Instant::now();
    tokio::spawn(async move {
        for byte in b"\x81\x05he" {
            sleep(seconds(44)).await;
            peer.get_mut().write_all(&[*byte]).await.unwrap();
        }
        pending::<()>().await;
    });
    while timeout(seconds(7), ours.next()).await.is_err() {}
    assert_eq!(begin.elapsed(), seconds(4 * 44 + 45));
}

/// aiohttp: a Close ends the loop, even if the peer leaves the connection open after it.
#[tokio::test(start_paused = true)]
async fn after_a_close_there_is_no_ping() {
    let (mut ours, mut peer) = pair().await;
    let begin = Instant::now();
    peer.send(Message::Close(None)).await.unwrap();
    assert!(ours.next().await.is_none());
    assert!(ours.next().await.is_none());
    assert_eq!(begin.elapsed(), seconds(0));
    assert!(matches!(peer.next().await, Some(Ok(Message::Close(_)))), "the handshake is complete");
}

/// A peer that reads nothing cannot delay the end.
#[tokio::test(start_paused = true)]
async fn a_close_to_a_peer_that_reads_nothing_ends_in_time() {
    let (mut ours, mut peer) = pair().await;
    let begin = Instant::now();
    let long = Message::text("x".repeat(1000));
    assert!(ours.socket.send(long).now_or_never().is_none(), "the peer takes 64 bytes of it");
    peer.send(Message::Close(None)).await.unwrap();
    assert!(ours.next().await.is_none());
    assert_eq!(begin.elapsed(), seconds(10));
}

/// `Duration::MAX` means never.
#[tokio::test(start_paused = true)]
async fn a_heartbeat_without_an_end_never_pings() {
    let (ours, _peer) = pair().await;
    let mut ours = Heartbeat::new(ours.socket, Duration::MAX);
    assert!(timeout(DAY, ours.next()).await.is_err());
}

/// A message in the last instant still counts, even if the waiting task needs one more turn.
#[tokio::test(start_paused = true)]
async fn a_message_in_the_last_instant_is_in_time() {
    let (mut ours, mut peer) = pair().await;
    let send = async {
        sleep(INTERVAL).await;
        sleep(INTERVAL / 2).await;
        peer.send(Message::text("just in time")).await.unwrap();
        peer
    };
    let (message, _peer) = tokio::join!(ours.next(), send);
    assert_eq!(message.unwrap().unwrap(), Message::text("just in time"));
}

/// A message in parts without an end, all of them empty, uses up the turn of its task and no more.
#[tokio::test(start_paused = true)]
async fn a_message_without_an_end_leaves_others_their_turn() {
    /// As a socket does that always has something. What it is given to write it takes.
    struct Parts(u32);
    impl AsyncRead for Parts {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            ready!(pin!(consume_budget()).poll(cx));
            self.0 += 1;
            match self.0 {
                1 => buffer.put_slice(&[1, 0]), // a text, to be continued
                2..10_000 => buffer.put_slice(&[0, 0]),
                _ => {}
            }
            Poll::Ready(Ok(()))
        }
    }
    let stream = tokio::io::join(Parts(0), tokio::io::sink());
    let socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    leaves_others_their_turn(Heartbeat::new(socket, INTERVAL).next()).await;
}
