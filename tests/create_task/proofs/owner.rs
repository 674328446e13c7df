//! Proofs of the pattern `owner`.

use create_task::owner::Outbox;

use crate::support::Entries;
use crate::work::owner::work;

/// Cancelled at any point, `close` loses no delivery.
#[test]
fn a_cancelled_close_loses_no_delivery() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (log, outbox) = (Entries::default(), Outbox::default());
            outbox.send(work(log.clone()));
            outbox.send(work(log.clone()));
            (log, outbox.close())
        },
        |log, _| assert_eq!(log.take(), ["finished", "dropped", "finished", "dropped"]),
    );
    assert!(swept.points >= 1);
}
