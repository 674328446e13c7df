//! Proofs of the pattern `spawn_outside_a_runtime`.

use pitfalls::spawn_outside_a_runtime::fixed;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::support::{alive_tasks, ms};

/// asyncio: cancelling `await task` cancels the task. Here: the dropped `AbortOnDropHandle` aborts it.
#[test]
fn a_cancelled_total_ends_the_task() {
    let run = || {
        let counter = fixed(&Handle::current());
        let held = counter.count_one.clone();
        tokio::spawn(async move {
            sleep(ms(10)).await;
            drop(held);
        });
        ((), counter.total())
    };
    cancel_sweep::sweep_with(run, |(), _| assert_eq!(alive_tasks(), 0));
}
