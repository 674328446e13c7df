//! Proofs of the pattern `retry`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use error_handling::retry::retry;
use tokio::time::{Instant, sleep};

use crate::support::ms;
use crate::work::retry::{CallError, PAUSES, judge};

/// The hazard of one's own loop: a future that is cancelled in its pause must not make another attempt.
#[test]
fn a_cancelled_retry_makes_no_further_attempt() {
    let swept = cancel_sweep::sweep_with(
        || {
            let attempts = Arc::new(AtomicUsize::new(0));
            let counted = attempts.clone();
            let work = retry(
                PAUSES.with_max_times(2),
                Instant::now() + ms(9_000),
                judge,
                |_, _| {},
                move || {
                    counted.fetch_add(1, SeqCst);
                    async {
                        sleep(ms(10)).await;
                        Err::<(), _>(CallError::Busy)
                    }
                },
            );
            (attempts, work)
        },
        |attempts, outcome| {
            // Suspended in an attempt, in a pause, in an attempt ...
            let expected = match outcome {
                cancel_sweep::Outcome::Finished(_) => 3,
                cancel_sweep::Outcome::Cancelled(at) => at.suspension.div_ceil(2),
            };
            assert_eq!(attempts.load(SeqCst), expected);
        },
    );
    assert_eq!(swept.points, 5);
}
