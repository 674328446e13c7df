//! The same program as `demo.py`: a server and its clients, over sockets of this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, instrument};

use crate::connect::{ask, open};
use crate::dial::first;
use crate::fan_out::Room;
use crate::lines::{LineError, Lines};
use crate::relay::relay;
use crate::request_response::{answer, client};
use crate::serve::{Limits, Served, serve};

const WITHIN: Duration = Duration::from_secs(5);
const MILLION: usize = 1_000_000;

/// Runs one section after the other.
///
/// # Errors
///
/// If the system has no sockets left.
pub async fn run() -> anyhow::Result<()> {
    write_and_read_to_the_end().await?;
    lines_with_a_limit().await?;
    relay_with_half_close().await?;
    requests_over_one_connection().await?;
    room_with_a_slow_member().await?;
    first_address_that_answers().await?;
    graceful_stop().await
}

/// A listener on a free port, and its address.
async fn listen() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Reads until the peer ends its direction, and answers with the text in capitals.
async fn capitals(mut stream: TcpStream, _stop: CancellationToken) {
    let mut text = String::new();
    if stream.read_to_string(&mut text).await.is_ok() {
        // The peer may be gone.
        let _failed = stream.write_all(text.to_uppercase().as_bytes()).await;
    }
}

#[instrument(ret, err)]
async fn write_and_read_to_the_end() -> anyhow::Result<()> {
    info!("open_connection: write, write_eof, read to the end");
    let (listener, address) = listen().await?;
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, Limits::default(), stop.clone(), capitals));
    let answer = ask(open(address, WITHIN).await?, b"hello", MILLION).await?;
    info!("  the answer to hello: {}", String::from_utf8_lossy(&answer));
    stop.cancel();
    info!("  connections handled: {}", server.await?.handled);
    Ok(())
}

#[instrument(ret, err)]
async fn lines_with_a_limit() -> anyhow::Result<()> {
    info!("readuntil: lines of at most 8 bytes");
    let (listener, address) = listen().await?;
    let mut writer = open(address, WITHIN).await?;
    let (reader, _address) = listener.accept().await?;
    writer.write_all(b"first\na line that is much too long\nthird\nunfin").await?;
    writer.shutdown().await?;
    let mut lines = Lines::new(reader, 8);
    loop {
        match lines.next().await {
            Ok(Some(line)) => info!("  line: {}", String::from_utf8_lossy(&line)),
            Ok(None) => break,
            Err(LineError::TooLong { limit }) => info!("  longer than {limit} bytes: skipped"),
            Err(LineError::Unfinished { partial }) => {
                info!("  the end came after: {}", String::from_utf8_lossy(&partial));
            }
            Err(LineError::Io(error)) => return Err(error.into()),
        }
    }
    Ok(())
}

#[instrument(ret, err)]
async fn relay_with_half_close() -> anyhow::Result<()> {
    info!("relay: a million bytes there, then write_eof, then a million back");
    let ((listener, address), (behind, target)) = (listen().await?, listen().await?);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        capitals(behind.accept().await?.0, CancellationToken::new()).await;
        Ok(())
    });
    tasks.spawn(async move {
        let client = listener.accept().await?.0;
        let (there, back) = relay(client, TcpStream::connect(target).await?, WITHIN).await?;
        info!("  the relay has passed on {there} and {back} bytes");
        anyhow::Ok(())
    });
    let answer = ask(open(address, WITHIN).await?, &vec![b'x'; MILLION], MILLION).await?;
    let are_right = answer.iter().all(|byte| *byte == b'X');
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    info!(
        "  the client has {} bytes back, and they are {}",
        answer.len(),
        if are_right { "right" } else { "wrong" }
    );
    Ok(())
}

/// An answer that takes its time.
#[instrument(ret)]
async fn think(name: &'static str, time: u64) -> Bytes {
    sleep(Duration::from_millis(time)).await;
    Bytes::from(format!("{name} is done"))
}

#[instrument(ret, err)]
async fn requests_over_one_connection() -> anyhow::Result<()> {
    info!("frames with ids: three requests over one connection, answered as they are done");
    let (listener, address) = listen().await?;
    let peer = open(address, WITHIN).await?;
    let server = tokio::spawn(async move {
        let stream = listener.accept().await?.0;
        answer(stream, 100, 10, |request| async move {
            match &request[..] {
                b"slow" => think("slow", 500).await,
                b"middling" => think("middling", 300).await,
                _ => think("quick", 100).await,
            }
        })
        .await
    });
    let (client, connection) = client(peer, 100);
    let connection = tokio::spawn(connection);
    let mut calls = JoinSet::new();
    for request in ["slow", "middling", "quick"] {
        let client = client.clone();
        calls.spawn(async move { client.call(request.into()).await });
    }
    while let Some(answer) = calls.join_next().await {
        info!("  {}", String::from_utf8_lossy(&answer??));
    }
    drop(client);
    connection.await??;
    server.await??;
    Ok(())
}

#[instrument(ret, err)]
async fn room_with_a_slow_member() -> anyhow::Result<()> {
    info!("a room: 500 messages of 64 KiB, and a member who never reads");
    let room = Room::new(NonZeroUsize::MIN.saturating_add(15));
    let (listener, address) = listen().await?;
    let mut members = JoinSet::new();
    let mut sockets = Vec::new();
    for name in ["reader", "sleeper"] {
        sockets.push(open(address, WITHIN).await?);
        let (stream, mut member) = (listener.accept().await?.0, room.join());
        members.spawn(async move {
            member.deliver(stream).await?;
            info!("  {name} is too slow: dropped");
            anyhow::Ok(())
        });
    }
    let mut heard = vec![0; 64 * 1024];
    for _ in 0..500 {
        room.say(vec![b'x'; 64 * 1024].into());
        sockets[0].read_exact(&mut heard).await?;
    }
    members.join_next().await.context("there are two members")???;
    info!("  reader has heard all, and {} member is left", room.len());
    Ok(())
}

#[instrument(ret, err)]
async fn first_address_that_answers() -> anyhow::Result<()> {
    info!("two addresses: nothing listens at the first");
    let (listener, good) = listen().await?;
    let (closed, bad) = listen().await?;
    drop(closed);
    let stream = first([bad, good], Duration::from_millis(250), TcpStream::connect).await?;
    let is_good = stream.peer_addr()? == listener.local_addr()?;
    info!("  connected to the {}", if is_good { "second" } else { "first" });
    Ok(())
}

/// Reads a word, passes it on, and obeys the stop if that is the word.
#[instrument(skip_all, ret)]
async fn until_the_word(mut stream: TcpStream, stop: CancellationToken, words: mpsc::Sender<[u8; 4]>) {
    let mut word = [0; 4];
    let _failed = stream.read_exact(&mut word).await;
    let _gone = words.send(word).await;
    match &word {
        b"obey" => stop.cancelled().await,
        _ => std::future::pending().await,
    }
}

#[instrument(ret, err)]
async fn graceful_stop() -> anyhow::Result<()> {
    info!("close: a listener, and three connections that are open");
    let (listener, address) = listen().await?;
    let stop = CancellationToken::new();
    let limits = Limits { grace: Duration::from_millis(200), ..Limits::default() };
    let (sender, mut words) = mpsc::channel(3);
    let handle = move |stream, stop| until_the_word(stream, stop, sender.clone());
    let server = tokio::spawn(serve(listener, limits, stop.clone(), handle));
    let mut sockets = Vec::new();
    for word in [b"obey", b"obey", b"hang"] {
        let mut socket = open(address, WITHIN).await?;
        socket.write_all(word).await?;
        sockets.push(socket);
    }
    for _ in &sockets {
        words.recv().await.context("the server has ended")?;
    }
    stop.cancel();
    let Served { handled, cut, .. } = server.await?;
    info!("  {} have ended, {cut} was cut at the deadline", handled - cut);
    info!(
        "  a new connection is {}",
        if open(address, WITHIN).await.is_err() { "refused" } else { "accepted" }
    );
    Ok(())
}
