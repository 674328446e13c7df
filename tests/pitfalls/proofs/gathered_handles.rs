//! Proofs of the pattern `gathered_handles`.

use pitfalls::gathered_handles::fixed;

use crate::support::alive_tasks;
use crate::work::Visits;
use crate::work::gathered_handles::save;

/// asyncio: a cancelled `gather` cancels its children. Here: the dropped `JoinSet` aborts its tasks.
#[test]
fn cancelled_anywhere_nobody_is_at_work() {
    let run = || {
        let saved = Visits::default();
        let saving = saved.clone();
        let all =
            fixed([("a", 100), ("b", 200), ("bad", 300), ("c", 400)], move |job| save(job, saving.clone()));
        (saved, all)
    };
    let swept = cancel_sweep::sweep_with(run, |saved, outcome| {
        assert_eq!(alive_tasks(), 0);
        assert!(saved.came() == 2 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
    });
    assert!(swept.points >= 3);
}
