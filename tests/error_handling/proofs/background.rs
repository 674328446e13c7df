//! Proofs of the pattern `background`.

use crate::work::background::{Heard, taken, work};

/// Dropped at any suspension, the work is cancelled; after its end the failure is taken or reported.
#[test]
fn a_cancelled_wait_reports_a_failure_once_or_not_at_all() {
    let swept = cancel_sweep::sweep_with(
        || {
            let heard = Heard::default();
            (heard.clone(), work("bad", 100, &heard))
        },
        |heard, outcome| {
            let finished = matches!(outcome, cancel_sweep::Outcome::Finished(_));
            drop(outcome);
            assert_eq!(taken(&heard).len(), usize::from(finished));
        },
    );
    assert_eq!(swept.points, 1);
}
