//! Numbers and durations at their ends: zero, one and the greatest.

use std::num::NonZeroUsize;
use std::time::Duration;

use context_managers::drain::{StillOpen, drain, run_and_drain};
use context_managers::drop_guard::Seats;
use context_managers::transaction::Pool;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::support::{ms, soon};
use crate::work::transaction::Fake;

/// With a grace period of zero it does not wait; with the longest it waits until all is over.
#[tokio::test(start_paused = true)]
async fn a_grace_period_at_its_ends() {
    for (grace, left) in [(Duration::ZERO, 1), (Duration::from_nanos(1), 1), (Duration::MAX, 0)] {
        let expected = if left == 0 { Ok(()) } else { Err(StillOpen(left)) };
        let cleanups = TaskTracker::new();
        assert_eq!(soon(drain(&cleanups, grace)).await, Ok(()));
        cleanups.spawn(sleep(ms(100)));
        assert_eq!(soon(drain(&cleanups, grace)).await, expected);
        let (_, drained) =
            soon(run_and_drain(grace, async |cleanups| drop(cleanups.spawn(sleep(ms(100)))))).await;
        assert_eq!(drained, expected);
    }
}

/// A pool of any size opens as many connections as are used.
#[tokio::test(start_paused = true)]
async fn a_pool_at_its_ends() {
    for size in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        let database = Fake::new(None);
        let pool = Pool::new(database, size, &TaskTracker::new());
        assert_eq!(soon(pool.transaction(async |on| Ok(on.number))).await, Ok(1));
        assert_eq!(pool.idle(), 1);
    }
}

/// Any numbers name seats.
#[test]
fn seats_have_any_numbers() {
    let seats = Seats::new([0, 1, u32::MAX]);
    let taken: Vec<_> = std::iter::from_fn(|| seats.take().map(|seat| seat.keep())).collect();
    assert_eq!(taken, [0, 1, u32::MAX]);
}
