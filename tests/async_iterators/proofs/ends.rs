//! Numbers and durations at their ends: zero, one and the greatest.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use async_iterators::by_hand::Countdown;
use async_iterators::consume::{in_order, out_of_order};
use async_iterators::generator::changes;
use async_iterators::prefetch::prefetch;
use futures::stream;
use futures::{StreamExt, TryStreamExt};
use tokio::time::timeout;

use crate::support::{ms, soon};

/// From 0 it ends at once. With a period of zero it gives a number at once. The longest period never ends.
#[tokio::test(start_paused = true)]
async fn a_countdown_at_its_ends() {
    for (from, period, first) in [
        (0, Duration::MAX, Ok(None)),
        (1, Duration::ZERO, Ok(Some(1))),
        (u32::MAX, Duration::from_nanos(1), Ok(Some(u32::MAX))),
        (1, Duration::MAX, Err(())),
    ] {
        let mut countdown = pin!(Countdown::new(from, period));
        assert_eq!(timeout(ms(60_000), countdown.next()).await.map_err(drop), first);
    }
}

/// A limit of one and the greatest limit give the same items.
#[tokio::test(start_paused = true)]
async fn a_limit_at_its_ends() {
    for limit in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        let work = async |n: u32| Ok::<_, ()>(n);
        let ordered: Vec<_> = soon(in_order(stream::iter(0..300), limit, work).try_collect()).await.unwrap();
        let mut any: Vec<_> =
            soon(out_of_order(stream::iter(0..300), limit, work).try_collect()).await.unwrap();
        any.sort_unstable();
        assert!(ordered.iter().copied().eq(0..300) && any == ordered);
        let ahead: Vec<_> = soon(prefetch(stream::iter(0..300), limit).collect()).await;
        assert_eq!(ahead, ordered);
    }
}

/// With a pause of zero the stream ends; the longest pause never ends.
#[tokio::test(start_paused = true)]
async fn a_pause_at_its_ends() {
    for (pause, ends) in [(Duration::ZERO, true), (Duration::from_nanos(1), true), (Duration::MAX, false)] {
        let mut values = [1, 2].into_iter();
        let changes = changes(|| std::future::ready(Ok::<_, ()>(values.next())), pause);
        let all = timeout(ms(60_000), changes.try_collect::<Vec<_>>()).await;
        assert_eq!(all.is_ok(), ends);
    }
}
