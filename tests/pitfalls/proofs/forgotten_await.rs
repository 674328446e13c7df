//! Proofs of the pattern `forgotten_await`.

use pitfalls::forgotten_await::{GreetingOutbox, fixed};

/// `greet` awaits nothing: zero suspensions, so no drop can come between its start and its end.
#[test]
fn without_a_suspension_there_is_nowhere_to_cancel_it() {
    let (one, all) = (GreetingOutbox::default(), GreetingOutbox::default());
    assert_eq!(cancel_sweep::sweep(|| one.greet("Ann"), |_| {}).points, 0);
    assert_eq!(cancel_sweep::sweep(|| fixed(&all, &["Ann", "Bob"]), |_| {}).points, 0);
    assert_eq!((one.sent().len(), all.sent().len()), (1, 2));
}
