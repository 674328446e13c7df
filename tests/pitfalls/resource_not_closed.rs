//! Lessons of the pattern `resource_not_closed`.

use std::io;

use futures::future::pending;
use pitfalls::resource_not_closed::{broken, fixed};
use tokio::io::{AsyncReadExt, duplex};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::support::ms;
use crate::work::paused;
use crate::work::resource_not_closed::{content, rows};

/// asyncio: without `async with`, an exception skips `await file.close()`. Tokio: `?` skips the close, and a dropped
/// `BufWriter` discards its buffer.
#[tokio::test]
async fn but_an_error_leaves_the_buffer_unwritten() {
    let (file, disk) = duplex(1_024);
    let written = broken(file, rows([Ok("one\n"), Ok("two\n"), Err("no third")])).await;
    assert_eq!((written.unwrap_err().to_string(), content(disk).await), ("no third".into(), "".into()));
}

/// asyncio: `async with` closes the file after an exception. Here: `shutdown` runs before the error returns.
#[tokio::test]
async fn closed_in_any_case_it_has_what_came_before_the_error() {
    let (file, disk) = duplex(1_024);
    let written = fixed(file, rows([Ok("one\n"), Ok("two\n"), Err("no third"), Ok("four\n")])).await;
    let expected = ("no third".into(), "one\ntwo\n".into());
    assert_eq!((written.unwrap_err().to_string(), content(disk).await), expected);
}

/// A timeout skips the close too.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_leaves_the_buffer_unwritten_too() {
    for is_fixed in [false, true] {
        let (file, disk) = duplex(1_024);
        let (queue, rows) = mpsc::channel(1);
        queue.send(Ok("one\n".to_owned())).await.unwrap();
        let written = match is_fixed {
            false => timeout(ms(100), broken(file, rows)).await,
            true => timeout(ms(100), fixed(file, rows)).await,
        };
        assert!(written.is_err());
        assert_eq!(content(disk).await, if is_fixed { "one\n" } else { "" });
    }
}

/// Without an error both forms write the same bytes, so a test of that case cannot find the mistake.
#[tokio::test]
async fn without_an_error_both_write_all_and_close() {
    for is_fixed in [false, true] {
        let (file, disk) = duplex(1_024);
        let rows = rows([Ok("one\n"), Ok("two\n")]);
        let written = if is_fixed { fixed(file, rows).await } else { broken(file, rows).await };
        assert_eq!((written.unwrap(), content(disk).await), ((), "one\ntwo\n".into()));
    }
    let (file, disk) = duplex(1_024);
    fixed(file, rows([])).await.unwrap();
    assert_eq!(content(disk).await, "");
}

/// The file is gone: neither the row nor the close can be written.
#[tokio::test]
async fn the_error_of_the_close_is_told_if_there_was_none_before() {
    let (file, disk) = duplex(1_024);
    drop(disk);
    let error = fixed(file, rows([Ok("one\n")])).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

/// The pipe holds 64 bytes: the writer waits for the reader again and again, and no byte is lost.
#[tokio::test]
async fn a_hundred_thousand_rows_pass_through_a_small_buffer() {
    let (file, disk) = duplex(64);
    let (queue, rows) = mpsc::channel(8);
    let send = async move {
        for _ in 0..100_000 {
            queue.send(Ok("a row of a table\n".to_owned())).await.unwrap();
        }
    };
    let (content, (), written) = tokio::join!(content(disk), send, fixed(file, rows));
    written.unwrap();
    assert_eq!(content.len(), 100_000 * "a row of a table\n".len());
}

/// The task has more awaits than its caller. It is stopped at each of them.
#[test]
fn stopped_at_any_time_the_rows_in_the_file_are_whole() {
    for stop in 0..60 {
        let runtime = paused();
        runtime.block_on(async {
            let (file, disk) = duplex(4);
            let (queue, rows) = mpsc::channel(1);
            let write = async {
                let written = timeout(ms(stop), fixed(file, rows)).await;
                assert!(written.is_err());
            };
            let send = async move {
                for row in ["one\n", "three\n", "five\n"] {
                    sleep(ms(10)).await;
                    if queue.send(Ok(row.to_owned())).await.is_err() {
                        break;
                    }
                }
                pending::<()>().await;
            };
            let slow_disk = async {
                let (mut disk, mut content) = (disk, Vec::new());
                loop {
                    sleep(ms(3)).await;
                    match disk.read_u8().await {
                        Ok(byte) => content.push(byte),
                        Err(_end) => break String::from_utf8(content).unwrap(),
                    }
                }
            };
            let both = async { tokio::join!(write, slow_disk).1 };
            let content = tokio::select! {
                content = both => content,
                () = send => unreachable!("it waits without end"),
            };
            assert!(
                ["", "one\n", "one\nthree\n", "one\nthree\nfive\n"].contains(&content.as_str()),
                "{stop}: {content}"
            );
        });
    }
}
