//! Proofs of the pattern `fail_fast`.

use gather::fail_fast::{or_drop_the_rest, or_let_the_rest_run};

use crate::tools::sweep_three_loads;
use crate::work::ABC;

/// Dropped at any suspension, both have ended every load.
#[test]
fn cancelled_anywhere_they_leave_no_load_behind() {
    let points = sweep_three_loads(async |permits| drop(or_drop_the_rest(ABC, permits.loader()).await));
    assert_eq!(points, 3);
    let points = sweep_three_loads(async |permits| drop(or_let_the_rest_run(ABC, permits.loader()).await));
    assert_eq!(points, 3);
}
