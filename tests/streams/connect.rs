use std::io::ErrorKind;
use std::time::Duration;

use futures::future::join_all;
use streams::connect::{ask, open};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, copy, duplex, split};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::always_ready::Drops;
use crate::support::{Log, leaves_others_their_turn, ms, settle, soon};
use crate::work::tcp;

/// asyncio: `write_eof` ends one direction, and the answer still comes. Tokio: `shutdown` does.
#[tokio::test(start_paused = true)]
async fn the_answer_comes_after_the_end_of_the_request() {
    let (here, mut there) = duplex(64);
    let peer = tokio::spawn(async move {
        let mut request = String::new();
        there.read_to_string(&mut request).await.unwrap();
        there.write_all(request.to_uppercase().as_bytes()).await.unwrap();
    });
    assert_eq!(soon(ask(here, b"hello", 100)).await.unwrap(), b"HELLO");
    peer.await.unwrap();
}

/// asyncio: a `StreamReader` reads in the background. Tokio reads only on a call: here, while it writes.
#[tokio::test(start_paused = true)]
async fn a_long_request_and_its_echo_pass_each_other() {
    let (here, there) = duplex(64);
    tokio::spawn(async move {
        let (mut reader, mut writer) = split(there);
        copy(&mut reader, &mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let request = vec![7; 100_000];
    assert_eq!(soon(ask(here, &request, 100_000)).await.unwrap(), request);
}

/// asyncio: `write` keeps any amount, so this order works. Tokio: both sides wait for a reader.
#[tokio::test(start_paused = true)]
async fn but_two_that_both_write_first_wait_forever() {
    let (mut here, there) = duplex(64);
    tokio::spawn(async move {
        let (mut reader, mut writer) = split(there);
        copy(&mut reader, &mut writer).await
    });
    assert!(timeout(ms(3_600_000), here.write_all(&[7; 100_000])).await.is_err());
}

/// asyncio: `read()` takes all that comes. Here an answer has a limit, and exactly that many bytes are allowed.
#[tokio::test(start_paused = true)]
async fn an_answer_beyond_its_limit_is_an_error() {
    for (limit, is_allowed) in [(0, false), (4, false), (5, true), (usize::MAX, true)] {
        let (here, mut there) = duplex(64);
        there.write_all(b"hello").await.unwrap();
        there.shutdown().await.unwrap();
        let answer = soon(ask(here, b"", limit)).await;
        match is_allowed {
            true => assert_eq!(answer.unwrap(), b"hello"),
            false => assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidData, "{limit}"),
        }
    }
}

/// Tokio's streams leave others their turn. So does one of another crate here, whose answer is always ready.
#[tokio::test]
async fn an_answer_that_is_always_ready_leaves_others_their_turn() {
    leaves_others_their_turn(ask(Drops(100_000), b"", usize::MAX)).await;
}

/// asyncio: `await drain()` waits above the high-water mark, 64 KiB. Tokio: `write_all` waits until the system has all bytes.
#[tokio::test(start_paused = true)]
async fn a_write_waits_for_the_reader() {
    let (mut here, mut there) = duplex(64);
    let start = Instant::now();
    tokio::spawn(async move {
        sleep(ms(100)).await;
        let mut all = Vec::new();
        there.read_to_end(&mut all).await
    });
    here.write_all(&[7; 64]).await.unwrap();
    assert_eq!(start.elapsed(), ms(0));
    here.write_all(&[7; 1]).await.unwrap();
    assert_eq!(start.elapsed(), ms(100));
}

/// asyncio: `set_write_buffer_limits(high=64)`, and `drain` waits above it. Tokio: a `BufWriter`; a byte more waits.
#[tokio::test(start_paused = true)]
async fn a_buf_writer_is_a_write_buffer_with_a_limit() {
    let (here, mut there) = duplex(1);
    let mut writer = BufWriter::with_capacity(64, here);
    let start = Instant::now();
    tokio::spawn(async move {
        sleep(ms(100)).await;
        there.read_to_end(&mut Vec::new()).await
    });
    for _ in 0..2 {
        writer.write_all(&[7; 32]).await.unwrap();
    }
    assert_eq!((writer.buffer().len(), start.elapsed()), (64, ms(0))); // `get_write_buffer_size`
    writer.write_all(&[7; 1]).await.unwrap();
    assert_eq!((writer.buffer().len(), start.elapsed()), (1, ms(100)));
}

/// asyncio sends what is in its buffer by itself. A `BufWriter` keeps it until it is full, or until `flush`.
#[tokio::test(start_paused = true)]
async fn but_a_buf_writer_sends_nothing_before_a_flush() {
    let (here, mut there) = duplex(64);
    let mut writer = BufWriter::with_capacity(64, here);
    writer.write_all(b"hello").await.unwrap();
    assert!(timeout(ms(3_600_000), there.read_u8()).await.is_err());
    writer.flush().await.unwrap();
    assert_eq!(soon(there.read_u8()).await.unwrap(), b'h');
    // A drop loses the bytes in the buffer.
    writer.write_all(b"lost").await.unwrap();
    drop(writer);
    let mut rest = String::new();
    soon(there.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "ello");
}

/// asyncio: `Transport.write` from a callback, `pause_writing` and `resume_writing`. Tokio: a channel to a task that writes.
#[tokio::test(start_paused = true)]
async fn a_queue_is_written_in_the_background() {
    let (mut here, mut there) = duplex(1);
    let (transport, mut queue) = mpsc::channel::<&[u8]>(2); // the high-water mark, in messages
    tokio::spawn(async move {
        while let Some(message) = queue.recv().await {
            here.write_all(message).await.unwrap();
        }
    });
    transport.try_send(b"one").unwrap();
    settle().await; // the task writes it
    transport.try_send(b"two").unwrap();
    transport.try_send(b"six").unwrap();
    assert!(transport.try_send(b"ten").is_err()); // `pause_writing`
    let mut heard = [0; 3];
    soon(there.read_exact(&mut heard)).await.unwrap();
    soon(transport.send(b"ten")).await.unwrap(); // `resume_writing`
    drop(transport);
    let mut rest = String::new();
    soon(there.read_to_string(&mut rest)).await.unwrap();
    assert_eq!((&heard, rest.as_str()), (b"one", "twosixten"));
}

/// asyncio: `writelines` joins its pieces. Tokio: `write_all_buf` of a chain does not copy them.
#[tokio::test]
async fn several_pieces_can_be_one_write() {
    let (mut here, mut there) = duplex(64);
    let mut pieces = bytes::Buf::chain(&b"head "[..], &b"body"[..]);
    here.write_all_buf(&mut pieces).await.unwrap();
    drop(here);
    let mut heard = String::new();
    soon(there.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "head body");
}

/// asyncio: `write` takes all, and returns nothing. Tokio: `write` takes as much as fits, and returns how much.
#[tokio::test]
async fn but_a_write_may_take_only_a_part() {
    let (mut here, _there) = duplex(4);
    assert_eq!(here.write(b"abcdefgh").await.unwrap(), 4);
}

/// asyncio: `readexactly` raises `IncompleteReadError`, which has the partial data. Tokio: `UnexpectedEof` of `read_exact` does not.
#[tokio::test]
async fn but_read_exact_does_not_say_what_came() {
    let mut stream = &b"abc"[..];
    let mut buffer = [0; 5];
    assert_eq!(stream.read_exact(&mut buffer).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);

    let mut partial = Vec::new();
    (&b"abc"[..]).take(5).read_to_end(&mut partial).await.unwrap();
    assert_eq!(partial, b"abc");
}

/// asyncio: a cancelled `readexactly` has taken nothing. Tokio: the bytes are in the buffer, but their number is lost.
#[tokio::test(start_paused = true)]
async fn but_a_cancelled_read_exact_loses_what_came() {
    let (mut here, mut there) = duplex(64);
    there.write_all(b"abc").await.unwrap();
    assert!(timeout(ms(10), here.read_exact(&mut [0; 4])).await.is_err());
    there.write_all(b"defg").await.unwrap();
    let mut after = [0; 4];
    here.read_exact(&mut after).await.unwrap();
    assert_eq!(&after, b"defg");
}

/// asyncio: the reader keeps the bytes that came. Tokio: so does a buffer of your own with `read_buf`.
#[tokio::test(start_paused = true)]
async fn a_buffer_outside_the_read_keeps_what_came() {
    let (mut here, mut there) = duplex(64);
    let mut buffer = Vec::new();
    there.write_all(b"abc").await.unwrap();
    let whole = async |stream: &mut tokio::io::DuplexStream, buffer: &mut Vec<u8>| {
        while buffer.len() < 4 {
            stream.read_buf(buffer).await.unwrap();
        }
    };
    assert!(timeout(ms(10), whole(&mut here, &mut buffer)).await.is_err());
    there.write_all(b"d").await.unwrap();
    soon(whole(&mut here, &mut buffer)).await;
    assert_eq!(buffer, b"abcd");
}

/// asyncio: `at_eof`. Tokio: an empty `fill_buf`, which waits until it knows, and takes nothing.
#[tokio::test]
async fn an_empty_buffer_is_the_end() {
    let (mut here, there) = duplex(64);
    let mut reader = BufReader::new(there);
    here.write_all(b"x").await.unwrap();
    drop(here);
    assert_eq!(soon(reader.fill_buf()).await.unwrap(), b"x");
    assert_eq!(soon(reader.read_u8()).await.unwrap(), b'x');
    assert!(soon(reader.fill_buf()).await.unwrap().is_empty());
}

/// asyncio: `write_eof`. Tokio: dropping the write half of `into_split` ends that direction, and the other one goes on.
#[tokio::test]
async fn a_dropped_write_half_ends_its_direction() {
    let (client, mut server) = tcp().await;
    let (mut reader, mut writer) = client.into_split();
    writer.write_all(b"hello").await.unwrap();
    drop(writer);
    let mut heard = Vec::new();
    soon(server.read_to_end(&mut heard)).await.unwrap();
    server.write_all(b"HELLO").await.unwrap();
    drop(server);
    let mut answer = Vec::new();
    soon(reader.read_to_end(&mut answer)).await.unwrap();
    assert_eq!((&heard[..], &answer[..]), (&b"hello"[..], &b"HELLO"[..]));
}

/// asyncio has one writer. Tokio: the halves of `tokio::io::split` share the stream, so dropping one ends nothing.
#[tokio::test(start_paused = true)]
async fn but_a_dropped_half_of_io_split_ends_nothing() {
    let (here, mut there) = duplex(64);
    let (_reader, writer) = split(here);
    drop(writer);
    assert!(timeout(ms(1_000), there.read(&mut [0; 1])).await.is_err());
}

/// asyncio: `close`, then `await wait_closed()`. Tokio: a drop closes at once; the system still sends what was written.
#[tokio::test]
async fn what_was_written_arrives_after_the_drop() {
    let (mut client, mut server) = tcp().await;
    client.write_all(b"last words").await.unwrap();
    drop(client);
    let mut heard = String::new();
    soon(server.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "last words");
}

/// asyncio and Tokio: closing a socket with unread bytes resets the connection, and the peer may lose unread bytes too.
#[tokio::test]
async fn but_a_drop_with_unread_bytes_resets_the_peer() {
    let (mut client, server) = tcp().await;
    client.write_all(b"unread").await.unwrap();
    server.readable().await.unwrap();
    drop(server);
    let error = soon(client.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// asyncio: `Transport.abort` drops what it has not sent. Tokio: without linger, a drop also resets the connection.
#[tokio::test]
async fn a_drop_without_linger_resets_the_peer() {
    let (client, mut server) = tcp().await;
    client.set_zero_linger().unwrap();
    drop(client);
    let error = soon(server.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// asyncio and Tokio: the system takes the bytes, and learns later that the peer is gone. Only an answer confirms.
#[tokio::test]
async fn but_the_first_write_to_a_gone_peer_succeeds() {
    let (mut client, server) = tcp().await;
    drop(server);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    client.write_all(b"lost").await.unwrap();
    let error = soon(async {
        loop {
            if let Err(error) = client.write_all(b"lost").await {
                break error;
            }
            client.ready(tokio::io::Interest::ERROR | tokio::io::Interest::WRITABLE).await.unwrap();
        }
    });
    let kind = error.await.kind();
    assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind}");
}

/// asyncio: `get_extra_info("peername")`, and `TCP_NODELAY` is on. Tokio: methods of the socket, and `open` turns it on.
#[tokio::test]
async fn a_connection_knows_its_ends_and_does_not_delay() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = soon(open(listener.local_addr().unwrap(), Duration::MAX)).await.unwrap();
    let (_server, peer) = listener.accept().await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    assert_eq!(stream.local_addr().unwrap(), peer);
    assert!(stream.nodelay().unwrap());
}

/// asyncio turns Nagle's algorithm off. Tokio leaves it on, so a small write may wait for the acknowledgement of the one before.
#[tokio::test]
async fn but_a_plain_connect_leaves_the_delay_on() {
    let (client, server) = tcp().await;
    assert!(!client.nodelay().unwrap() && !server.nodelay().unwrap());
}

/// asyncio: `timeout()` around `open_connection`. Here the time is an argument, and its end an `io::Error`.
#[tokio::test]
async fn no_connection_within_the_time_is_timed_out() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // The system's queue has room for two. It drops what the others send.
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let opened = soon(join_all((0..8).map(|_| open(address, ms(500))))).await;
    let kinds: Vec<_> =
        opened.iter().map(|opened| opened.as_ref().map_err(std::io::Error::kind).err()).collect();
    assert!(kinds.contains(&Some(ErrorKind::TimedOut)), "{kinds:?}");
    assert!(kinds.iter().flatten().all(|kind| *kind == ErrorKind::TimedOut), "{kinds:?}");
}

/// asyncio: `ConnectionRefusedError`. Tokio: the same, as a kind.
#[tokio::test]
async fn where_nothing_listens_the_connection_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = soon(open(address, Duration::MAX)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// asyncio: `loop.add_reader` calls back when there is something to read. Tokio: `readable`, then `try_read`.
#[tokio::test]
async fn a_task_that_awaits_readable_is_a_reader() {
    let (client, mut server) = tcp().await;
    assert_eq!(client.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.write_all(b"hello").await.unwrap();
    let mut buffer = [0; 8];
    let count = soon(async {
        loop {
            client.readable().await.unwrap();
            // The readiness may be a false alarm.
            match client.try_read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => break read.unwrap(),
            }
        }
    });
    let count = count.await;
    assert_eq!(&buffer[..count], b"hello");
}

/// asyncio: `connect_accepted_socket`, and `open_connection(sock=...)`. Tokio: `from_std` of one that does not block.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the socket is of a library that does not know Tokio")]
async fn a_socket_of_std_can_be_taken_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut stream = TcpStream::from_std(socket).unwrap();
    let (mut peer, _address) = soon(listener.accept()).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    soon(peer.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello");
}

/// asyncio calls a `Protocol`: `connection_made`, `data_received`, `eof_received`, `connection_lost`. Tokio: a loop of reads.
#[tokio::test(start_paused = true)]
async fn a_protocol_is_a_loop_of_reads() {
    let (mut here, mut there) = duplex(64);
    let log = Log::default();
    let protocol = tokio::spawn({
        let log = log.clone();
        async move {
            log.add("connection_made");
            let mut buffer = [0; 16];
            loop {
                match here.read(&mut buffer).await.unwrap() {
                    0 => break log.add("eof_received"),
                    count => {
                        log.add(format_args!("data_received {}", String::from_utf8_lossy(&buffer[..count])))
                    }
                }
            }
            drop(here);
            log.add("connection_lost");
        }
    });
    for word in ["one", "two"] {
        there.write_all(word.as_bytes()).await.unwrap();
        settle().await;
    }
    drop(there);
    protocol.await.unwrap();
    let expected =
        ["connection_made", "data_received one", "data_received two", "eof_received", "connection_lost"];
    assert_eq!(log.take(), expected);
}

/// asyncio: `create_datagram_endpoint` and `datagram_received`. Tokio: `UdpSocket`, one `recv` for each `send`.
#[tokio::test]
async fn a_datagram_keeps_its_borders() {
    let (here, there) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    for datagram in [&b"one"[..], b"", b"three"] {
        here.send_to(datagram, there.local_addr().unwrap()).await.unwrap();
    }
    let mut buffer = [0; 4];
    let mut heard = Vec::new();
    for _ in 0..3 {
        let (count, sender) = soon(there.recv_from(&mut buffer)).await.unwrap();
        assert_eq!(sender, here.local_addr().unwrap());
        heard.push(buffer[..count].to_vec());
    }
    // asyncio's buffer has 256 KiB. What has no room in ours is lost without an error.
    assert_eq!(heard, [&b"one"[..], b"", b"thre"]);
}

/// asyncio: `error_received`. Tokio: the next call of a connected socket fails, and the one after it works.
#[tokio::test]
async fn a_datagram_that_is_refused_is_an_error_later() {
    let (here, closed) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    here.connect(closed.local_addr().unwrap()).await.unwrap();
    drop(closed);
    here.send(b"lost").await.unwrap();
    let error = soon(here.recv(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    here.send(b"lost, too").await.unwrap();
}

/// asyncio and Tokio: a stream has no message boundaries. Two writes may be one read.
#[tokio::test(start_paused = true)]
async fn but_two_writes_may_be_one_read() {
    let (mut here, mut there) = duplex(64);
    there.write_all(b"one").await.unwrap();
    there.write_all(b"two").await.unwrap();
    let mut buffer = [0; 64];
    assert_eq!(here.read(&mut buffer).await.unwrap(), 6);
}

/// asyncio's `open_connection` tries the addresses of a name one after the other. So does `TcpStream::connect`.
#[tokio::test]
async fn connect_tries_one_address_after_the_other() {
    let (good, closed) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let addresses = [closed.local_addr().unwrap(), good.local_addr().unwrap()];
    drop(closed);
    let stream = soon(TcpStream::connect(&addresses[..])).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
}
