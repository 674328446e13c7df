use cancel_sweep::Outcome::Finished;
use cancel_sweep::sweep_with;
use streams::connect::ask;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Dropped anywhere, the stream is closed: the peer sees an end, and never waits.
#[test]
fn cancelled_anywhere_the_peer_sees_the_end() {
    let swept = sweep_with(
        || {
            let (here, mut there) = duplex(4);
            let peer = tokio::spawn(async move {
                let mut request = Vec::new();
                there.read_to_end(&mut request).await.unwrap();
                // Dropped, it does not read the answer.
                let _failed = there.write_all(b"answer").await;
                request
            });
            (peer, async move { ask(here, b"question", 100).await.unwrap() })
        },
        |peer, outcome| {
            assert!(peer.is_finished());
            if let Finished(answer) = outcome {
                assert_eq!(answer, b"answer");
            }
        },
    );
    assert!(swept.points > 2, "{swept:?}");
}
