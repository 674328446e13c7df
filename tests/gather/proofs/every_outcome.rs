//! Proofs of the pattern `every_outcome`.

use gather::every_outcome::every_outcome;

use crate::tools::sweep_three_loads;
use crate::work::ABC;

/// Dropped at any suspension, it has dropped every load.
#[test]
fn cancelled_anywhere_it_leaves_no_load_behind() {
    assert_eq!(sweep_three_loads(async |permits| drop(every_outcome(ABC, permits.loader()).await)), 3);
}
