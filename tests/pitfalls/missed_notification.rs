//! Lessons of the pattern `missed_notification`.

use futures::future::join_all;
use pitfalls::missed_notification::{broken, fixed};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::support::ms;
use crate::work::missed_notification::millis;
use crate::work::{FOR_EVER, IN_TIME};

/// asyncio: an `Event` stays set. Tokio: `notify_waiters` wakes the present waiters, and a later one waits forever.
#[tokio::test(start_paused = true)]
async fn but_what_was_notified_before_is_waited_for_without_end() {
    assert!(timeout(FOR_EVER, broken(millis(100), millis(200))).await.is_err());
}

/// In the other order the mistake does not show.
#[tokio::test(start_paused = true)]
async fn but_who_waits_before_is_woken() {
    let start = Instant::now();
    broken(millis(200), millis(100)).await;
    assert_eq!(start.elapsed(), ms(200));
}

/// asyncio: an `Event` that is set lets a later `wait` pass. Tokio: a `watch` keeps its value.
#[tokio::test(start_paused = true)]
async fn a_state_is_seen_whenever_one_looks() {
    for (prepare, meanwhile) in [(100, 200), (200, 100), (100, 100), (0, 0)] {
        let start = Instant::now();
        fixed(millis(prepare), millis(meanwhile)).await.unwrap();
        assert_eq!(start.elapsed(), ms(prepare.max(meanwhile)));
    }
}

/// asyncio: if the task that calls `set` fails, `wait` hangs. Tokio: a `watch` that lost its sender fails.
#[tokio::test(start_paused = true)]
async fn a_preparation_that_panics_is_an_error_and_no_hang() {
    assert!(fixed(async { panic!("no index") }, millis(100)).await.is_err());
}

/// Two hundred rounds on four threads: the value is sent before, during and after the check.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_nobody_waits_for_ever() {
    let mut random = fastrand::Rng::with_seed(6);
    let yields = |times: u8| async move {
        for _ in 0..times {
            yield_now().await;
        }
    };
    for _round in 0..200 {
        let all = (0..8).map(|_| fixed(yields(random.u8(0..4)), yields(random.u8(0..4)))).collect::<Vec<_>>();
        let all = timeout(IN_TIME, join_all(all)).await.unwrap();
        assert!(all.iter().all(Result::is_ok));
    }
}
