//! Proofs of the pattern `join_is_not_parallel`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use pitfalls::join_is_not_parallel::fixed;

/// A thread cannot be interrupted: after a drop each sum was made once, or never began.
#[test]
fn cancelled_anywhere_each_sum_is_made_once_or_not_at_all() {
    let run = || {
        let computed = Arc::new([const { AtomicUsize::new(0) }; 3]);
        let computing = Arc::clone(&computed);
        (computed, fixed(0..3, move |input: usize| computing[input].fetch_add(1, SeqCst)))
    };
    cancel_sweep::sweep_with(run, |computed, outcome| {
        let times = computed.each_ref().map(|times| times.load(SeqCst));
        assert!(times.iter().all(|times| *times <= 1));
        assert!(times == [1; 3] || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
    });
}
