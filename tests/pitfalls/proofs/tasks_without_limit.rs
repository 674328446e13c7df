//! Proofs of the pattern `tasks_without_limit`.

use pitfalls::tasks_without_limit::fixed;

use crate::support::{alive_tasks, limit};
use crate::work::Visits;
use crate::work::handle;

/// asyncio: a cancelled `TaskGroup` cancels its tasks. Here: the dropped `JoinSet` aborts its tasks.
#[test]
fn cancelled_anywhere_it_leaves_no_task_behind() {
    let swept = cancel_sweep::sweep_with(
        || {
            let at_work = Visits::default();
            let inside = at_work.clone();
            let all = async move { fixed(0..5, limit(2), |item| handle(item, inside.clone())).await };
            (at_work, all)
        },
        |at_work, outcome| {
            assert!(at_work.now() == 0 && alive_tasks() == 0);
            assert!(at_work.came() == 5 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        },
    );
    assert!(swept.points >= 3);
}
