//! Proofs of the pattern `queue_without_limit`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use pitfalls::queue_without_limit::fixed;
use tokio::time::sleep;

use crate::support::{limit, ms};

/// Producer and consumer are one future: a drop ends both, and the handled items are a prefix.
#[test]
fn cancelled_anywhere_each_item_is_handled_once_or_dropped() {
    let run = || {
        let handled = Arc::new([const { AtomicUsize::new(0) }; 4]);
        let handling = Arc::clone(&handled);
        let handle = move |item: usize| {
            let handling = Arc::clone(&handling);
            async move {
                sleep(ms(10)).await;
                handling[item].fetch_add(1, SeqCst);
            }
        };
        (handled, fixed(0..4, limit(1), handle))
    };
    let swept = cancel_sweep::sweep_with(run, |handled, outcome| {
        let times = handled.each_ref().map(|times| times.load(SeqCst));
        assert!(times.is_sorted_by(|earlier, later| earlier >= later) && times[0] <= 1);
        assert!(times == [1; 4] || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
    });
    assert!(swept.points >= 4);
}
