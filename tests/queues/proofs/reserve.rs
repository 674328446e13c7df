//! Proofs of the pattern `reserve`.

use std::sync::Arc;

use cancel_sweep::Outcome::{self, Cancelled, Finished};
use queues::reserve::{forward, send_unless};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::support::{Entries, ms};

/// `forward` holds no item: cancelled at any point, each item was moved or is still in the source.
#[test]
fn a_cancelled_forward_loses_nothing() {
    let swept = sweep_forward(|source, target| async move {
        let mut source = source.0.try_lock_owned().unwrap();
        forward(&mut source, &target).await.unwrap();
    });
    assert!(swept.0 >= 4, "{swept:?}");
    assert!(swept.1, "nothing is ever lost");
}

/// The hazard: a task that receives first holds the item while it waits for room.
#[test]
fn but_a_cancelled_send_takes_its_item_with_it() {
    let swept = sweep_forward(|source, target| async move {
        let mut source = source.0.try_lock_owned().unwrap();
        while let Some(item) = source.recv().await {
            target.send(item).await.unwrap();
        }
    });
    assert!(!swept.1);
}

#[derive(Clone)]
struct Source(Arc<tokio::sync::Mutex<mpsc::Receiver<u32>>>);

/// Forwards four items, the later ones 10 ms apart, through a target of one slot that is read every 25 ms. Returns how
/// often the forwarding waited, and whether all items were always accounted for.
fn sweep_forward<F: Future<Output = ()>>(forward: impl Fn(Source, mpsc::Sender<u32>) -> F) -> (usize, bool) {
    let mut all_there = true;
    let swept = cancel_sweep::sweep_with(
        || {
            let (sender, source) = mpsc::channel(4);
            let (target, mut received) = mpsc::channel(1);
            let (source, log) = (Source(Arc::new(tokio::sync::Mutex::new(source))), Entries::new());
            let consumed = log.clone();
            tokio::spawn(async move {
                for item in 0..4 {
                    sender.send(item).await.unwrap();
                    sleep(ms(10)).await;
                }
            });
            tokio::spawn(async move {
                while let Some(item) = received.recv().await {
                    consumed.add(item);
                    sleep(ms(25)).await;
                }
            });
            ((source.clone(), log), forward(source, target))
        },
        |(source, log), _| {
            let mut all = log.take();
            let mut source = source.0.try_lock().expect("the cancelled one has let go");
            all.extend(std::iter::from_fn(|| source.try_recv().ok()));
            assert!(all.is_sorted(), "{all:?}");
            all_there &= all == [0, 1, 2, 3];
        },
    );
    (swept.points, all_there)
}

/// The item is sent once or dropped once, and no slot is lost.
#[test]
fn a_cancelled_send_unless_loses_no_place() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (queue, mut received) = mpsc::channel(1);
            queue.try_send("a").unwrap();
            let log = Entries::new();
            let consumed = log.clone();
            tokio::spawn(async move {
                loop {
                    sleep(ms(50)).await;
                    consumed.add(received.recv().await);
                }
            });
            let sender = queue.clone();
            ((queue, log), async move { send_unless(&sender, "b", sleep(ms(100))).await })
        },
        |(queue, log), outcome: Outcome<_>| {
            let sent = match outcome {
                Finished(sent) => {
                    assert_eq!(sent, Ok(()));
                    vec![Some("a"), Some("b")]
                }
                Cancelled(_) => vec![Some("a")],
            };
            assert_eq!((log.take(), queue.capacity()), (sent, 1));
        },
    );
    assert_eq!(swept.points, 1);
}
