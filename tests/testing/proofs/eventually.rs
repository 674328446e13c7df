//! Proofs: `eventually`.

use cancel_sweep::sweep;
use testing::eventually::eventually;

use crate::support::ms;

/// It keeps nothing: dropped anywhere, there is nothing to give back. Seven looks are six pauses.
#[test]
fn dropped_anywhere_it_keeps_nothing() {
    let mut runs = 0;
    let swept = sweep(
        || {
            runs += 1;
            let mut looks = 0;
            eventually(ms(1_000), move || {
                looks += 1;
                looks == 7
            })
        },
        |_outcome| {},
    );
    assert_eq!((swept.points, runs), (6, 14));
}
