use std::time::Duration;

use cancel_sweep::sweep_with;
use futures::FutureExt;
use streams::relay::relay;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};

/// Dropped at any point, both peers see the end, and the bytes that each received are a prefix of the bytes sent.
#[test]
fn cancelled_anywhere_both_peers_see_the_end() {
    let swept = sweep_with(
        || {
            let ((left, a), (b, right)) = (duplex(4), duplex(4));
            let peers = [(left, b"question"), (right, b"12345678")].map(|(stream, text)| {
                tokio::spawn(async move {
                    let (mut reader, mut writer) = split(stream);
                    let send = async {
                        let _failed = writer.write_all(text).await;
                        let _failed = writer.shutdown().await;
                    };
                    let mut heard = Vec::new();
                    let (read, ()) = tokio::join!(reader.read_to_end(&mut heard), send);
                    read.map(|_| heard).unwrap()
                })
            });
            (peers, async move { relay(a, b, Duration::from_secs(3_600)).await.unwrap() })
        },
        |[left, right], outcome| {
            let heard = [left, right].map(|peer| peer.now_or_never().expect("it sees the end").unwrap());
            assert!(b"12345678".starts_with(&heard[0]) && b"question".starts_with(&heard[1]));
            if let cancel_sweep::Outcome::Finished(counts) = outcome {
                assert_eq!((counts, heard[0].len(), heard[1].len()), ((8, 8), 8, 8));
            }
        },
    );
    assert!(swept.points >= 2, "{swept:?}");
}
