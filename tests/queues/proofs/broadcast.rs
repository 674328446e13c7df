//! Proofs of the pattern `broadcast`.

use std::sync::Arc;

use futures::FutureExt;
use queues::broadcast::Heard::Item;
use queues::broadcast::follow;
use tokio::sync::broadcast;
use tokio::time::sleep;

use crate::support::{Entries, ms};

/// Cancelled at any point and called again, it goes on with the next item: each item is heard or missed, once.
#[test]
fn a_cancelled_follow_goes_on_where_it_was() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (sender, feed) = broadcast::channel(4);
            let (feed, log) = (Arc::new(tokio::sync::Mutex::new(feed)), Entries::new());
            let (mine, heard) = (feed.clone(), log.clone());
            tokio::spawn(async move {
                for item in 0..4 {
                    sleep(ms(10)).await;
                    sender.send(item).unwrap();
                }
            });
            ((feed, log), async move {
                follow(&mut *mine.lock().await, |item| heard.added(item)).await;
            })
        },
        |(feed, log), _| {
            let mut feed = feed.try_lock().expect("the cancelled one has let go");
            let rest = follow(&mut feed, |item| log.added(item));
            assert!(rest.now_or_never().is_some(), "the sender has ended");
            assert_eq!(log.take(), [0, 1, 2, 3].map(Item));
        },
    );
    assert_eq!(swept.points, 4, "four items; the end comes with the last");
}
