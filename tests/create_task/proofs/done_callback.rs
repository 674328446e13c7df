//! Proofs of the pattern `done_callback`.

use create_task::done_callback::Announced;

use crate::support::Entries;
use crate::work::done_callback::tells;
use crate::work::load;

/// A join that was given up takes no callback with it.
#[test]
fn a_cancelled_join_leaves_every_callback_to_be_called_once() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Entries::default();
            let task = Announced::new(tokio::spawn(load(("a", 100))));
            task.add_done_callback(tells(&log));
            (log, task.join())
        },
        |log, _| assert_eq!(log.take(), ["value"]),
    );
    assert_eq!(swept.points, 1);
}
