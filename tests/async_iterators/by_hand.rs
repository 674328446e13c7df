//! Lessons of the pattern `by_hand`.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_iterators::by_hand::Countdown;
use futures::stream::{self, FusedStream};
use futures::{FutureExt, Stream, StreamExt};
use tokio::time::{Instant, sleep};
use tokio::time::{MissedTickBehavior, interval};

use crate::support::ms;

/// asyncio: `async for` over a class with `__anext__` gives the items, then ends. Tokio: `while let Some(..)`.
#[tokio::test(start_paused = true)]
async fn the_numbers_come_a_period_apart_and_then_the_end() {
    let start = Instant::now();
    let mut numbers = pin!(Countdown::new(3, ms(100)));
    let mut came = Vec::new();
    while let Some(number) = numbers.next().await {
        came.push((number, start.elapsed()));
    }
    assert_eq!(came, [(3, ms(100)), (2, ms(200)), (1, ms(300))]);
    assert_eq!(start.elapsed(), ms(300));
}

/// asyncio: the class decides what `anext` does after the end. Tokio: `poll_next` does; a `FusedStream` stays at its
/// end.
#[tokio::test(start_paused = true)]
async fn polled_after_the_end_it_stays_at_the_end() {
    let mut numbers = pin!(Countdown::new(1, ms(100)));
    assert!(!numbers.is_terminated());
    assert_eq!(numbers.next().await, Some(1));
    assert!(numbers.is_terminated());
    for _ in 0..3 {
        assert_eq!(numbers.next().now_or_never(), Some(None));
    }
}

/// Zero numbers need no timer: the stream ends at the first poll.
#[tokio::test(start_paused = true)]
async fn of_nothing_it_ends_at_once() {
    assert_eq!(Countdown::new(0, ms(100)).collect::<Vec<_>>().now_or_never(), Some(vec![]));
}

/// asyncio: an iterator has no length. Tokio: a stream may say how many items are left, and a generator cannot.
#[tokio::test(start_paused = true)]
async fn it_knows_how_much_is_left_and_a_generator_does_not() {
    let mut numbers = pin!(Countdown::new(3, ms(100)));
    assert_eq!(numbers.size_hint(), (3, Some(3)));
    numbers.next().await;
    assert_eq!(numbers.size_hint(), (2, Some(2)));

    let numbers = async_stream::stream! { yield 3; };
    assert_eq!(numbers.size_hint(), (0, None));
}

/// A consumer that was away gets one number at once, and the next one a period later.
#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_late_does_not_get_two_at_once() {
    let mut numbers = pin!(Countdown::new(3, ms(100)));
    assert_eq!(numbers.next().await, Some(3));
    sleep(ms(450)).await;
    let back = Instant::now();
    assert_eq!((numbers.next().await, back.elapsed()), (Some(2), ms(0)));
    assert_eq!((numbers.next().await, back.elapsed()), (Some(1), ms(100)));
}

/// The hazard: by default an `interval` makes up for missed ticks all at once.
#[tokio::test(start_paused = true)]
async fn but_an_interval_gives_the_missed_ticks_all_at_once() {
    for (behavior, at_once) in [(MissedTickBehavior::Burst, 10), (MissedTickBehavior::Delay, 1)] {
        let mut ticks = interval(ms(100));
        assert_eq!(ticks.missed_tick_behavior(), MissedTickBehavior::Burst, "the default");
        ticks.set_missed_tick_behavior(behavior);
        ticks.tick().await;
        sleep(ms(1_050)).await;
        let ready = std::iter::from_fn(|| ticks.tick().now_or_never()).count();
        assert_eq!(ready, at_once, "{behavior:?}");
    }
}

/// The hazard: a future that returns `Pending` without having polled anything is never polled again.
#[tokio::test(start_paused = true)]
async fn but_pending_without_a_waker_is_for_ever() {
    let due = Instant::now() + ms(100);
    let mut numbers =
        stream::poll_fn(move |_cx| if Instant::now() < due { Poll::Pending } else { Poll::Ready(Some(1)) });
    let waiting = tokio::spawn(async move { numbers.next().await });
    sleep(Duration::from_secs(86_400)).await;
    assert!(!waiting.is_finished());
    waiting.abort();
}

/// An `Instant` beyond the clock would overflow: `sleep(Duration::MAX)` stays pending instead.
#[tokio::test(start_paused = true)]
async fn a_period_without_end_is_no_panic() {
    let mut numbers = pin!(Countdown::new(2, Duration::MAX));
    assert_eq!(numbers.next().now_or_never(), None);
}
