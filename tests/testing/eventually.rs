//! Lessons of the pattern `eventually`.

use std::time::Duration;

use testing::eventually::eventually;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, ends, ms};

/// A slow job that cannot be awaited.
fn start_job(millis: u64) -> Count {
    let done = Count::default();
    let counted = done.clone();
    tokio::spawn(async move {
        sleep(ms(millis)).await;
        counted.add();
    });
    done
}

/// asyncio: a loop with `sleep` in each test. Tokio: the same in one place, with a limit.
#[tokio::test(start_paused = true)]
async fn it_goes_on_soon_after_the_condition_holds() {
    let (start, done) = (Instant::now(), start_job(60));
    eventually(ms(1_000), || done.get() == 1).await.unwrap();
    assert_eq!(start.elapsed(), ms(63), "it looks at 0, 1, 3, 7, 15, 31 and 63 ms");
}

/// If the condition holds already, it takes no time, even with a limit of zero.
#[tokio::test(start_paused = true)]
async fn what_holds_already_takes_no_time() {
    let start = Instant::now();
    for limit in [Duration::ZERO, ms(1), Duration::MAX] {
        eventually(limit, || true).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// The error comes at the limit, exactly, and the test's own `unwrap` fails.
#[tokio::test(start_paused = true)]
async fn what_does_not_hold_is_an_error_at_the_limit() {
    let (start, looks) = (Instant::now(), Count::default());
    let never = || {
        looks.add();
        false
    };
    assert!(eventually(ms(10_000), never).await.is_err());
    assert_eq!(start.elapsed(), ms(10_000));
    assert_eq!(looks.get(), 107, "at first often, then every 100 ms, and at the limit");
}

/// A pause may be longer than what is left of the limit. What has come to hold meanwhile holds within the limit.
#[tokio::test(start_paused = true)]
async fn what_holds_at_the_limit_is_in_time() {
    for (millis, is_in_time) in [(70, true), (99, true), (101, false)] {
        let (start, done) = (Instant::now(), start_job(millis));
        assert_eq!(eventually(ms(100), || done.get() == 1).await.is_ok(), is_in_time, "{millis} ms");
        assert_eq!(start.elapsed(), ms(100), "it looks at 63 ms and at 100 ms");
    }
}

/// A sleep in a test is a guess. If the job once takes longer, the test fails without a fault in the code.
#[tokio::test(start_paused = true)]
async fn but_a_sleep_is_too_short_one_day() {
    for (millis, passes) in [(40, true), (60, false)] {
        let done = start_job(millis);
        sleep(ms(50)).await;
        assert_eq!(done.get() == 1, passes);
        assert!(eventually(ms(10_000), || done.get() == 1).await.is_ok());
    }
}

/// asyncio: an `Event` that the code sets. Tokio: with a `watch` the test goes on at that moment, and needs no looking.
#[tokio::test(start_paused = true)]
async fn a_watch_is_exact() {
    let (progress, mut seen) = watch::channel(0);
    tokio::spawn(async move {
        for done in 1..=3 {
            sleep(ms(20)).await;
            progress.send_replace(done);
        }
    });
    let start = Instant::now();
    timeout(ms(1_000), seen.wait_for(|done| *done == 3)).await.unwrap().unwrap();
    assert_eq!(start.elapsed(), ms(60));
}

/// A limit of `Duration::MAX` never passes: a condition that holds after ten minutes is waited for.
#[tokio::test(start_paused = true)]
async fn without_a_limit_it_waits_on() {
    let (start, long) = (Instant::now(), Duration::from_secs(600));
    ends(eventually(Duration::MAX, || start.elapsed() >= long)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(600_027), "127 ms, and then each 100 ms");
}
