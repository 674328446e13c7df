//! Proofs of the pattern `rate_limit`.

use std::sync::Arc;

use cancel_sweep::Outcome::{Cancelled, Finished};
use tokio::time::{Instant, sleep};

use crate::support::{Entries, ms};
use crate::work::rate_limit::rate;

/// A dropped waiter uses up no turn: the last in line then passes 100 ms earlier.
#[test]
fn cancelled_anywhere_it_has_used_up_one_or_nothing() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (start, limit) = (Instant::now(), Arc::new(rate(1, 100)));
            let (mine, other) = (limit.clone(), limit.clone());
            let log = Entries::new();
            let passed = log.clone();
            tokio::spawn(async move {
                other.until_ready().await;
                other.until_ready().await; // the first in line
                sleep(ms(1)).await;
                other.until_ready().await; // and the last
                passed.add(start.elapsed());
            });
            (log, async move {
                sleep(ms(50)).await;
                mine.until_ready().await;
            })
        },
        |log, outcome| match outcome {
            Finished(()) => assert_eq!(log.take(), [ms(300)]),
            Cancelled(_) => {
                assert_eq!(log.take(), [ms(200)], "its place is free, and nothing is used up")
            }
        },
    );
    assert_eq!(swept.points, 3, "a sleep of its own, the turn, and the time");
}
