//! Proofs of the pattern `barrier`.

use std::sync::Arc;

use cancel_sweep::Outcome::{Cancelled, Finished};
use semaphores::barrier::Barrier;
use tokio::time::sleep;

use crate::support::{TWO, ms};

/// A wait that is cancelled before the last party has arrived does not count; later it counts. The others are released as
/// soon as there are enough, and never before.
#[test]
fn a_cancelled_wait_counts_only_if_the_last_has_come() {
    let swept = cancel_sweep::sweep_with(
        || {
            let barrier = Arc::new(Barrier::new(TWO));
            let (mine, others) = (barrier.clone(), barrier.clone());
            let other = tokio::spawn(async move {
                sleep(ms(10)).await;
                others.wait().await
            });
            ((barrier, other), async move { mine.wait().await })
        },
        |(barrier, other), outcome| {
            let has_been_there = match outcome {
                Finished(met) => {
                    assert_eq!(met, Ok(0));
                    true
                }
                Cancelled(at) => at.woken,
            };
            assert_eq!(
                (other.is_finished(), barrier.waiting()),
                (has_been_there, usize::from(!has_been_there))
            );
        },
    );
    assert_eq!(swept.points, 1);
}
