//! Streams and sockets.
use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// `open_connection`.
pub async fn open_connection() -> anyhow::Result<()> {
    let stream = tokio::net::TcpStream::connect(("example.org", 80)).await?;
    let (reader, mut writer) = stream.into_split();
    writer.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut lines = tokio::io::BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        println!("{line}");
    }
    Ok(())
}

/// `open_unix_connection`.
#[cfg(unix)]
pub async fn unix_connection() -> anyhow::Result<()> {
    let mut stream = tokio::net::UnixStream::connect("/run/app.sock").await?;
    stream.write_all(b"status\n").await?;
    Ok(())
}

/// `start_server`.
pub async fn start_server() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    loop {
        let (mut stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            stream.write_all(b"hello\n").await // one task a connection
        });
    }
}

/// `Server.close` and `wait_closed`.
pub async fn server_shutdown(
    listener: tokio::net::TcpListener,
    connections: TaskTracker,
    stop: CancellationToken,
) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await
    {
        if let Ok((stream, peer)) = accepted {
            connections.spawn(async move { drop(stream) });
        }
    }
    drop(listener); // who connects now is refused
    connections.close();
    connections.wait().await;
}

/// `StreamReader.read`.
pub async fn stream_read(mut reader: TcpStream) -> anyhow::Result<()> {
    let mut buffer = [0; 4096];
    match reader.read(&mut buffer).await? {
        0 => println!("the end"),
        n => println!("{:?}", &buffer[..n]),
    }
    Ok(())
}

/// `StreamReader.readline`.
pub async fn readline(stream: TcpStream) -> anyhow::Result<()> {
    let mut lines = tokio::io::BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        println!("{line}"); // without its newline
    }
    Ok(())
}

/// `StreamReader.readexactly`.
pub async fn read_exact(mut reader: TcpStream) -> anyhow::Result<()> {
    let length = reader.read_u32().await?; // four bytes, big-endian
    let mut frame = vec![0; usize::try_from(length)?.min(1_000_000)];
    reader.read_exact(&mut frame).await.context("half a frame")?;
    Ok(())
}

/// `StreamReader.readuntil`.
pub async fn read_until(stream: TcpStream) -> anyhow::Result<()> {
    let mut reader = tokio::io::BufReader::new(stream);
    let mut record = Vec::new();
    let read = reader.read_until(b'\0', &mut record).await?; // 0: the end
    Ok(())
}

/// `StreamWriter.write` and `drain`.
pub async fn stream_write(mut writer: TcpStream) -> anyhow::Result<()> {
    writer.write_all(b"hello\n").await?; // write and drain
    Ok(())
}

/// `StreamWriter.close`.
pub async fn stream_close(mut writer: TcpStream) -> anyhow::Result<()> {
    writer.flush().await?;
    writer.shutdown().await?; // the peer reads the end; reading goes on
    Ok(())
}

/// `get_extra_info("peername")`.
pub fn peername(stream: TcpStream) -> anyhow::Result<()> {
    let peer = stream.peer_addr()?;
    let local = stream.local_addr()?;
    Ok(())
}

/// Any stream, for a function that takes a transport.
pub async fn any_stream<S>(mut stream: S) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(b"hello\n").await
}

/// A stream for tests.
pub async fn duplex() -> anyhow::Result<()> {
    let (mut ours, theirs) = tokio::io::duplex(1024);
    ours.write_all(b"half a li").await?; // feed_data
    drop(ours); // feed_eof: theirs reads the end
    Ok(())
}

/// `Protocol`.
pub async fn framed(stream: TcpStream) -> anyhow::Result<()> {
    use futures::StreamExt as _;
    use tokio_util::codec::{Framed, LinesCodec};
    let codec = LinesCodec::new_with_max_length(8192);
    let mut lines = Framed::new(stream, codec);
    while let Some(line) = lines.next().await {
        println!("{}", line?); // data_received, one line each
    }
    Ok(())
}

/// `create_datagram_endpoint`.
pub async fn udp() -> anyhow::Result<()> {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
    let mut buffer = [0; 1500];
    let (length, peer) = socket.recv_from(&mut buffer).await?;
    socket.send_to(&buffer[..length], peer).await?;
    Ok(())
}

/// `getaddrinfo`.
pub async fn getaddrinfo() -> anyhow::Result<()> {
    for address in tokio::net::lookup_host(("example.org", 443)).await? {
        println!("{address}");
    }
    Ok(())
}

/// `add_reader`.
pub async fn readable(stream: TcpStream) -> anyhow::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => println!("{n} bytes"),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// `aiofiles.open`.
pub async fn file_read() -> anyhow::Result<()> {
    let text = tokio::fs::read_to_string("names.txt").await?;
    tokio::fs::write("copy.txt", &text).await?;
    Ok(())
}

/// Both directions of two sockets.
pub async fn proxy(
    mut client: TcpStream,
    mut server: TcpStream,
) -> anyhow::Result<()> {
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
