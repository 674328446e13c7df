use std::sync::Arc;

use cancel_sweep::Outcome::Finished;
use cancel_sweep::sweep_with;
use futures::FutureExt;
use proptest::prelude::*;
use streams::lines::{LineError, Lines};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::support::ms;

/// Writes `text` byte by byte, with a pause before each.
async fn drip(mut stream: DuplexStream, text: &'static [u8]) {
    for byte in text {
        sleep(ms(1)).await;
        stream.write_all(&[*byte]).await.unwrap();
    }
}

/// A reader that is asked again after a drop has the whole line.
#[test]
fn cancelled_anywhere_no_byte_is_lost() {
    let swept = sweep_with(
        || {
            let (here, there) = duplex(1);
            tokio::spawn(drip(there, b"line\nnext\n"));
            let lines = Arc::new(Mutex::new(Lines::new(here, 10)));
            let mut first = lines.clone().try_lock_owned().unwrap();
            let rest = tokio::spawn(async move {
                // It comes when the future is gone.
                let (mut lines, mut rest) = (lines.lock().await, Vec::new());
                while let Some(line) = lines.next().await.unwrap() {
                    rest.push(line);
                }
                rest
            });
            (rest, async move { first.next().await.unwrap().unwrap() })
        },
        |rest, outcome| {
            let rest = rest.now_or_never().expect("all is read by now").unwrap();
            let first = match outcome {
                Finished(line) => Some(line),
                _ => None,
            };
            let all: Vec<_> = first.into_iter().chain(rest).collect();
            assert_eq!(all, [b"line", b"next"]);
        },
    );
    assert_eq!(swept.points, 5);
}

/// The lines of `text`, as a program without streams takes them.
fn expected(text: &[u8], limit: usize) -> Vec<Result<Vec<u8>, &'static str>> {
    let mut parts: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    let rest = parts.pop().unwrap_or_default();
    let mut lines: Vec<_> = parts
        .into_iter()
        .map(|line| match line {
            line if line.len() > limit => Err("too long"),
            [line @ .., b'\r'] => Ok(line.to_vec()),
            line => Ok(line.to_vec()),
        })
        .collect();
    match rest {
        [] => {}
        rest if rest.len() > limit => lines.push(Err("too long")),
        _ => lines.push(Err("unfinished")),
    }
    lines
}

proptest! {
    /// Cut anywhere, a stream has the same lines. None takes more memory than the limit allows.
    #[test]
    fn lines_are_the_same_however_they_are_cut(
        text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..200),
        limit in 0_usize..20,
        room in 1_usize..20,
    ) {
        // A `Vec` doubles when it grows, from eight bytes on.
        let most = (2 * limit).max(8);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(async {
            let (here, mut there) = duplex(room);
            let sent = text.clone();
            tokio::spawn(async move { there.write_all(&sent).await });
            let (mut lines, mut found) = (Lines::new(here, limit), Vec::new());
            loop {
                found.push(match lines.next().await {
                    Ok(Some(line)) => {
                        assert!(line.capacity() <= most);
                        Ok(line)
                    }
                    Ok(None) => break found,
                    Err(LineError::TooLong { .. }) => Err("too long"),
                    Err(LineError::Unfinished { partial }) => {
                        assert!(partial.len() <= limit && partial.capacity() <= most);
                        Err("unfinished")
                    }
                    Err(LineError::Io(error)) => panic!("{error}"),
                });
            }
        });
        prop_assert_eq!(found, expected(&text, limit));
    }
}
