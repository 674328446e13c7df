//! Numbers and durations at their ends: zero, one and the greatest.

use std::num::NonZeroUsize;
use std::time::Duration;

use async_await::async_closures::{poll_until, spawn_poll_until};
use async_await::single_flight::LoadingCache;
use async_await::yielding::search;
use tokio::time::{Instant, advance, timeout};

use crate::support::{TIMES, ms, soon};

/// A pause of zero yields, and the longest pause never ends.
#[tokio::test(start_paused = true)]
async fn a_pause_at_its_ends() {
    for (pause, asked) in [(Duration::ZERO, 3), (Duration::from_nanos(1), 3), (Duration::MAX, 1)] {
        let (mut on_this, mut on_a_task) = (0, 0);
        let answer = poll_until(pause, async || {
            on_this += 1;
            Ok::<_, ()>((on_this == 3).then_some(()))
        });
        assert_eq!(timeout(ms(60_000), answer).await.is_ok(), asked == 3);
        assert_eq!(on_this, asked);
        let task = spawn_poll_until(pause, move || {
            on_a_task += 1;
            std::future::ready(Ok::<_, ()>((on_a_task == 3).then_some(())))
        });
        assert_eq!(timeout(ms(60_000), task).await.is_ok(), asked == 3);
    }
}

/// With the greatest number of lines at a time it never yields.
#[tokio::test(start_paused = true)]
async fn a_number_of_lines_at_its_ends() {
    let start = Instant::now();
    for at_a_time in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        assert_eq!(soon(search(["a", "b", "a"], "a", at_a_time)).await, [0, 2]);
    }
    assert_eq!(start.elapsed(), ms(0));
}

/// A time to live of zero keeps nothing, and the greatest keeps values and errors forever.
#[tokio::test(start_paused = true)]
async fn a_time_to_live_at_its_ends() {
    const YEARS: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);
    for result in [Ok(1), Err(1)] {
        for time_to_live in TIMES {
            for (later, is_kept) in
                [(Duration::ZERO, time_to_live > Duration::ZERO), (YEARS, time_to_live == Duration::MAX)]
            {
                let cache = match result {
                    Ok(_) => LoadingCache::new(time_to_live),
                    Err(_) => LoadingCache::new(Duration::ZERO).keep_errors(time_to_live),
                };
                assert_eq!(cache.get("key", async { result }).await, result);
                advance(later).await;
                let expected = if is_kept { result } else { Ok(2) };
                assert_eq!(cache.get("key", async { Ok(2) }).await, expected, "{time_to_live:?}, {later:?}");
            }
        }
    }
}
