//! Proofs of the pattern `many_consumers`.

use futures::FutureExt;
use queues::many_consumers::SharedReceiver;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::support::{Entries, alive_tasks, ms};

/// Of two consumers one is cancelled at any point. Together they receive every item once, in order.
#[test]
fn a_cancelled_recv_loses_no_item() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (sender, receiver) = mpsc::channel(2);
            let (queue, log) = (SharedReceiver::from(receiver), Entries::new());
            let other = queue.clone();
            tokio::spawn(async move {
                for item in 0..6 {
                    sleep(ms(10)).await;
                    sender.send(item).await.unwrap();
                }
            });
            let received = log.clone();
            ((other, log), async move {
                while let Some(item) = queue.recv().await {
                    received.add(item);
                }
            })
        },
        |(other, log), _| {
            while let Some(Some(item)) = other.recv().now_or_never() {
                log.add(item);
            }
            let received = log.take();
            assert!(received.iter().copied().eq(0..received.len()), "{received:?}");
            assert!(received.len() == 6 || alive_tasks() == 1, "a place is lost: {received:?}");
        },
    );
    assert_eq!(swept.points, 6, "six items; the end comes with the last");
}
