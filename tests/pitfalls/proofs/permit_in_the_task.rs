//! Proofs of the pattern `permit_in_the_task`.

use std::sync::Arc;

use pitfalls::permit_in_the_task::fixed;
use tokio::sync::Semaphore;

use crate::support::alive_tasks;
use crate::work::Visits;
use crate::work::handle;

/// asyncio: a task cancelled before it starts never runs its `finally`. Here: its drop returns the permit.
#[test]
fn cancelled_anywhere_no_permit_is_lost_and_no_task_left() {
    let run = || {
        let permits = Arc::new(Semaphore::new(2));
        let working = Arc::clone(&permits);
        let all = async move { fixed(0..5, &working, |item| handle(item, Visits::default())).await };
        (permits, all)
    };
    let swept = cancel_sweep::sweep_with(run, |permits, _| {
        assert_eq!((permits.available_permits(), alive_tasks()), (2, 0));
    });
    assert!(swept.points >= 3);
}
