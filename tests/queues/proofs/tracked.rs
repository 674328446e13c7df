//! Proofs of the pattern `tracked`.

use futures::FutureExt;
use queues::tracked::Unfinished;
use tokio::time::sleep;

use crate::support::ms;

/// asyncio: a cancelled `join` changes nothing. Tokio: a dropped `join` changes nothing either; the next one waits as long
/// as it must.
#[test]
fn a_cancelled_join_changes_nothing() {
    let swept = cancel_sweep::sweep_with(
        || {
            let unfinished = Unfinished::new();
            let item = unfinished.track("page");
            tokio::spawn(async move {
                sleep(ms(10)).await;
                drop(item);
            });
            (unfinished.clone(), async move { unfinished.join().await })
        },
        |unfinished, _| assert_eq!((unfinished.join().now_or_never(), unfinished.count()), (Some(()), 0)),
    );
    assert_eq!(swept.points, 1);
}

/// A worker that is cancelled at any point leaves each item done, or queued and unfinished.
#[test]
fn a_cancelled_worker_leaves_each_item_done_or_queued() {
    let swept = cancel_sweep::sweep_with(
        || {
            let unfinished = Unfinished::new();
            let (queue, items) = async_channel::bounded(3);
            for item in 0..3 {
                queue.try_send(unfinished.track(item)).unwrap();
            }
            queue.close();
            ((unfinished, items.clone()), async move {
                while let Ok(_item) = items.recv().await {
                    sleep(ms(10)).await;
                }
            })
        },
        |(unfinished, items), _| {
            assert_eq!(unfinished.count(), items.len());
            while let Ok(item) = items.try_recv() {
                drop(item);
            }
            assert_eq!(unfinished.join().now_or_never(), Some(()));
        },
    );
    assert_eq!(swept.points, 3, "the work on three items");
}
