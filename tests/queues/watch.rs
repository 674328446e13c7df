//! Lessons of the pattern `watch`.

use queues::watch::follow_newest;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::support::{Entries, ms};

/// asyncio: a variable and a `Condition`. Tokio: a busy receiver sees the newest value, and the last one is never skipped.
#[tokio::test(start_paused = true)]
async fn a_slow_receiver_skips_to_the_newest_and_sees_the_last() {
    let log = Entries::new();
    let (sender, mut newest) = watch::channel(0);
    tokio::join!(
        async {
            let sender = sender;
            for value in 1..=6 {
                sleep(ms(10)).await;
                sender.send(value).unwrap();
            }
        },
        follow_newest(&mut newest, |value| {
            log.add(value);
            sleep(ms(35))
        }),
    );
    assert_eq!(log.take(), [1, 4, 6]);
}

/// A new receiver counts the current value as seen, unless it calls `mark_changed`.
#[tokio::test]
async fn the_value_that_is_there_is_new_only_if_the_receiver_says_so() {
    let (sender, mut newest) = watch::channel("first");
    let mut from_the_first = newest.clone();
    from_the_first.mark_changed();
    drop(sender);
    for (receiver, expected) in [(&mut newest, vec![]), (&mut from_the_first, vec!["first"])] {
        let log = Entries::new();
        follow_newest(receiver, |value| log.added(value)).await;
        assert_eq!(log.take(), expected);
    }
}

/// A hundred thousand values, and a receiver that sleeps: it sees the last one.
#[tokio::test]
async fn of_a_hundred_thousand_values_a_receiver_that_sleeps_sees_the_last() {
    let (log, (sender, mut newest)) = (Entries::new(), watch::channel(0));
    for value in 1..100_000 {
        sender.send_replace(value);
    }
    drop(sender);
    follow_newest(&mut newest, |value| log.added(value)).await;
    assert_eq!(log.take(), [99_999]);
}

/// The hazard: without a receiver `send` fails, and later receivers still see the old value. `send_replace` sets the value
/// in any case.
#[tokio::test]
async fn but_a_value_sent_without_receivers_is_not_kept() {
    let (newest, first) = watch::channel("old");
    drop(first);
    assert!(newest.send("lost").is_err());
    assert_eq!(*newest.subscribe().borrow(), "old");
    assert_eq!(newest.send_replace("new"), "old");
    assert_eq!(*newest.subscribe().borrow(), "new");
}
