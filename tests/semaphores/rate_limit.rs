//! Lessons of the pattern `rate_limit`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use governor::Quota;
use semaphores::rate_limit::{QuotaTooSlow, RateLimit};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::{Entries, Gauge, ONE, ms, soon};
use crate::work::rate_limit::rate;
use crate::work::{all, waits_for_ever};

/// asyncio has no rate limit.
#[tokio::test(start_paused = true)]
async fn so_many_come_at_once_and_then_one_each_period() {
    let (start, limit, log) = (Instant::now(), rate(2, 100), Entries::new());
    for _ in 0..5 {
        soon(limit.until_ready()).await;
        log.add(start.elapsed());
    }
    assert_eq!(log.take(), [0, 0, 100, 200, 300].map(ms));
}

/// Unused turns come back, up to the burst.
#[tokio::test(start_paused = true)]
async fn after_a_rest_as_many_come_at_once_as_before_and_no_more() {
    let (limit, log) = (rate(2, 100), Entries::new());
    soon(limit.until_ready()).await;
    soon(limit.until_ready()).await;
    sleep(ms(1_000)).await;
    let start = Instant::now();
    for _ in 0..4 {
        soon(limit.until_ready()).await;
        log.add(start.elapsed());
    }
    assert_eq!(log.take(), [0, 0, 100, 200].map(ms));
}

/// Waiters are FIFO: each passes 10 ms after the one that came before it.
#[tokio::test(start_paused = true)]
async fn those_who_wait_go_in_the_order_in_which_they_came() {
    let (start, limit, log) = (Instant::now(), Arc::new(rate(1, 10)), Entries::new());
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let (limit, log) = (limit.clone(), log.clone());
        tasks.spawn(async move {
            soon(limit.until_ready()).await;
            log.add((number, start.elapsed()));
        });
    }
    all(tasks).await;
    assert_eq!(log.take(), (0..20).map(|number| (number, ms(10) * number)).collect::<Vec<_>>());
}

/// The two limits limit different numbers. Behind a rate limit, slow work piles up. Behind a limit on how many run at once,
/// quick work runs as often as it can.
#[tokio::test(start_paused = true)]
async fn but_a_rate_limit_does_not_limit_how_many_are_under_way() {
    let (limit, gauge, start) = (rate(1, 10), Gauge::default(), Instant::now());
    let slow = |_| async {
        soon(limit.until_ready()).await;
        gauge.clone().stay(ms(1_000)).await;
    };
    soon(join_all((0..50).map(slow))).await;
    assert_eq!((gauge.peak(), start.elapsed()), (50, ms(1_490)));

    let (limit, start) = (semaphores::limit::Limit::new(ONE), Instant::now());
    soon(join_all((0..50).map(|_| limit.run(gauge.clone().stay(ms(1)))))).await;
    assert_eq!(start.elapsed(), ms(50), "a thousand a second");
}

/// A dropped waiter has taken no turn: the second passes at 100 ms instead of 200.
#[tokio::test(start_paused = true)]
async fn a_dropped_wait_has_used_nothing_up_and_makes_way() {
    let (start, limit) = (Instant::now(), rate(1, 100));
    soon(limit.until_ready()).await;
    let mut first = Box::pin(limit.until_ready());
    let mut second = Box::pin(limit.until_ready());
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    sleep(ms(50)).await;
    drop(first);
    soon(second).await;
    assert_eq!(start.elapsed(), ms(100));
}

/// The hazard: governor's own waiting has a timer of its own. A paused clock runs past it, and so does a test.
#[tokio::test(start_paused = true)]
async fn but_governors_own_waiting_is_on_another_clock() {
    let limiter = governor::RateLimiter::direct(Quota::with_period(Duration::from_secs(10)).unwrap());
    limiter.until_ready().await;
    assert!(waits_for_ever(limiter.until_ready()).await, "an hour goes by before its ten seconds");

    let limit = rate(1, 10_000);
    soon(limit.until_ready()).await;
    soon(limit.until_ready()).await;
}

/// asyncio's `sleep` takes any number. Here the account is kept in nanoseconds, and a quota that does not fit is an error.
#[test]
fn a_quota_that_takes_more_than_a_hundred_years_is_an_error() {
    let year = Duration::from_hours(365 * 24);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let new = |period, burst| {
            let quota = Quota::with_period(period).unwrap();
            RateLimit::new(quota.allow_burst(NonZeroU32::new(burst).unwrap())).err()
        };
        assert_eq!(new(year, 100), None);
        for (period, burst) in [(year, 101), (year * 101, 1), (Duration::MAX, 1), (Duration::MAX, u32::MAX)] {
            assert_eq!(new(period, burst), Some(QuotaTooSlow));
        }
        assert_eq!(Quota::with_period(Duration::ZERO), None, "and one of no time at all is none");
    });
}

/// The hazard: governor alone panics.
#[test]
#[should_panic(expected = "Duration is longer than 584 years")]
fn but_governor_alone_panics_on_it() {
    governor::RateLimiter::direct(Quota::with_period(Duration::MAX).unwrap());
}

/// With one turn in a hundred years, the wait is long and overflows no `Instant`.
#[tokio::test(start_paused = true)]
async fn the_slowest_quota_is_waited_for() {
    let century = Duration::from_hours(365 * 24 * 100);
    let limit = RateLimit::new(Quota::with_period(century).unwrap()).unwrap();
    soon(limit.until_ready()).await;
    assert!(waits_for_ever(limit.until_ready()).await);
}

/// The hazard: a timer counts in milliseconds, so one at a time is a thousand a second at most. A burst makes up for it.
#[tokio::test(start_paused = true)]
async fn but_more_than_a_thousand_a_second_wants_a_burst() {
    let took = async |burst: u32| {
        let quota = Quota::with_period(Duration::from_micros(100)).unwrap();
        let limit = RateLimit::new(quota.allow_burst(NonZeroU32::new(burst).unwrap())).unwrap();
        let start = Instant::now();
        for _ in 0..1_000 {
            soon(limit.until_ready()).await;
        }
        start.elapsed()
    };
    assert_eq!(took(1).await, ms(999));
    assert_eq!(took(20).await, ms(98), "ten thousand a second, after the twenty");
}

/// A burst of a thousand, then one each millisecond: no rounding error adds up.
#[tokio::test(start_paused = true)]
async fn ten_thousand_pass_at_the_rate_that_was_asked_for() {
    let (start, limit) = (Instant::now(), rate(1_000, 1));
    for _ in 0..10_000 {
        soon(limit.until_ready()).await;
    }
    assert_eq!(start.elapsed(), ms(9_000));
}

/// On real time and four threads, never more pass than the burst and the turns that have come since.
#[test]
#[expect(clippy::disallowed_methods, reason = "the time is real here")]
fn on_many_threads_never_more_pass_than_may() {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let start = std::time::Instant::now();
        let (limit, passed, mut tasks) = (Arc::new(rate(20, 1)), Entries::new(), JoinSet::new());
        for _ in 0..4 {
            let (limit, passed) = (limit.clone(), passed.clone());
            tasks.spawn(async move {
                for _ in 0..25 {
                    soon(limit.until_ready()).await;
                    passed.add(start.elapsed());
                }
            });
        }
        all(tasks).await;
        let mut passed = passed.take();
        passed.sort_unstable();
        assert_eq!(passed.len(), 100);
        for (before, time) in passed.iter().enumerate() {
            assert!((before as u128) < 20 + time.as_millis(), "{before} before {time:?}");
        }
    });
}

/// Returns the most that begin within one second, of 40 that come after a rest.
async fn most_within_a_second(quota: Quota) -> usize {
    let limit = RateLimit::new(quota).unwrap();
    sleep(ms(5_000)).await;
    let (start, mut begun) = (Instant::now(), Vec::new());
    for _ in 0..40 {
        limit.until_ready().await;
        begun.push(start.elapsed());
    }
    let within = |from: &Duration| begun.iter().filter(|at| (*from..*from + ms(1_000)).contains(at)).count();
    begun.iter().map(within).max().unwrap()
}

/// The hazard: ten per second means ten at once, and one more every 100 ms: nineteen within the first second. A burst of one
/// spaces them out, and so never lets more than ten through.
#[tokio::test(start_paused = true)]
async fn but_a_burst_lets_nineteen_through_within_a_second() {
    let ten = NonZeroU32::new(10).unwrap();
    assert_eq!(most_within_a_second(Quota::per_second(ten)).await, 19);
    assert_eq!(most_within_a_second(Quota::per_second(ten).allow_burst(NonZeroU32::MIN)).await, 10);
    // Five come as a burst, and the other five during the rest of the second.
    let five = Quota::with_period(ms(200)).unwrap().allow_burst(NonZeroU32::new(5).unwrap());
    assert_eq!(most_within_a_second(five).await, 9);
}
