//! Proofs of the pattern `spare_sender`.

use pitfalls::spare_sender::fixed;

use crate::support::alive_tasks;
use crate::work::spare_sender::{ITEMS, make};

/// The caller's future owns the `JoinSet`: its drop aborts every producer.
#[test]
fn cancelled_anywhere_no_producer_goes_on() {
    let swept = cancel_sweep::sweep(|| fixed(ITEMS.map(make)), |_| assert_eq!(alive_tasks(), 0));
    assert!(swept.points >= 2);
}
