use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use streams::serve::{Beyond, Listener, Served, ServerLimits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::{Gauge, Log, leaves_others_their_turn, limit, ms, settle, soon};
use crate::work::{Arrivals, scripted};

fn limits(connections: usize, beyond: Beyond) -> ServerLimits {
    ServerLimits { connections: limit(connections), beyond, grace: ms(1_000) }
}

/// An echo that ends with its peer.
async fn echo(mut stream: DuplexStream, _stop: CancellationToken) {
    let mut buffer = [0; 64];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// An echo server, and the token that stops it.
fn echoes(limits: ServerLimits) -> (Arrivals, CancellationToken, JoinHandle<Served>) {
    let ((arrivals, listener), stop) = (scripted(()), CancellationToken::new());
    let server = tokio::spawn(serve(listener, limits, stop.clone(), echo));
    (arrivals, stop, server)
}

/// A new connection to the server.
async fn connect(arrivals: &Arrivals) -> DuplexStream {
    let (client, server) = duplex(64);
    arrivals.send(Ok(server)).await.unwrap();
    client
}

/// Whether the server answers.
async fn is_answered(stream: &mut DuplexStream) -> bool {
    let mut answer = [0; 1];
    let asked = async {
        stream.write_all(b"?").await?;
        stream.read_exact(&mut answer).await
    };
    timeout(ms(10), asked).await.is_ok_and(|answered| answered.is_ok())
}

/// asyncio: `start_server` calls the handler in a task for each connection. So does `serve`.
#[tokio::test(start_paused = true)]
async fn each_connection_has_a_task() {
    let (arrivals, _stop, _server) = echoes(ServerLimits::default());
    let (mut first, mut second) = (connect(&arrivals).await, connect(&arrivals).await);
    assert!(is_answered(&mut second).await);
    assert!(is_answered(&mut first).await);
}

/// asyncio has one thread. A handler that keeps something for one thread at a time, as a `Cell`, may be spawned here.
#[tokio::test(start_paused = true)]
async fn a_handler_need_not_be_shared_by_threads() {
    let ((arrivals, listener), calls) = (scripted(()), Cell::new(0));
    let handle = move |stream, stop| {
        calls.set(calls.get() + 1);
        echo(stream, stop)
    };
    tokio::spawn(serve(listener, ServerLimits::default(), CancellationToken::new(), handle));
    assert!(is_answered(&mut connect(&arrivals).await).await);
}

/// asyncio has no limit on connections. Here one more waits, in the system's queue, until another one ends.
#[tokio::test(start_paused = true)]
async fn beyond_the_limit_a_connection_waits() {
    let (arrivals, _stop, _server) = echoes(limits(2, Beyond::Wait));
    let (mut first, mut second) = (connect(&arrivals).await, connect(&arrivals).await);
    let mut third = connect(&arrivals).await;
    assert!(is_answered(&mut first).await && is_answered(&mut second).await);
    assert!(!is_answered(&mut third).await);
    drop(first);
    assert!(is_answered(&mut third).await);
}

/// asyncio: the handler counts, and closes. Here a connection beyond the limit is closed at once, and the next one is served.
#[tokio::test(start_paused = true)]
async fn beyond_the_limit_a_connection_may_be_refused() {
    let (arrivals, stop, server) = echoes(limits(1, Beyond::Refuse));
    let mut first = connect(&arrivals).await;
    assert!(is_answered(&mut first).await);
    let mut second = connect(&arrivals).await;
    assert_eq!(soon(second.read(&mut [0; 1])).await.unwrap(), 0);
    drop(first);
    settle().await;
    let mut third = connect(&arrivals).await;
    assert!(is_answered(&mut third).await);
    drop(third);
    stop.cancel();
    assert_eq!(soon(server).await.unwrap(), Served { handled: 2, refused: 1, ..Served::default() });
}

/// A limit of `usize::MAX` is no overflow.
#[tokio::test(start_paused = true)]
async fn the_limit_may_be_the_greatest() {
    let (arrivals, _stop, _server) = echoes(limits(usize::MAX, Beyond::Wait));
    let mut first = connect(&arrivals).await;
    assert!(is_answered(&mut first).await);
}

/// asyncio: `close` stops accepting, and 3.12's `wait_closed` waits for connections without limit. Here with a deadline.
#[tokio::test(start_paused = true)]
async fn at_the_stop_handlers_end_and_the_rest_is_cut() {
    let log = Log::default();
    let ((arrivals, listener), stop) = (scripted(log.at_drop("closed")), CancellationToken::new());
    let logged = log.clone();
    let server =
        tokio::spawn(serve(listener, limits(9, Beyond::Wait), stop.clone(), move |mut stream, stop| {
            let log = logged.clone();
            async move {
                let mut word = [0; 4];
                stream.read_exact(&mut word).await.unwrap();
                let left = log.at_drop("cut");
                match &word {
                    b"obey" => stop.cancelled().await,
                    b"late" => sleep(ms(500)).await,
                    _ => std::future::pending().await,
                }
                log.at(String::from_utf8_lossy(&word));
                std::mem::forget(left);
            }
        }));
    let mut clients = Vec::new();
    for word in [b"obey", b"late", b"hang", b"hang"] {
        let mut client = connect(&arrivals).await;
        client.write_all(word).await.unwrap();
        clients.push(client);
    }
    settle().await;
    stop.cancel();
    assert_eq!(soon(server).await.unwrap(), Served { handled: 4, cut: 2, ..Served::default() });
    assert_eq!(log.take(), ["  1 obey", "  1 closed", "500 late", "1001 cut", "1001 cut"]);
}

/// asyncio: a cancelled handler is gone when its `finally` has run. Here `serve` returns when those that it cut are gone.
#[tokio::test(start_paused = true)]
async fn what_was_cut_is_gone_when_serve_returns() {
    let ((arrivals, listener), stop, log) = (scripted(()), CancellationToken::new(), Log::default());
    let logged = log.clone();
    let server = serve(listener, limits(9, Beyond::Wait), stop.clone(), move |_stream, _stop| {
        let left = logged.at_drop("cut");
        async move {
            std::future::pending::<()>().await;
            drop(left);
        }
    });
    // In the lesson's own task, so that the code after `serve` runs at once.
    let (served, _client) = tokio::join!(server, async {
        let client = connect(&arrivals).await;
        settle().await;
        stop.cancel();
        client
    });
    assert_eq!((served.cut, log.take()), (1, vec!["1001 cut".to_owned()]));
}

/// A stop without connections takes no time, and the grace period may be zero or the longest.
#[tokio::test(start_paused = true)]
async fn the_grace_period_may_be_zero_or_endless() {
    for (grace, cut) in [(Duration::ZERO, 1), (Duration::MAX, 0)] {
        let (arrivals, stop, server) = echoes(ServerLimits { grace, ..ServerLimits::default() });
        let mut client = connect(&arrivals).await;
        assert!(is_answered(&mut client).await);
        stop.cancel();
        settle().await;
        drop(client);
        assert_eq!(soon(server).await.unwrap(), Served { handled: 1, cut, ..Served::default() });
    }
}

/// asyncio: `EMFILE` stops the listener for a second. Here it is tried again every 100 ms; the connection is still queued.
#[tokio::test(start_paused = true)]
async fn too_many_open_files_are_waited_out() {
    const EMFILE: i32 = 24;
    let (arrivals, stop, server) = echoes(ServerLimits::default());
    let start = Instant::now();
    for _ in 0..3 {
        arrivals.send(Err(io::Error::from_raw_os_error(EMFILE))).await.unwrap();
    }
    let (client, ours) = duplex(64);
    arrivals.send(Ok(ours)).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(client);
    writer.write_all(b"?").await.unwrap();
    soon(reader.read_exact(&mut [0; 1])).await.unwrap();
    assert_eq!(start.elapsed(), ms(300));
    drop((reader, writer));
    stop.cancel();
    assert_eq!(soon(server).await.unwrap(), Served { handled: 1, errors: 3, ..Served::default() });
}

/// A peer that was gone before it was accepted costs no pause.
#[tokio::test(start_paused = true)]
async fn an_error_of_one_connection_costs_no_pause() {
    let (arrivals, _stop, _server) = echoes(ServerLimits::default());
    for kind in [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::Interrupted] {
        arrivals.send(Err(kind.into())).await.unwrap();
    }
    let start = Instant::now();
    let mut client = connect(&arrivals).await;
    assert!(is_answered(&mut client).await);
    assert_eq!(start.elapsed(), ms(0));
}

/// asyncio: an exception of a handler is logged, and its connection closed. Here a panic is printed, and closes its own.
#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_ends_its_own_connection() {
    let ((arrivals, listener), stop) = (scripted(()), CancellationToken::new());
    let server = serve(
        listener,
        limits(1, Beyond::Refuse),
        stop.clone(),
        |mut stream: DuplexStream, _stop| async move {
            let mut word = [0; 1];
            stream.read_exact(&mut word).await.unwrap();
            if &word == b"!" {
                crate::support::panics::<()>("the handler");
            }
            stream.write_all(&word).await.unwrap();
        },
    );
    let server = tokio::spawn(server);
    let mut first = connect(&arrivals).await;
    first.write_all(b"!").await.unwrap();
    assert_eq!(soon(first.read(&mut [0; 1])).await.unwrap(), 0);
    // Its slot is free.
    let mut second = connect(&arrivals).await;
    assert!(is_answered(&mut second).await);
    stop.cancel();
    assert_eq!(soon(server).await.unwrap().cut, 0);
}

/// asyncio: a server without a reference goes on serving. Here a dropped server drops its connections.
#[tokio::test(start_paused = true)]
async fn a_dropped_server_takes_its_connections_with_it() {
    let (arrivals, _stop, server) = echoes(ServerLimits::default());
    let mut client = connect(&arrivals).await;
    assert!(is_answered(&mut client).await);
    server.abort();
    assert_eq!(soon(client.read(&mut [0; 1])).await.unwrap(), 0);
}

/// asyncio: `timeout()` around each read is passed by a peer that sends a byte a second. So it is here.
#[tokio::test(start_paused = true)]
async fn but_a_byte_a_second_passes_an_idle_limit() {
    async fn drip(mut stream: DuplexStream) {
        for _ in 0..60 {
            sleep(ms(1_000)).await;
            if stream.write_all(b"x").await.is_err() {
                return;
            }
        }
    }
    async fn request(stream: &mut DuplexStream, idle: Duration) -> usize {
        let mut count = 0;
        while let Ok(Ok(1..)) = timeout(idle, stream.read(&mut [0; 1])).await {
            count += 1;
        }
        count
    }
    let (mut here, there) = duplex(64);
    tokio::spawn(drip(there));
    let start = Instant::now();
    assert_eq!((request(&mut here, ms(2_000)).await, start.elapsed()), (60, ms(60_000)));

    // A limit on the whole request holds.
    let (mut here, there) = duplex(64);
    tokio::spawn(drip(there));
    let start = Instant::now();
    assert!(timeout(ms(10_500), request(&mut here, ms(2_000))).await.is_err());
    assert_eq!(start.elapsed(), ms(10_500));
}

/// asyncio: `timeout()` around `drain`. Tokio: around `write_all`. Without, a peer that never reads holds its task.
#[tokio::test(start_paused = true)]
async fn a_write_to_a_peer_that_never_reads_needs_a_limit() {
    let (mut here, _never_reads) = duplex(64);
    let start = Instant::now();
    assert!(timeout(ms(5_000), here.write_all(&[7; 1_000])).await.is_err());
    assert_eq!(start.elapsed(), ms(5_000));
}

/// asyncio: `server.sockets[0].getsockname()`. Tokio: `local_addr`, which tells the port that port 0 has become.
#[tokio::test]
async fn port_zero_is_a_free_port() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_ne!(first.local_addr().unwrap().port(), 0);
    assert_ne!(first.local_addr().unwrap(), second.local_addr().unwrap());
}

/// asyncio and Tokio set `SO_REUSEADDR` on Unix, so a server that has closed a connection can start again at once.
#[tokio::test]
async fn a_port_can_be_taken_again_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    // The side that closes first keeps the connection in TIME_WAIT.
    drop(listener.accept().await.unwrap());
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    drop((client, listener));
    TcpListener::bind(address).await.unwrap();
}

/// asyncio and Tokio: two living listeners cannot have one port.
#[tokio::test]
async fn but_a_port_in_use_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = TcpListener::bind(listener.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

/// A listener made by hand, for a backlog of your own, has no `SO_REUSEADDR` until it is set.
#[tokio::test]
async fn but_a_socket_made_by_hand_has_no_reuse() {
    let socket = TcpSocket::new_v4().unwrap();
    assert!(!socket.reuseaddr().unwrap());
    socket.set_reuseaddr(true).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
}

/// asyncio: host `None` is two sockets, for IPv4 and IPv6. Tokio: a listener at `::` hears both on Linux, if IPv6 is there.
#[tokio::test]
async fn a_listener_of_the_sixth_version_hears_the_fourth() {
    // Without IPv6 there is one family, and a listener at 0.0.0.0 is all there is.
    let (listener, is_dual) = match TcpListener::bind("[::]:0").await {
        Ok(listener) => (listener, true),
        Err(_) => (TcpListener::bind("0.0.0.0:0").await.unwrap(), false),
    };
    let port = listener.local_addr().unwrap().port();
    TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (_stream, peer) = soon(listener.accept()).await.unwrap();
    assert_eq!(peer.is_ipv6(), is_dual);
    assert!(peer.ip().to_canonical().is_ipv4());
}

/// asyncio: `start_unix_server`. Here the same `serve`, over a `UnixListener`.
#[tokio::test]
async fn a_unix_socket_is_served_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (listener, stop) = (UnixListener::bind(&path).unwrap(), CancellationToken::new());
    let server = tokio::spawn(serve(
        listener,
        ServerLimits::default(),
        stop.clone(),
        |mut stream, _stop| async move {
            stream.write_all(b"hello").await.unwrap();
        },
    ));
    let mut heard = String::new();
    soon(UnixStream::connect(&path).await.unwrap().read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "hello");
    stop.cancel();
    assert_eq!(soon(server).await.unwrap().handled, 1);
}

/// asyncio: `start_unix_server` removes a socket that is in its way. Tokio: the file outlives its listener; remove it first.
#[tokio::test]
async fn but_the_file_of_a_unix_socket_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
    // No listener lives: it is stale. A living one would be connected to.
    assert_eq!(UnixStream::connect(&path).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    std::fs::remove_file(&path).unwrap();
    UnixListener::bind(&path).unwrap();
}

/// asyncio: `serve_forever` until it is cancelled. Here until the token is; over TCP the port is closed then.
#[tokio::test]
async fn a_stopped_server_refuses_new_connections() {
    let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), CancellationToken::new());
    let address = listener.local_addr().unwrap();
    let inside = Gauge::default();
    let entered = inside.clone();
    let server = tokio::spawn(serve(listener, ServerLimits::default(), stop.clone(), move |stream, stop| {
        let inside = entered.enter();
        async move {
            assert!(stream.nodelay().unwrap());
            stop.cancelled().await;
            drop(inside);
        }
    }));
    let mut client = TcpStream::connect(address).await.unwrap();
    soon(async {
        while inside.now() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop.cancel();
    assert_eq!(soon(server).await.unwrap(), Served { handled: 1, ..Served::default() });
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// A listener that is always ready, with connections beyond the limit. Others have their turn long before it has none left.
#[tokio::test]
async fn refusals_without_an_end_leave_others_their_turn() {
    struct Ready(AtomicU32);
    impl Listener for Ready {
        type Connection = ();

        async fn next_connection(&self) -> io::Result<()> {
            // A server that never yields comes here, and the lesson fails instead of hanging.
            assert!(self.0.fetch_add(1, Relaxed) < 500_000, "no other task had a turn");
            Ok(())
        }
    }
    let (listener, stop) = (Ready(AtomicU32::new(0)), CancellationToken::new());
    let served = serve(listener, limits(1, Beyond::Refuse), stop, |(), _| std::future::pending());
    leaves_others_their_turn(served).await;
}

/// asyncio: `wait_for` counts what is done in the instant of its limit. Here: so does the grace period, for a thousand handlers
/// of two timers too.
#[tokio::test(start_paused = true)]
async fn handlers_that_are_due_with_the_grace_are_in_time() {
    for number in [1, 990] {
        let (arrivals, listener) = scripted(());
        let mut peers = Vec::new();
        for _ in 0..number {
            let (ours, theirs) = duplex(1);
            arrivals.try_send(Ok(theirs)).unwrap();
            peers.push(ours);
        }
        let (limits, stop) =
            (ServerLimits { grace: ms(100), ..ServerLimits::default() }, CancellationToken::new());
        let server = serve(listener, limits, stop.clone(), |_stream, stop| async move {
            stop.cancelled().await;
            sleep(ms(50)).await;
            sleep(ms(50)).await;
            yield_now().await;
        });
        let stopping = async {
            settle().await;
            stop.cancel();
        };
        // In the main future, which is polled between two turns.
        let (served, ()) = tokio::join!(server, stopping);
        assert_eq!(served, Served { handled: number, ..Served::default() });
    }
}

/// Tokio cannot tell when all that is due in an instant has run.
#[tokio::test(start_paused = true)]
async fn but_one_with_many_turns_in_that_instant_is_cut() {
    let (arrivals, listener) = scripted(());
    let (_ours, theirs) = duplex(1);
    arrivals.try_send(Ok(theirs)).unwrap();
    let (limits, stop) =
        (ServerLimits { grace: ms(100), ..ServerLimits::default() }, CancellationToken::new());
    let server = tokio::spawn(serve(listener, limits, stop.clone(), |_stream, stop| async move {
        stop.cancelled().await;
        sleep(ms(100)).await;
        for _ in 0..20 {
            yield_now().await;
        }
    }));
    settle().await;
    stop.cancel();
    assert_eq!(server.await.unwrap(), Served { handled: 1, cut: 1, ..Served::default() });
}
