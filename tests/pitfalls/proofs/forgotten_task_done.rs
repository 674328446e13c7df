//! Proofs of the pattern `forgotten_task_done`.

use pitfalls::forgotten_task_done::fixed;

use crate::support::alive_tasks;
use crate::work::Visits;
use crate::work::forgotten_task_done::handle;

/// asyncio: a worker task outlives a cancelled producer. Here: its `AbortOnDropHandle` aborts it.
#[test]
fn cancelled_anywhere_it_ends_the_worker() {
    let swept = cancel_sweep::sweep_with(
        || {
            let done = Visits::default();
            let inside = done.clone();
            (done, async move {
                fixed([vec!["good", "bad"], vec!["good"]], handle, drop, || inside.enter()).await;
            })
        },
        |done, outcome| {
            assert_eq!(alive_tasks(), 0);
            assert!(done.came() == 2 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        },
    );
    assert!(swept.points >= 2);
}
