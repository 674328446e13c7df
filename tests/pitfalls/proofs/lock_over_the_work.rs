//! Proofs of the pattern `lock_over_the_work`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use pitfalls::lock_over_the_work::fixed;
use tokio::time::sleep;

use crate::support::{limit, ms};
use crate::work::lock_over_the_work::jobs;

/// A drop loses the jobs in the workers' hands; no job ever has two workers.
#[test]
fn cancelled_anywhere_no_job_is_handled_twice() {
    let run = || {
        let handled = Arc::new([const { AtomicUsize::new(0) }; 4]);
        let handling = Arc::clone(&handled);
        let handle = move |job: usize| {
            let handling = Arc::clone(&handling);
            async move {
                sleep(ms(10)).await;
                handling[job].fetch_add(1, SeqCst);
            }
        };
        (handled, fixed(jobs(4), limit(2), handle))
    };
    let swept = cancel_sweep::sweep_with(run, |handled, outcome| {
        let times = handled.each_ref().map(|times| times.load(SeqCst));
        assert!(times.iter().all(|times| *times <= 1));
        assert!(times == [1; 4] || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
    });
    assert!(swept.points >= 2);
}
