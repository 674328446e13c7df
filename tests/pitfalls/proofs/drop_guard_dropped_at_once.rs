//! Proofs of the pattern `drop_guard_dropped_at_once`.

use pitfalls::drop_guard_dropped_at_once::fixed;
use tokio_util::sync::CancellationToken;

use crate::work::drop_guard_dropped_at_once::work;

/// A future that was never polled has not made the guard: only its arguments are dropped.
#[test]
fn cancelled_anywhere_they_are_cancelled_once_it_has_begun() {
    let run = || {
        let helpers = CancellationToken::new();
        (helpers.clone(), fixed(helpers.clone(), work(helpers)))
    };
    let swept = cancel_sweep::sweep_with(run, |helpers, outcome| match outcome {
        cancel_sweep::Outcome::Cancelled(at) if at.suspension == 0 => assert!(!helpers.is_cancelled()),
        _ => assert!(helpers.is_cancelled()),
    });
    assert_eq!(swept.points, 1);
}
