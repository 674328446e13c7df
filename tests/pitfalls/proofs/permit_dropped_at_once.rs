//! Proofs of the pattern `permit_dropped_at_once`.

use std::sync::Arc;

use pitfalls::permit_dropped_at_once::fixed;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::ms;

/// asyncio: `async with` releases when cancelled. Rust: a dropped waiter or holder leaves the count right.
#[test]
fn cancelled_anywhere_no_permit_is_lost() {
    let run = || {
        let seats = Arc::new(Semaphore::new(1));
        let (waiting, other) = (Arc::clone(&seats), Arc::clone(&seats));
        tokio::spawn(async move { fixed(&other, sleep(ms(50))).await });
        (seats, async move {
            yield_now().await;
            fixed(&waiting, sleep(ms(100))).await
        })
    };
    let swept = cancel_sweep::sweep_with(run, |seats, _| assert_eq!(seats.available_permits(), 1));
    assert_eq!(swept.points, 3, "the turn, the permit and the work");
}
