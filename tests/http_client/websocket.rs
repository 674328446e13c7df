//! Lessons of the pattern `websocket`.

use std::future::pending;
use std::time::Duration;

use common::server::Server;
use futures::SinkExt;
use futures::{FutureExt, StreamExt};
use http_client::websocket::{Heartbeat, Lost};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::Message;

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

/// A peer that reads answers pings by itself: that is all it has to do.
#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept() {
    let (mut ours, mut peer) = pair().await;
    tokio::spawn(async move { while peer.next().await.is_some() {} });
    assert!(timeout(DAY, ours.next()).await.is_err(), "nothing came, nothing broke");
}

/// Any message is a sign of life. One that comes 14 s after the ping starts the clock anew.
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

/// A peer that takes no byte leaves no room for a ping either: sending it has the same limit.
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

/// Over a real connection: what is sent comes back, and silence is noticed.
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
