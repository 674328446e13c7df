//! Proofs of the pattern `lock_across_await`.

use std::sync::{Arc, Mutex};

use pitfalls::lock_across_await::fixed;

use crate::work::lock_across_await::price;

/// The only await comes before the lock: a drop there finds the sum unchanged and the lock free.
#[test]
fn cancelled_anywhere_it_holds_no_lock_and_adds_all_or_nothing() {
    let run = || {
        let sum = Arc::new(Mutex::new(1));
        let adding = Arc::clone(&sum);
        (sum, async move { fixed(&adding, price()).await })
    };
    let swept = cancel_sweep::sweep_with(run, |sum, outcome| {
        let expected = if matches!(outcome, cancel_sweep::Outcome::Finished(())) { 11 } else { 1 };
        assert_eq!(*sum.try_lock().unwrap(), expected);
    });
    assert_eq!(swept.points, 1);
}
