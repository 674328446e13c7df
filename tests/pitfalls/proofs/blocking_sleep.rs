//! Proofs of the pattern `blocking_sleep`.

use pitfalls::blocking_sleep::fixed;

use crate::support::ms;
use crate::work::Visits;
use crate::work::blocking_sleep::third_time;

/// asyncio: `CancelledError` at the `sleep` ends the loop. Tokio: a drop at either `sleep` ends it.
#[test]
fn cancelled_anywhere_it_asks_no_more() {
    let swept = cancel_sweep::sweep_with(
        || {
            let asked = Visits::default();
            let asking = asked.clone();
            let mut answer = third_time();
            let poll = fixed(
                move || {
                    asking.enter();
                    answer()
                },
                ms(50),
            );
            (asked, poll)
        },
        |asked, outcome| match outcome {
            cancel_sweep::Outcome::Finished(times) => assert_eq!((asked.came(), times), (3, 3)),
            cancel_sweep::Outcome::Cancelled(at) => assert_eq!(asked.came(), at.suspension),
        },
    );
    assert_eq!(swept.points, 2);
}
