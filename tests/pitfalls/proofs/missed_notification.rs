//! Proofs of the pattern `missed_notification`.

use pitfalls::missed_notification::fixed;

use crate::support::alive_tasks;
use crate::work::missed_notification::millis;

/// asyncio: a background task outlives a cancelled caller. Here: its `AbortOnDropHandle` aborts it.
#[test]
fn cancelled_anywhere_the_preparation_ends() {
    for (prepare, meanwhile) in [(100, 200), (200, 100)] {
        let run = || fixed(millis(prepare), millis(meanwhile));
        cancel_sweep::sweep(run, |_| assert_eq!(alive_tasks(), 0));
    }
}
