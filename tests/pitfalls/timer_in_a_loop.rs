//! Lessons of the pattern `timer_in_a_loop`.

use std::time::Duration;

use pitfalls::timer_in_a_loop::{broken, fixed};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::ms;
use crate::work::timer_in_a_loop::send;

/// asyncio: `wait_for(queue.get(), 0.05)` restarts with each item. Tokio: so does a `sleep` in `select!`.
#[tokio::test(start_paused = true)]
async fn but_under_traffic_the_timer_never_fires() {
    let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
    let start = Instant::now();
    let write = broken(items, ms(50), |batch| written.push((start.elapsed(), batch)));
    tokio::join!(write, send(queue, 10));
    assert_eq!(written, [(ms(300), (0..10).collect())], "when the traffic is over");
}

/// asyncio: one deadline per batch, with `timeout_at`. Tokio: one pinned `Sleep`, set at the first item.
#[tokio::test(start_paused = true)]
async fn a_timer_from_before_the_loop_fires_when_the_first_item_is_old_enough() {
    let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
    let start = Instant::now();
    let write = fixed(items, ms(50), |batch| written.push((start.elapsed(), batch)));
    tokio::join!(write, send(queue, 5));
    assert_eq!(written, [(ms(80), vec![0, 1]), (ms(140), vec![2, 3]), (ms(150), vec![4])]);
}

/// With little to do both forms are right, which hides the mistake.
#[tokio::test(start_paused = true)]
async fn without_traffic_both_write_in_time() {
    let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
    let start = Instant::now();
    let write = broken(items, ms(20), |batch| written.push((start.elapsed(), batch)));
    tokio::join!(write, send(queue, 2));
    assert_eq!(written, [(ms(50), vec![0]), (ms(60), vec![1])]);
}

/// A queue that is never empty is always ready, so the timer must be polled first.
#[tokio::test(start_paused = true)]
async fn a_queue_that_is_never_empty_does_not_hold_it_up() {
    let ((queue, items), mut sizes) = (mpsc::channel(64), Vec::new());
    let start = Instant::now();
    let write = fixed(items, ms(50), |batch: Vec<usize>| sizes.push(batch.len()));
    let flood = async move {
        while start.elapsed() < ms(500) {
            for item in 0..64 {
                queue.send(item).await.unwrap();
            }
            tokio::time::advance(ms(10)).await;
        }
    };
    tokio::join!(write, flood);
    assert!(sizes.len() >= 9, "{sizes:?}");
}

/// An empty batch is never written, `Duration::MAX` does not overflow, and a zero delay loses no item.
#[tokio::test(start_paused = true)]
async fn of_nothing_nothing_is_written_and_no_delay_is_too_long() {
    let (queue, items) = mpsc::channel(1);
    drop(queue);
    fixed(items, ms(50), |_: Vec<usize>| panic!("there is nothing")).await;
    let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
    tokio::join!(fixed(items, Duration::MAX, |batch| written.push(batch)), send(queue, 3));
    assert_eq!(written, [[0, 1, 2]]);
    let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
    tokio::join!(fixed(items, Duration::ZERO, |batch| written.push(batch)), send(queue, 3));
    assert_eq!(written.concat(), [0, 1, 2]);
}
