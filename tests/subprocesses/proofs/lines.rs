use std::io;

use cancel_sweep::sweep_with;
use subprocesses::lines::{LINE, OutputLines};
use tokio::io::{AsyncWriteExt, duplex};
use tokio::time::sleep;

use crate::support::{Log, limit, ms};

/// Dropped anywhere, `next` holds nothing of the lines back; not dropped, each line of both pipes comes once.
#[test]
fn dropped_anywhere_no_byte_is_lost() {
    let swept = sweep_with(
        || {
            let ((here, mut out), (there, mut err)) = (duplex(64), duplex(64));
            tokio::spawn(async move {
                for part in ["o", "ne\nt", "wo\n"] {
                    out.write_all(part.as_bytes()).await?;
                    sleep(ms(5)).await;
                    err.write_all(part.as_bytes()).await?;
                    sleep(ms(5)).await;
                }
                io::Result::Ok(())
            });
            let lines = std::sync::Arc::new(tokio::sync::Mutex::new(OutputLines::new(here, there, LINE)));
            let (shared, noted) = (lines.clone(), Log::default());
            (lines, async move {
                let mut lines = shared.lock().await;
                while let Some(line) = lines.next().await.unwrap() {
                    noted.add(String::from_utf8(line.text).unwrap());
                }
                noted.take()
            })
        },
        |lines, outcome| {
            if let cancel_sweep::Outcome::Finished(mut heard) = outcome {
                heard.sort_unstable();
                assert_eq!(heard, ["one", "one", "two", "two"]);
            }
            assert!(lines.try_lock().is_ok());
        },
    );
    assert!(swept.points > 3, "{swept:?}");
}

/// Cut anywhere, the same bytes give the same lines and parts.
#[tokio::test]
async fn lines_are_the_same_however_they_are_cut() {
    let text = b"one\n\nthree three\nfour";
    let mut expected = None;
    for at in 0..=text.len() {
        let (here, mut there) = duplex(64);
        let (first, second) = (text[..at].to_vec(), text[at..].to_vec());
        tokio::spawn(async move {
            there.write_all(&first).await?;
            tokio::task::yield_now().await;
            there.write_all(&second).await
        });
        let mut lines = OutputLines::new(here, tokio::io::empty(), limit(5));
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push((line.text, line.end));
        }
        assert_eq!(found.len(), 6);
        assert_eq!(*expected.get_or_insert_with(|| found.clone()), found);
    }
}
