//! What the patterns of `recipes/streams` cost an echo, a chunk of 64 KiB and a connection. Server and clients share one
//! thread, over sockets of this machine.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::ensure;
use bench::{Row, asyncio, measure, print_ratios};
use bytes::Bytes;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use streams::connect::{ask, open};
use streams::dial::dial;
use streams::fan_out::Room;
use streams::lines::Lines;
use streams::relay::relay;
use streams::request_response::{Client, answer, client};
use streams::serve::{ServerLimits, serve};
use streams::tls::{accept, acceptor, connect, connector};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional, split,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

const CONNECTIONS: usize = 50;
const ECHOES: usize = 200;
const CHUNKS: usize = 20;
const ASKS: usize = 20;
const ROUNDS: usize = 21;
const MESSAGE: usize = 64;
const REQUEST: &[u8] = &[b'x'; MESSAGE];
const CHUNK: usize = 64 * 1024;
const WITHIN: Duration = Duration::from_secs(60);
const STAGGER: Duration = Duration::from_millis(250);

/// Returns what it reads, until the peer ends its direction.
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> std::io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.shutdown().await,
            count => stream.write_all(&buffer[..count]).await?,
        }
        // TLS keeps what nothing flushes; a socket has nothing to flush.
        stream.flush().await?;
    }
}

/// A listener on a free port, and its address.
async fn listen() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// A loop of `accept` and `spawn`, without a pattern. It ends with the runtime.
async fn bare<Fut>(handle: impl Fn(TcpStream) -> Fut + Send + 'static) -> anyhow::Result<SocketAddr>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let (listener, address) = listen().await?;
    tokio::spawn(async move {
        while let Ok((stream, _address)) = listener.accept().await {
            let _failed = stream.set_nodelay(true);
            tokio::spawn(handle(stream));
        }
    });
    Ok(address)
}

async fn bare_echo() -> anyhow::Result<SocketAddr> {
    bare(|stream| async { drop(echo(stream).await) }).await
}

/// The pattern `serve`, with its limit and its tokens. It ends with the runtime.
async fn served<Fut>(
    handle: impl Fn(TcpStream, CancellationToken) -> Fut + Clone + Send + 'static,
) -> anyhow::Result<SocketAddr>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let (listener, address) = listen().await?;
    tokio::spawn(serve(listener, ServerLimits::default(), CancellationToken::new(), handle));
    Ok(address)
}

async fn served_echo() -> anyhow::Result<SocketAddr> {
    served(|stream, _stop| async { drop(echo(stream).await) }).await
}

async fn plain(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A client, the root that it trusts, and a server of that root: `localhost`.
fn tls() -> anyhow::Result<(TlsConnector, RootCertStore, TlsAcceptor)> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone())?;
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
    Ok((connector(roots.clone())?, roots, acceptor(vec![cert.der().clone()], key)?))
}

async fn tls_echo(acceptor: TlsAcceptor) -> anyhow::Result<SocketAddr> {
    served(move |stream, _stop| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = accept(&acceptor, stream, WITHIN).await {
                drop(echo(stream).await);
            }
        }
    })
    .await
}

/// An echo behind a front that passes bytes on by `copy_both`.
async fn relayed<Fut>(
    copy_both: impl Fn(TcpStream, TcpStream) -> Fut + Copy + Send + Sync + 'static,
) -> anyhow::Result<SocketAddr>
where
    Fut: Future<Output = ()> + Send,
{
    let behind = bare_echo().await?;
    bare(move |front| async move {
        if let Ok(behind) = plain(behind).await {
            copy_both(front, behind).await;
        }
    })
    .await
}

async fn by_the_pattern(front: TcpStream, behind: TcpStream) {
    drop(relay(front, behind, WITHIN).await);
}

async fn by_tokio(mut front: TcpStream, mut behind: TcpStream) {
    drop(copy_bidirectional(&mut front, &mut behind).await);
}

/// Sends a message, reads its echo, and so on.
async fn echoes<S>(mut stream: S, message: Bytes, times: usize) -> anyhow::Result<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut answer = vec![0; message.len()];
    for _ in 0..times {
        stream.write_all(&message).await?;
        stream.flush().await?;
        stream.read_exact(&mut answer).await?;
        ensure!(answer == message, "the echo is another one");
    }
    Ok(stream)
}

/// A round is a task for each connection; connections stay open from one round to the next.
fn rounds<S, Fut>(
    name: &str,
    runtime: &Runtime,
    times: usize,
    connections: Vec<S>,
    work: impl Fn(S) -> Fut,
) -> Row
where
    S: Send + 'static,
    Fut: Future<Output = anyhow::Result<S>> + Send + 'static,
{
    let (count, mut connections) = (connections.len(), connections);
    measure(name, count * times, ROUNDS, || {
        connections = runtime.block_on(async {
            let tasks: JoinSet<_> = connections.drain(..).map(&work).collect();
            tasks
                .join_all()
                .await
                .into_iter()
                .map(|done| done.unwrap_or_else(|error| panic!("{error:#}")))
                .collect()
        });
    })
}

/// Each connection is made by `open`.
async fn many<S>(open: impl AsyncFn() -> anyhow::Result<S>) -> anyhow::Result<Vec<S>> {
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(open().await?);
    }
    Ok(all)
}

/// Plain connections to `address`, on which messages are echoed.
fn echo_row(
    name: &str,
    runtime: &Runtime,
    address: anyhow::Result<SocketAddr>,
    message: &Bytes,
    times: usize,
) -> anyhow::Result<Row> {
    let address = address?;
    let connections = runtime.block_on(many(async || plain(address).await))?;
    Ok(rounds(name, runtime, times, connections, |stream| echoes(stream, message.clone(), times)))
}

fn echo_rows(runtime: &Runtime, size: usize, times: usize) -> anyhow::Result<Vec<Row>> {
    let message = Bytes::from(vec![b'x'; size]);
    let row = |name, address| echo_row(name, runtime, address, &message, times);
    let mut rows = vec![
        row("bare Tokio", runtime.block_on(bare_echo()))?,
        row("serve", runtime.block_on(served_echo()))?,
        row("relay", runtime.block_on(relayed(by_the_pattern)))?,
        row("copy_bidirectional", runtime.block_on(relayed(by_tokio)))?,
    ];
    let (connector, _roots, acceptor) = tls()?;
    let address = runtime.block_on(tls_echo(acceptor))?;
    let secret = async || Ok(connect(&connector, "localhost", plain(address).await?, WITHIN).await?);
    let connections = runtime.block_on(many(secret))?;
    rows.push(rounds("tls", runtime, times, connections, |stream| echoes(stream, message.clone(), times)));
    Ok(rows)
}

/// Answers each line with the line.
async fn same_lines(stream: TcpStream) -> anyhow::Result<()> {
    let (reader, mut writer) = split(stream);
    let mut lines = Lines::new(reader, CHUNK);
    while let Some(mut line) = lines.next().await? {
        line.push(b'\n');
        writer.write_all(&line).await?;
    }
    Ok(())
}

/// The same without a limit.
async fn same_unlimited_lines(stream: TcpStream) -> anyhow::Result<()> {
    let (reader, mut writer) = split(stream);
    let mut lines = BufReader::new(reader).lines();
    while let Some(mut line) = lines.next_line().await? {
        line.push('\n');
        writer.write_all(line.as_bytes()).await?;
    }
    Ok(())
}

fn line_rows(runtime: &Runtime) -> anyhow::Result<Vec<Row>> {
    let line = Bytes::from([vec![b'x'; MESSAGE - 1], b"\n".to_vec()].concat());
    let with_a_limit = runtime.block_on(bare(|stream| async { drop(same_lines(stream).await) }));
    let without = runtime.block_on(bare(|stream| async { drop(same_unlimited_lines(stream).await) }));
    Ok(vec![
        echo_row("lines", runtime, with_a_limit, &line, ECHOES)?,
        echo_row("AsyncBufReadExt::lines", runtime, without, &line, ECHOES)?,
    ])
}

fn call_row(runtime: &Runtime) -> anyhow::Result<Row> {
    let at = runtime.block_on(bare(|stream| async {
        drop(answer(stream, MESSAGE, CONNECTIONS, |request| async { request }).await);
    }))?;
    let message = Bytes::from(vec![b'x'; MESSAGE]);
    let open = async || {
        let (client, connection) = client(plain(at).await?, MESSAGE);
        tokio::spawn(connection);
        Ok(client)
    };
    Ok(rounds("request_response", runtime, ECHOES, runtime.block_on(many(open))?, |client: Client| {
        let message = message.clone();
        async move {
            for _ in 0..ECHOES {
                ensure!(client.call(message.clone()).await? == message, "the echo is another one");
            }
            Ok(client)
        }
    }))
}

/// Each of the members hears a message before the next one is said.
fn room_row(runtime: &Runtime) -> anyhow::Result<Row> {
    let room = Room::new(NonZeroUsize::MIN);
    let joining = room.clone();
    let address = runtime.block_on(bare(move |stream| {
        let mut member = joining.join();
        async move { drop(member.deliver(stream).await) }
    }))?;
    let message = Bytes::from(vec![b'x'; MESSAGE]);
    let mut members = runtime.block_on(many(async || plain(address).await))?;
    runtime.block_on(async {
        while room.len() < CONNECTIONS {
            tokio::task::yield_now().await;
        }
    });
    Ok(measure("fan_out, a message to one of fifty members", CONNECTIONS * ECHOES, ROUNDS, || {
        runtime.block_on(async {
            let mut heard = [0; MESSAGE];
            for _ in 0..ECHOES {
                assert_eq!(room.say(message.clone()), 0);
                for member in &mut members {
                    member.read_exact(&mut heard).await.unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(heard, *message);
                }
            }
        });
    }))
}

/// A connection for each echo: connect, write, `write_eof`, read to the end, close.
fn ask_row<Fut>(
    name: &str,
    runtime: &Runtime,
    address: anyhow::Result<SocketAddr>,
    ask: impl Fn(SocketAddr) -> Fut + Clone + Send + 'static,
) -> anyhow::Result<Row>
where
    Fut: Future<Output = anyhow::Result<Vec<u8>>> + Send + 'static,
{
    let address = address?;
    Ok(rounds(name, runtime, ASKS, vec![(); CONNECTIONS], move |()| {
        let ask = ask.clone();
        async move {
            for _ in 0..ASKS {
                ensure!(ask(address).await? == REQUEST, "the echo is another one");
            }
            Ok(())
        }
    }))
}

async fn ask_by_hand(address: SocketAddr) -> anyhow::Result<Vec<u8>> {
    let mut stream = plain(address).await?;
    stream.write_all(REQUEST).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn connection_rows(runtime: &Runtime) -> anyhow::Result<Vec<Row>> {
    let bare = || runtime.block_on(bare_echo());
    let by_connect = async |address| Ok(ask(open(address, WITHIN).await?, REQUEST, MESSAGE).await?);
    let by_dial = |address| async move { Ok(ask(dial(address, STAGGER).await?, REQUEST, MESSAGE).await?) };
    let (trusting, roots, acceptor) = tls()?;
    let secret = || runtime.block_on(tls_echo(acceptor.clone()));
    let in_secret = async |connector: TlsConnector, address| {
        let stream = connect(&connector, "localhost", plain(address).await?, WITHIN).await?;
        Ok(ask(stream, REQUEST, MESSAGE).await?)
    };
    Ok(vec![
        ask_row("bare Tokio", runtime, bare(), ask_by_hand)?,
        ask_row("connect", runtime, bare(), by_connect)?,
        ask_row("dial", runtime, bare(), by_dial)?,
        ask_row("serve", runtime, runtime.block_on(served_echo()), ask_by_hand)?,
        ask_row("tls, one connector", runtime, secret(), move |address| {
            in_secret(trusting.clone(), address)
        })?,
        ask_row("tls, a connector for each", runtime, secret(), move |address| {
            let roots = roots.clone();
            async move { in_secret(connector(roots)?, address).await }
        })?,
    ])
}

fn main() -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut rows = echo_rows(&runtime, MESSAGE, ECHOES)?;
    rows.extend(line_rows(&runtime)?);
    rows.push(call_row(&runtime)?);
    rows.push(room_row(&runtime)?);
    rows.extend(asyncio("streams.py", &[CONNECTIONS, ECHOES, ROUNDS, MESSAGE])?);
    print_ratios("streams, an echo of 64 bytes, over fifty connections", &rows);

    let mut rows = echo_rows(&runtime, CHUNK, CHUNKS)?;
    rows.extend(asyncio("streams.py", &[CONNECTIONS, CHUNKS, ROUNDS, CHUNK])?);
    print_ratios("streams, an echo of 64 KiB, over fifty connections", &rows);

    let mut rows = connection_rows(&runtime)?;
    rows.extend(asyncio("streams.py", &[CONNECTIONS, ASKS, ROUNDS, 0])?);
    print_ratios("streams, a connection with one echo of 64 bytes, fifty at once", &rows);
    Ok(())
}
