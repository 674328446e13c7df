//! Proofs of the pattern `burst_of_ticks`.

use pitfalls::burst_of_ticks::fixed;
use tokio::time::sleep;

use crate::support::ms;
use crate::work::Visits;
use crate::work::burst_of_ticks::TEN;

/// A drop may come at a tick or in the work; neither leaves anything that starts the next turn.
#[test]
fn cancelled_anywhere_no_further_turn_begins() {
    let run = || {
        let turns = Visits::default();
        let inside = turns.clone();
        (
            turns,
            fixed(TEN, 3, move |_| {
                inside.enter();
                sleep(ms(50))
            }),
        )
    };
    let swept = cancel_sweep::sweep_with(run, |turns, outcome| {
        assert!(turns.came() == 3 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
    });
    assert_eq!(swept.points, 5, "three turns, and two ticks that are waited for");
}
