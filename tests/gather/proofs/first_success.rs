//! Proofs of the pattern `first_success`.

use gather::first_success::first_success;

use crate::support::ms;
use crate::tools::sweep_three_loads;

/// Dropped at any suspension, it has dropped every attempt.
#[test]
fn cancelled_anywhere_it_leaves_no_attempt_behind() {
    let points = sweep_three_loads(async |permits| {
        drop(first_success([("a", 300), ("bad", 100), ("c", 200)].map(permits.loader()), ms(50)).await);
    });
    assert!(points >= 4, "two delays, a failure, a success: {points}");
}
