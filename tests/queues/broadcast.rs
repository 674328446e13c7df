//! Lessons of the pattern `broadcast`.

use queues::broadcast::Heard::{self, Item, Missed};
use queues::broadcast::follow;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep};

use crate::support::{Entries, ms};
use crate::work::MILLION;

/// asyncio: a queue for each subscriber. Tokio: one channel, and each receiver gets a clone of each item.
#[tokio::test]
async fn every_receiver_gets_every_item() {
    let (sender, mut a) = broadcast::channel(4);
    let mut b = sender.subscribe();
    for item in 1..=3 {
        assert_eq!(sender.send(item).unwrap(), 2, "the number of receivers");
    }
    drop(sender);
    for feed in [&mut a, &mut b] {
        let log = Entries::new();
        follow(feed, |heard| log.added(heard)).await;
        assert_eq!(log.take(), [Item(1), Item(2), Item(3)]);
    }
}

/// A receiver that falls behind by more than the buffer misses the oldest items, and learns how many. The sender does not
/// wait for it, and the other receivers miss nothing.
#[tokio::test(start_paused = true)]
async fn a_slow_receiver_misses_the_oldest_and_is_told_how_many() {
    let (start, log) = (Instant::now(), Entries::new());
    let (sender, mut quick) = broadcast::channel(2);
    let mut slow = sender.subscribe();
    let hear = |name, millis| {
        let log = &log;
        move |heard: Heard<u32>| async move {
            if let Item(_) = heard {
                sleep(ms(millis)).await;
            }
            log.add((name, heard));
        }
    };
    let sends = async {
        let sender = sender;
        for item in 1..=6 {
            sender.send(item).unwrap();
            sleep(ms(10)).await;
        }
        assert_eq!(start.elapsed(), ms(60));
    };
    tokio::join!(sends, follow(&mut quick, hear("quick", 1)), follow(&mut slow, hear("slow", 35)));
    let (quick, slow): (Vec<_>, Vec<_>) = log.take().into_iter().partition(|(name, _)| *name == "quick");
    assert_eq!(quick.len(), 6);
    let slow: Vec<_> = slow.into_iter().map(|(_, heard)| heard).collect();
    assert_eq!(slow, [Item(1), Missed(1), Item(3), Missed(1), Item(5), Item(6)]);
}

/// The hazard: `Lagged` is an `Err`, but not the end.
#[tokio::test]
async fn but_a_loop_over_ok_ends_where_something_was_missed() {
    let (sender, mut feed) = broadcast::channel(2);
    for item in 1..=3 {
        sender.send(item).unwrap();
    }
    let mut heard = Vec::new();
    while let Ok(item) = feed.recv().await {
        heard.push(item);
    }
    assert_eq!(heard, [0; 0]);
    assert_eq!((feed.recv().await, feed.recv().await), (Ok(2), Ok(3)), "it was there all the time");
}

/// The capacity is rounded up to a power of two.
#[tokio::test]
async fn the_buffer_may_keep_more_than_was_asked_for() {
    let (sender, mut feed) = broadcast::channel(5);
    for item in 1..=9 {
        sender.send(item).unwrap();
    }
    assert_eq!((feed.recv().await, feed.recv().await), (Err(RecvError::Lagged(1)), Ok(2)), "8 of 9 are left");
}

/// A receiver gets only the items that are sent after its `subscribe`.
#[tokio::test]
async fn a_late_receiver_hears_only_what_is_sent_after_it_came() {
    let (sender, _first) = broadcast::channel(4);
    sender.send(1).unwrap();
    let mut late = sender.subscribe();
    sender.send(2).unwrap();
    assert_eq!(late.recv().await, Ok(2));
}

/// Without a receiver `send` fails, and the item comes back.
#[tokio::test]
async fn without_a_receiver_an_item_cannot_be_sent() {
    let (sender, feed) = broadcast::channel(4);
    drop(feed);
    assert_eq!(sender.send("a").map_err(|unsent| unsent.0), Err("a"));
}

/// A million items are sent past a sleeping receiver: the sender never waits, and the last items are kept.
#[tokio::test]
async fn a_million_items_are_sent_past_a_receiver_that_sleeps() {
    let (log, (sender, mut feed)) = (Entries::new(), broadcast::channel(128));
    for item in 0..u64::from(MILLION) {
        sender.send(item).unwrap();
    }
    assert_eq!(sender.len(), 128);
    drop(sender);
    follow(&mut feed, |heard| log.added(heard)).await;
    let heard = log.take();
    assert_eq!((heard[0], heard.len()), (Missed(999_872), 129));
    assert_eq!((heard[1], heard[128]), (Item(999_872), Item(999_999)));
}
