//! Lessons of the pattern `permit_dropped_at_once`.

use futures::future::join_all;
use pitfalls::permit_dropped_at_once::{broken, fixed};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use crate::support::ms;
use crate::work::{FOR_EVER, Visits};

async fn sit(seated: &Visits) {
    let _seated = seated.during();
    sleep(ms(100)).await;
}

/// asyncio: after `await semaphore.acquire()` the permit is held until `release()`. Rust: `_` holds no value.
#[tokio::test(start_paused = true)]
async fn but_a_permit_that_is_given_to_an_underscore_limits_nothing() {
    let (seats, seated) = (Semaphore::new(1), Visits::default());
    let all = join_all((0..3).map(|_| broken(&seats, sit(&seated)))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(seated.most(), 3);
}

/// asyncio: `async with semaphore` holds to the end of its block. Rust: so does a permit in `_permit`.
#[tokio::test(start_paused = true)]
async fn a_permit_with_a_name_holds_to_the_end_of_the_work() {
    let (seats, seated, start) = (Semaphore::new(1), Visits::default(), Instant::now());
    let all = join_all((0..3).map(|_| fixed(&seats, sit(&seated)))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!((seated.most(), start.elapsed(), seats.available_permits()), (1, ms(300), 1));
}

/// asyncio: a `Semaphore` has no `close`. Tokio: after `close`, `acquire` fails and no work is polled.
#[tokio::test(start_paused = true)]
async fn with_no_permit_it_waits_and_with_a_closed_semaphore_the_work_is_not_begun() {
    let (seats, seated) = (Semaphore::new(0), Visits::default());
    assert!(timeout(FOR_EVER, fixed(&seats, sit(&seated))).await.is_err());
    seats.close();
    assert!(fixed(&seats, sit(&seated)).await.is_err());
    assert_eq!(seated.came(), 0);
}
