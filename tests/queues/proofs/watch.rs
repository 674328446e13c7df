//! Proofs of the pattern `watch`.

use std::sync::Arc;

use futures::FutureExt;
use queues::watch::follow_newest;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::support::{Entries, ms};

/// Cancelled at any point and called again, it sees each value at most once, and always the last one.
#[test]
fn a_cancelled_follow_newest_still_sees_the_last() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (sender, newest) = watch::channel(0);
            let (newest, log) = (Arc::new(tokio::sync::Mutex::new(newest)), Entries::new());
            let (mine, seen) = (newest.clone(), log.clone());
            tokio::spawn(async move {
                for value in 1..=4 {
                    sleep(ms(10)).await;
                    sender.send(value).unwrap();
                }
            });
            ((newest, log), async move {
                follow_newest(&mut *mine.lock().await, |value| seen.added(value)).await;
            })
        },
        |(newest, log), _| {
            let mut newest = newest.try_lock().expect("the cancelled one has let go");
            let rest = follow_newest(&mut newest, |value| log.added(value));
            assert!(rest.now_or_never().is_some(), "the sender has ended");
            let seen = log.take();
            assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
            assert_eq!(seen.last(), Some(&4));
        },
    );
    assert_eq!(swept.points, 4, "four values; the end comes with the last");
}
