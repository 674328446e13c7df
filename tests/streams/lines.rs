use futures::StreamExt;
use streams::lines::{LineError, Lines};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};
use tokio::time::timeout;
use tokio_util::codec::{AnyDelimiterCodec, FramedRead, LinesCodec};

use crate::support::{leaves_others_their_turn, ms, soon};

/// The results of `next`, in short form, until the end.
async fn all(text: &[u8], limit: usize) -> Vec<String> {
    let mut lines = Lines::new(text, limit);
    let mut said = Vec::new();
    loop {
        said.push(match lines.next().await {
            Ok(Some(line)) => String::from_utf8(line).unwrap(),
            Ok(None) => return said,
            Err(LineError::Unfinished { partial }) => {
                format!("unfinished {}", String::from_utf8(partial).unwrap())
            }
            Err(error) => error.to_string(),
        });
    }
}

/// asyncio: `readline` returns a line with its newline, and `b""` at the end. Here lines come without, and then `None`.
#[tokio::test]
async fn lines_come_without_their_ends() {
    assert_eq!(all(b"one\ntwo\r\n\nfour\n", 10).await, ["one", "two", "", "four"]);
}

/// asyncio: `readline` raises `ValueError`, and may go on in the middle of the line. Here the rest of it is skipped.
#[tokio::test]
async fn a_line_that_is_too_long_is_one_error() {
    let too_long = "a line is longer than 3 bytes";
    assert_eq!(all(b"abc\nabcd\nabc\n", 3).await, ["abc", too_long, "abc"]);
    let long = [b"x".repeat(100_000), b"\nabc\n".to_vec()].concat();
    assert_eq!(all(&long, 3).await, [too_long, "abc"]);
    assert_eq!(all(&b"x".repeat(100_000), 3).await, [too_long]);
}

/// asyncio: `readline` returns half a line at the end as if it were a line. Here it is an error that holds the half line.
#[tokio::test]
async fn an_end_within_a_line_is_an_error() {
    assert_eq!(all(b"one\ntw", 10).await, ["one", "unfinished tw"]);
    assert_eq!(all(b"one\n", 10).await, ["one"]);
    assert_eq!(all(b"", 10).await, Vec::<String>::new());
}

/// A limit of zero allows empty lines; the greatest one allows all.
#[tokio::test]
async fn the_limit_may_be_zero_or_the_greatest() {
    assert_eq!(all(b"\na\n\n", 0).await, ["", "a line is longer than 0 bytes", ""]);
    assert_eq!(all(b"abc\n", usize::MAX).await, ["abc"]);
}

/// asyncio: a cancelled `readline` leaves its part in the reader. So does a dropped `next`.
#[tokio::test(start_paused = true)]
async fn a_dropped_next_loses_nothing() {
    let (here, mut there) = duplex(64);
    let mut lines = Lines::new(here, 10);
    for byte in b"line" {
        there.write_all(&[*byte]).await.unwrap();
        assert!(timeout(ms(10), lines.next()).await.is_err());
    }
    there.write_all(b"\n").await.unwrap();
    assert_eq!(soon(lines.next()).await.unwrap().as_deref(), Some(&b"line"[..]));
}

/// asyncio: a cancelled `readline` has taken nothing. Tokio: `read_line` that is dropped has taken a part.
#[tokio::test(start_paused = true)]
async fn but_a_dropped_read_line_loses_its_part() {
    let (here, mut there) = duplex(64);
    let mut reader = BufReader::new(here);
    there.write_all(b"li").await.unwrap();
    assert!(timeout(ms(10), reader.read_line(&mut String::new())).await.is_err());
    there.write_all(b"ne\n").await.unwrap();
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    assert_eq!(line, "ne\n");
}

/// asyncio's `readline` returns a line. Tokio's `read_line` appends to what is there.
#[tokio::test]
async fn but_read_line_appends() {
    let mut reader = &b"one\ntwo\n"[..];
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    reader.read_line(&mut line).await.unwrap();
    assert_eq!(line, "one\ntwo\n");
}

/// asyncio: at most 64 KiB without another `limit`. Tokio: `lines()` takes a line of any length.
#[tokio::test]
async fn but_plain_lines_have_no_limit() {
    let long = [b"x".repeat(1_000_000), b"\n".to_vec()].concat();
    let line = BufReader::new(&long[..]).lines().next_line().await.unwrap();
    assert_eq!(line.unwrap().len(), 1_000_000);
}

/// After an error, a `FramedRead` says `None` once, although the stream goes on. A loop over `Some` ends there.
#[tokio::test(start_paused = true)]
async fn but_a_lines_codec_seems_to_end_after_a_long_line() {
    let (here, mut there) = duplex(64);
    let mut lines = FramedRead::new(here, LinesCodec::new_with_max_length(3));
    there.write_all(b"too long\n").await.unwrap();
    assert!(lines.next().await.unwrap().is_err());
    assert!(lines.next().await.is_none());
    there.write_all(b"abc\n").await.unwrap();
    assert_eq!(soon(lines.next()).await.unwrap().unwrap(), "abc");
}

/// asyncio: `readuntil` raises `IncompleteReadError`. A `LinesCodec` returns half a line at the end as a line.
#[tokio::test]
async fn but_a_lines_codec_takes_half_a_line_for_a_line() {
    let mut lines = FramedRead::new(&b"one\ntw"[..], LinesCodec::new());
    assert_eq!(lines.next().await.unwrap().unwrap(), "one");
    assert_eq!(lines.next().await.unwrap().unwrap(), "tw");
}

/// asyncio: `readuntil(b";")`. Tokio: `split`, or with a limit an `AnyDelimiterCodec`.
#[tokio::test]
async fn another_separator_is_split_or_a_codec() {
    let mut parts = BufReader::new(&b"one;two;"[..]).split(b';');
    assert_eq!(parts.next_segment().await.unwrap().unwrap(), b"one");

    let codec = AnyDelimiterCodec::new_with_max_length(b";|".to_vec(), b";".to_vec(), 3);
    let mut parts = FramedRead::new(&b"one|two;three;"[..], codec);
    assert_eq!(parts.next().await.unwrap().unwrap(), &b"one"[..]);
    assert_eq!(parts.next().await.unwrap().unwrap(), &b"two"[..]);
    assert!(parts.next().await.unwrap().is_err());
}

/// asyncio: a loop over lines that are in the buffer gives no other task a turn. Here it does.
#[tokio::test]
async fn lines_that_are_there_leave_others_their_turn() {
    let text = "short\n".repeat(1_000);
    let mut lines = Lines::new(text.as_bytes(), 10);
    leaves_others_their_turn(async { while lines.next().await.unwrap().is_some() {} }).await;
}
