//! Proofs of the pattern `retry`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use error_handling::retry::{Policy, Verdict, retry, retry_outcome};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::support::ms;
use crate::work::retry::{CallError, POLICY, SECONDS, judge};

/// A future that is cancelled in its pause must not make another attempt.
#[test]
fn a_cancelled_retry_makes_no_further_attempt() {
    let swept = cancel_sweep::sweep_with(
        || {
            let attempts = Arc::new(AtomicUsize::new(0));
            let counted = attempts.clone();
            let attempt = move || {
                counted.fetch_add(1, SeqCst);
                async {
                    sleep(ms(10)).await;
                    Err::<(), _>(CallError::Busy)
                }
            };
            (attempts, retry(Policy { attempts: 3, ..POLICY }, attempt, judge))
        },
        |attempts, outcome| {
            // Suspended in an attempt, then in a pause, then in an attempt, and so on.
            let expected = match outcome {
                cancel_sweep::Outcome::Finished(_) => 3,
                cancel_sweep::Outcome::Cancelled(at) => at.suspension.div_ceil(2),
            };
            assert_eq!(attempts.load(SeqCst), expected);
        },
    );
    assert_eq!(swept.points, 5);
}

/// Wherever it is dropped, the attempt under way is dropped with it and no other begins.
#[test]
fn cancelled_anywhere_it_leaves_nothing_behind() {
    cancel_sweep::sweep_with(
        || {
            let permits = Arc::new(Semaphore::new(1));
            let ours = Arc::clone(&permits);
            let work = async move {
                let attempt = || async {
                    let permit = Arc::clone(&ours).acquire_owned().await.unwrap();
                    sleep(ms(1_000)).await;
                    permit
                };
                drop(retry_outcome(SECONDS, attempt, |_| Verdict::Again, |_, _| {}).await);
            };
            (permits, work)
        },
        |permits, _outcome| assert_eq!(permits.available_permits(), 1),
    );
}
