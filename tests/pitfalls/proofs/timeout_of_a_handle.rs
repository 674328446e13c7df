//! Proofs of the pattern `timeout_of_a_handle`.

use pitfalls::timeout_of_a_handle::fixed;

use crate::support::{alive_tasks, ms};
use crate::work::Visits;
use crate::work::timeout_of_a_handle::write_twice;

/// asyncio: cancelling `wait_for` cancels its task. Here: a drop does, even before the first poll.
#[test]
fn cancelled_anywhere_the_task_is_gone() {
    let run = || {
        let written = Visits::default();
        let task = tokio::spawn(write_twice(written.clone()));
        (written, fixed(task, ms(150)))
    };
    let swept = cancel_sweep::sweep_with(run, |written, _| {
        assert!(written.came() <= 1 && alive_tasks() == 0);
    });
    assert!(swept.points >= 2);
}
