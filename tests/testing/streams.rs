//! Lessons on streams without a socket: `tokio::io::duplex`, and the script of `tokio_test::io`.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, duplex};
use tokio::time::Instant;
use tokio_test::io::Builder;

use crate::support::ms;
use crate::work::panic_of;

/// The code under test: asks twice, and returns the answers. It takes any stream.
async fn ask_twice(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<(String, String)> {
    let mut stream = BufReader::new(stream);
    let (mut first, mut second) = (String::new(), String::new());
    stream.write_all(b"ping\n").await?;
    stream.read_line(&mut first).await?;
    stream.write_all(b"ping\n").await?;
    stream.read_line(&mut second).await?;
    Ok((first, second))
}

/// asyncio: a `StreamReader` is fed by hand. Tokio: a script says what is read and written, in order.
#[tokio::test]
async fn a_script_has_both_sides_of_a_conversation() {
    let script =
        Builder::new().write(b"ping\n").read(b"one\n").write(b"ping\n").read(b"tw").read(b"o\n").build();
    let answers = ask_twice(script).await.unwrap();
    assert_eq!(answers, ("one\n".to_owned(), "two\n".to_owned()), "a line may come in two reads");
}

/// A write that is not in the script panics, and so does a script that is not used up.
#[tokio::test]
async fn but_what_is_not_in_the_script_panics() {
    let other = Builder::new().write(b"hello\n").build();
    assert!(panic_of(ask_twice(other)).await.is_some());
    let longer = Builder::new()
        .write(b"ping\n")
        .read(b"one\n")
        .write(b"ping\n")
        .read(b"two\n")
        .write(b"bye\n")
        .build();
    assert!(panic_of(ask_twice(longer)).await.unwrap().contains("data left to write"));
}

/// Errors and pauses are parts of a script: a connection that breaks off in the middle, half a minute later.
#[tokio::test(start_paused = true)]
async fn a_script_may_wait_and_fail() {
    let script = Builder::new()
        .write(b"ping\n")
        .read(b"on")
        .wait(ms(30_000))
        .read_error(Error::from(ErrorKind::ConnectionReset))
        .build();
    let start = Instant::now();
    let error = ask_twice(script).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::ConnectionReset, ms(30_000)));
}

/// asyncio: a pair of sockets. Tokio: `duplex` has two ends in memory, and the other one is a task of the test.
#[tokio::test(start_paused = true)]
async fn a_duplex_is_both_ends_of_a_connection() {
    let (ours, theirs) = duplex(64);
    let peer = tokio::spawn(async move {
        let mut peer = BufReader::new(theirs);
        let mut asked = String::new();
        for answer in ["one\n", "two\n"] {
            peer.read_line(&mut asked).await?;
            peer.write_all(answer.as_bytes()).await?;
        }
        std::io::Result::Ok(asked)
    });
    assert_eq!(ask_twice(ours).await.unwrap(), ("one\n".to_owned(), "two\n".to_owned()));
    assert_eq!(peer.await.unwrap().unwrap(), "ping\nping\n");
}

/// Code that treats one read as a whole message passes with a large buffer. A duplex of four bytes finds the mistake.
#[tokio::test]
async fn a_small_duplex_cuts_a_message() {
    for (size, whole) in [(64, true), (4, false)] {
        let (mut ours, mut theirs) = duplex(size);
        let peer = tokio::spawn(async move { theirs.write_all(b"one message").await });
        let mut buffer = [0; 64];
        let read = ours.read(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..read] == b"one message", whole);
        drop(ours);
        assert_eq!(peer.await.unwrap().is_ok(), whole);
    }
}

/// asyncio: `transport.abort()`. Tokio: dropping the other end is the end of reading, and an error of writing.
#[tokio::test]
async fn dropping_an_end_is_the_end_of_the_connection() {
    let (mut ours, theirs) = duplex(64);
    drop(theirs);
    assert_eq!(ours.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(ours.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}
