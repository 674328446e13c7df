//! Lessons of the pattern `blocking_sleep`.

use std::time::Duration;

use futures::FutureExt;
use pitfalls::blocking_sleep::{broken, fixed};
use tokio::time::{Instant, sleep, timeout};

use crate::support::ms;
use crate::work::blocking_sleep::third_time;
use crate::work::{FOR_EVER, Visits, others_have_a_turn};

/// asyncio: `time.sleep` stops the loop. Tokio: `std::thread::sleep` stops the thread, and no virtual time passes.
#[tokio::test(start_paused = true)]
async fn but_while_the_thread_sleeps_all_tasks_stand_still() {
    let start = Instant::now();
    assert!(!others_have_a_turn(broken(third_time(), ms(1))).await);
    assert_eq!(start.elapsed(), ms(0));
}

/// asyncio: `asyncio.sleep` suspends the caller alone. Tokio: so does `sleep`; another task runs on.
#[tokio::test(start_paused = true)]
async fn while_a_task_sleeps_the_others_run() {
    let start = Instant::now();
    let beats = Visits::default();
    let heart = async {
        loop {
            sleep(ms(30)).await;
            beats.enter();
        }
    };
    let asked = tokio::select! {
        asked = fixed(third_time(), ms(50)) => asked,
        () = heart => unreachable!("it has no end"),
    };
    assert_eq!((asked, start.elapsed(), beats.came()), (3, ms(100), 3));
}

/// The first question comes before the first pause: if the answer is yes, nothing suspends.
#[tokio::test(start_paused = true)]
async fn what_is_ready_is_asked_once_and_not_waited_for() {
    assert_eq!(fixed(|| true, FOR_EVER).now_or_never(), Some(1));
    assert_eq!(broken(|| true, FOR_EVER).now_or_never(), Some(1));
}

/// asyncio: `sleep(inf)` waits until it is cancelled. Tokio: so does `sleep(Duration::MAX)`, without a panic.
#[tokio::test(start_paused = true)]
async fn a_pause_without_end_is_no_panic() {
    assert!(timeout(FOR_EVER, fixed(third_time(), Duration::MAX)).await.is_err());
}
