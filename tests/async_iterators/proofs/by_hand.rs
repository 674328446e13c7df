//! Proofs of the pattern `by_hand`.

use async_iterators::by_hand::Countdown;

use crate::support::ms;
use crate::tools::sweep_loop;

/// The state is in the stream and not in the future of `next`, so dropping that future skips no number.
#[test]
fn a_cancelled_next_loses_no_number() {
    sweep_loop(|| Countdown::new(3, ms(100)), &[3, 2, 1]);
}
