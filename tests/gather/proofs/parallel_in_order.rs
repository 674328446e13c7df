//! Proofs of the pattern `parallel_in_order`.

use gather::parallel_in_order::parallel_in_order;

use crate::tools::sweep_three_loads;
use crate::work::ABC;

/// Dropped at any suspension, it has aborted every task.
#[test]
fn cancelled_anywhere_it_leaves_no_load_behind() {
    let points = sweep_three_loads(async |permits| drop(parallel_in_order(ABC, permits.loader()).await));
    assert_eq!(points, 1, "it waits for the first, which is the last to finish");
}
