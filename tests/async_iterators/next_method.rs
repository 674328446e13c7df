//! Lessons of the pattern `next_method`.

use std::io;

use async_iterators::next_method::Paragraphs;
use futures::TryStreamExt;
use futures::stream::{self};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, DuplexStream};
use tokio::time::timeout;

use crate::support::{leaves_others_their_turn, ms};
use crate::work::next_method::{lines, slowly};

/// asyncio: a class with `__anext__`. Rust: an `async fn next(&mut self)`, without the trait `Stream`.
#[tokio::test]
async fn paragraphs_come_whole_and_empty_lines_between_them_are_passed_over() -> io::Result<()> {
    let mut paragraphs = Paragraphs::new(&b"\n\na\nb\n\n\n\nc\n\nd"[..]);
    assert_eq!(paragraphs.next().await?, Some(lines(&["a", "b"])));
    assert_eq!(paragraphs.next().await?, Some(lines(&["c"])));
    assert_eq!(paragraphs.next().await?, Some(lines(&["d"])), "the last one needs no empty line behind it");
    for _ in 0..3 {
        assert_eq!(paragraphs.next().await?, None);
    }
    Ok(())
}

/// Empty lines only separate: alone they make no paragraph.
#[tokio::test]
async fn of_nothing_there_are_none() -> io::Result<()> {
    assert_eq!(Paragraphs::new(&b""[..]).next().await?, None);
    assert_eq!(Paragraphs::new(&b"\n\n"[..]).next().await?, None);
    Ok(())
}

/// asyncio: after a cancelled `anext` a class keeps its attributes. Tokio: the fields of `self` are kept.
#[tokio::test(start_paused = true)]
async fn a_cancelled_next_keeps_half_a_paragraph() -> io::Result<()> {
    let mut paragraphs = Paragraphs::new(slowly(&["a\nb", "\nc\n", "\nd\n\n"]));
    assert!(timeout(ms(150), paragraphs.next()).await.is_err(), "a and half of b have come");
    assert!(timeout(ms(100), paragraphs.next()).await.is_err(), "all but the empty line");
    assert_eq!(paragraphs.next().await?, Some(lines(&["a", "b", "c"])));
    assert_eq!(paragraphs.next().await?, Some(lines(&["d"])));
    Ok(())
}

/// The hazard: the same loop with the lines in a variable of the future.
#[tokio::test(start_paused = true)]
async fn but_lines_in_a_local_variable_are_lost_with_it() -> io::Result<()> {
    async fn next(reader: &mut tokio::io::Lines<BufReader<DuplexStream>>) -> io::Result<Vec<String>> {
        let mut paragraph = Vec::new();
        while let Some(line) = reader.next_line().await?
            && !line.is_empty()
        {
            paragraph.push(line);
        }
        Ok(paragraph)
    }
    let mut reader = slowly(&["a\n", "b\n\n"]).lines();
    assert!(timeout(ms(150), next(&mut reader)).await.is_err());
    assert_eq!(next(&mut reader).await?, ["b"]);
    Ok(())
}

/// The hazard: `read_exact` and `read_line` keep the bytes read so far in the future, `next_line` in the reader.
#[tokio::test(start_paused = true)]
async fn but_read_exact_in_a_timeout_loses_what_it_has_read() -> io::Result<()> {
    let mut reader = slowly(&["ab", "cd", "ef"]);
    let mut frame = [0; 4];
    assert!(timeout(ms(150), reader.read_exact(&mut frame)).await.is_err());
    reader.read_exact(&mut frame).await?;
    assert_eq!(&frame, b"cdef", "the frame was abcd");
    Ok(())
}

/// The lines of a paragraph are in `self`: an error between them loses none.
#[tokio::test]
async fn after_an_error_the_lines_before_it_are_still_there() -> io::Result<()> {
    let mut paragraphs = Paragraphs::new(&b"a\n\xff\nb\n"[..]);
    assert_eq!(paragraphs.next().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert_eq!(paragraphs.next().await?, Some(lines(&["a", "b"])));
    Ok(())
}

/// asyncio: a class with `__anext__` works in `async for`. Rust: `try_unfold` makes a `Stream` of `next`.
#[tokio::test]
async fn unfold_makes_a_stream_of_it() -> io::Result<()> {
    let paragraphs = Paragraphs::new(&b"a\n\nb\nc\n"[..]);
    let paragraphs = stream::try_unfold(paragraphs, async |mut paragraphs| {
        Ok::<_, io::Error>(paragraphs.next().await?.map(|paragraph| (paragraph, paragraphs)))
    });
    let lengths: Vec<_> = paragraphs.map_ok(|lines| lines.len()).try_collect().await?;
    assert_eq!(lengths, [1, 2]);
    Ok(())
}

/// The reader is always ready and has only empty lines. Other tasks get a turn in between.
#[tokio::test]
async fn empty_lines_without_an_end_leave_others_their_turn() {
    let text = "\n".repeat(1_000_000);
    leaves_others_their_turn(Paragraphs::new(text.as_bytes()).next()).await;
}
