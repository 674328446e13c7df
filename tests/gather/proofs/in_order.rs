//! Proofs of the pattern `in_order`.

use gather::in_order::in_order;

use crate::tools::sweep_three_loads;
use crate::work::ABC;

/// Dropped at any suspension, it has dropped every load.
#[test]
fn cancelled_anywhere_it_leaves_no_load_behind() {
    assert_eq!(sweep_three_loads(async |permits| drop(in_order(ABC, permits.loader()).await)), 3);
}
