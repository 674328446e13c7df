use std::num::NonZeroUsize;
use std::process::Stdio;

use subprocesses::lines::{End, LINE, Line, OutputLines, Source, together};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, duplex, empty, repeat};
use tokio::time::timeout;

use crate::always_ready::Drops;
use crate::real_time::soon_on_real_time;
use crate::support::{THREE, leaves_others_their_turn, limit, ms, soon};
use crate::work::{sh, text};

/// The texts and ends of one pipe.
async fn all(pipe: impl AsyncRead + Unpin, limit: NonZeroUsize) -> Vec<(String, End)> {
    let (mut lines, mut found) = (OutputLines::new(pipe, empty(), limit), Vec::new());
    while let Some(Line { text: bytes, end, .. }) = lines.next().await.unwrap() {
        found.push((text(bytes), end));
    }
    found
}

fn whole(text: &str) -> (String, End) {
    (text.to_owned(), End::Newline)
}

/// asyncio: `readline` returns a line with its newline. Here it comes without; a `\r` is part of it.
#[tokio::test]
async fn lines_come_without_their_newlines() {
    let lines = all(&b"one\n\ntwo\r\n"[..], LINE).await;
    assert_eq!(lines, [whole("one"), whole(""), whole("two\r")]);
}

/// asyncio: `readline` returns half a line as if it were one. Here its end says what it is.
#[tokio::test]
async fn half_a_line_says_that_it_is_half() {
    assert_eq!(all(&b"one\ntw"[..], LINE).await, [whole("one"), ("tw".to_owned(), End::Pipe)]);
    assert_eq!(all(&b""[..], LINE).await, []);
}

/// asyncio: `ValueError` after 64 KiB, and the loop over stdout ends. Here a long line comes in parts.
#[tokio::test]
async fn a_long_line_comes_in_parts() {
    let part = |text: &str| (text.to_owned(), End::Limit);
    assert_eq!(
        all(&b"abc\nabcd\nabcdefg"[..], THREE).await,
        [whole("abc"), part("abc"), whole("d"), part("abc"), part("def"), ("g".to_owned(), End::Pipe)]
    );
    // The size of the reader's buffer makes no difference.
    let two_reads = (&b"abc"[..]).chain(&b"\nd"[..]);
    assert_eq!(all(two_reads, THREE).await, [whole("abc"), ("d".to_owned(), End::Pipe)]);
    let long = [b"x".repeat(20_000), b"\n".to_vec()].concat();
    assert_eq!(
        all(&long[..], limit(8 * 1024)).await.iter().map(|(text, _)| text.len()).collect::<Vec<_>>(),
        [8_192, 8_192, 3_616]
    );
    assert_eq!(all(&long[..], limit(20_000)).await, [whole(&"x".repeat(20_000))]);
}

/// asyncio: two tasks, a queue between them. Here one call gives the lines of both, as they come.
#[tokio::test]
async fn two_pipes_give_their_lines_as_they_come() {
    let ((here, mut out), (there, mut err)) = (duplex(64), duplex(64));
    let mut lines = OutputLines::new(here, there, LINE);
    for (number, source) in
        [Source::Stdout, Source::Stderr, Source::Stderr, Source::Stdout].into_iter().enumerate()
    {
        let pipe = if source == Source::Stdout { &mut out } else { &mut err };
        pipe.write_all(format!("{number}\n").as_bytes()).await.unwrap();
        let line = lines.next().await.unwrap().unwrap();
        assert_eq!((line.source, text(line.text)), (source, number.to_string()));
    }
    // The end of one pipe is not the end of the lines.
    drop(out);
    err.write_all(b"last\n").await.unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap().text, b"last");
    drop(err);
    assert_eq!((lines.next().await.unwrap(), lines.next().await.unwrap()), (None, None));
}

/// asyncio: a cancelled `readline` leaves its part in the reader. So does a dropped `next`, for both pipes.
#[tokio::test(start_paused = true)]
async fn a_dropped_next_loses_nothing() {
    let ((here, mut out), (there, mut err)) = (duplex(64), duplex(64));
    let mut lines = OutputLines::new(here, there, LINE);
    for byte in b"line" {
        out.write_all(&[*byte]).await.unwrap();
        err.write_all(&[*byte]).await.unwrap();
        assert!(timeout(ms(10), lines.next()).await.is_err());
    }
    out.write_all(b"\n").await.unwrap();
    err.write_all(b"\n").await.unwrap();
    for _ in 0..2 {
        assert_eq!(soon(lines.next()).await.unwrap().unwrap().text, b"line");
    }
}

/// `stdout=PIPE, stderr=PIPE`: each line names its pipe.
#[tokio::test]
async fn stdout_and_stderr_are_told_apart() {
    let mut command = sh("echo out; echo err >&2");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = OutputLines::new(child.stdout.take().unwrap(), child.stderr.take().unwrap(), LINE);
    let mut found = Vec::new();
    while let Some(line) = soon_on_real_time(lines.next()).await.unwrap() {
        found.push((line.source, text(line.text)));
    }
    found.sort_by_key(|(source, _)| *source == Source::Stderr);
    assert_eq!(found, [(Source::Stdout, "out".to_owned()), (Source::Stderr, "err".to_owned())]);
    child.wait().await.unwrap();
}

/// `stderr=STDOUT`: one pipe has all lines in the order in which the program wrote them.
#[tokio::test]
async fn one_pipe_keeps_the_order() {
    let mut command = sh("for number in 1 2 3 4 5; do echo out $number; echo err $number >&2; done");
    let output = together(&mut command).unwrap();
    let mut child = command.spawn().unwrap();
    drop(command);
    let lines = soon_on_real_time(all(output, LINE)).await;
    let expected: Vec<_> = (1..=5)
        .flat_map(|number| [whole(&format!("out {number}")), whole(&format!("err {number}"))])
        .collect();
    assert_eq!(lines, expected);
    child.wait().await.unwrap();
}

/// asyncio closes its end after the start. A `Command` may start the program again, and keeps the pipe until it is dropped.
#[tokio::test]
async fn but_a_command_that_is_kept_holds_the_pipe_open() {
    let mut command = sh("echo line");
    let mut output = together(&mut command).unwrap();
    assert!(command.status().await.unwrap().success());
    let mut read = Vec::new();
    // The program has ended, and its line is there. The end is not.
    output.read_buf(&mut read).await.unwrap();
    assert_eq!(
        (&read[..], output.try_read(&mut [0; 8]).unwrap_err().kind()),
        (&b"line\n"[..], std::io::ErrorKind::WouldBlock)
    );
    drop(command);
    assert_eq!(soon_on_real_time(output.read_to_end(&mut read)).await.unwrap(), 0);
}

/// `DEVNULL` is `Stdio::null()`, `PIPE` is `Stdio::piped()`; by default a program inherits our stdout.
#[tokio::test]
async fn what_is_thrown_away_has_no_lines() {
    let mut command = sh("echo out; echo err >&2");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(child.stdout.is_none());
    let lines = soon_on_real_time(all(child.stderr.take().unwrap(), LINE)).await;
    assert_eq!(lines, [whole("err")]);
    child.wait().await.unwrap();
}

/// asyncio: bytes, decoded by the caller. Tokio's `lines()` wants UTF-8, and ends in the middle of the output.
#[tokio::test]
async fn but_plain_lines_end_at_bytes_that_are_no_text() {
    let output = &b"one\n\xff\nthree\n"[..];
    let mut plain = BufReader::new(output).lines();
    assert_eq!(plain.next_line().await.unwrap().as_deref(), Some("one"));
    assert_eq!(plain.next_line().await.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    let mut lines = OutputLines::new(output, empty(), LINE);
    for expected in [&b"one"[..], b"\xff", b"three"] {
        assert_eq!(lines.next().await.unwrap().unwrap().text, expected);
    }
}

/// A program may wait in the middle of a line: the part that has come stays half a line until then.
#[tokio::test]
async fn a_line_is_there_when_its_newline_is() {
    let mut command = sh("printf half; read -r go; echo ' and half'");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = OutputLines::new(child.stdout.take().unwrap(), empty(), LINE);
    assert!(timeout(ms(5), lines.next()).await.is_err());
    child.stdin.take().unwrap().write_all(b"go\n").await.unwrap();
    let line = soon_on_real_time(lines.next()).await.unwrap().unwrap();
    assert_eq!(text(line.text), "half and half");
    child.wait().await.unwrap();
}

/// Even if a program writes without a pause, other tasks run.
#[tokio::test]
async fn endless_lines_leave_others_their_turn() {
    let mut lines = OutputLines::new(repeat(b'\n'), empty(), LINE);
    leaves_others_their_turn(async { while lines.next().await.unwrap().is_some() {} }).await;
}

/// So does a line without an end, of a stream of another crate whose bytes are always there.
#[tokio::test]
async fn an_endless_line_leaves_others_their_turn() {
    let mut lines = OutputLines::new(Drops(100_000), empty(), NonZeroUsize::MAX);
    leaves_others_their_turn(lines.next()).await;
}
