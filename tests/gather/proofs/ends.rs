//! Numbers and durations at their ends: zero, one and the greatest.

use std::num::NonZeroUsize;
use std::time::Duration;

use gather::bounded_in_order::bounded_in_order;
use gather::first_success::first_success;
use gather::wait::ReturnWhen::AllCompleted;
use gather::wait::wait;
use tokio::time::Instant;

use crate::support::{ms, soon};
use crate::work::ABC;
use crate::work::try_load;
use crate::work::wait::{spawn, waited};

/// With the greatest limit all start at once.
#[tokio::test(start_paused = true)]
async fn a_limit_at_its_ends() {
    for (limit, time) in [(NonZeroUsize::MIN, 600), (NonZeroUsize::MAX, 300)] {
        let (start, mut values) = (Instant::now(), Vec::new());
        let mut results = bounded_in_order(ABC, limit, try_load);
        while let Some(result) = soon(results.next()).await {
            values.push(result.unwrap());
        }
        assert_eq!((values, start.elapsed()), (vec!["a", "b", "c"], ms(time)));
    }
}

/// A limit of zero reports the tasks that are done; with the longest the wait lasts until all are done.
#[tokio::test(start_paused = true)]
async fn a_time_limit_at_its_ends() {
    for limit in [Duration::ZERO, Duration::from_nanos(1)] {
        assert_eq!(wait(&mut spawn(ABC), AllCompleted, Some(limit)).await, waited([], [0, 1, 2]));
    }
    assert_eq!(soon(wait(&mut spawn(ABC), AllCompleted, Some(Duration::MAX))).await, waited([0, 1, 2], []));
}

/// With a delay of zero all start together; with the longest the next one starts when one has failed.
#[tokio::test(start_paused = true)]
async fn a_delay_at_its_ends() {
    let attempts = || [("bad", 100), ("slow", 500), ("quick", 200)].map(try_load);
    for (delay, time, winner) in [
        (Duration::ZERO, 200, (2, "quick")),
        (Duration::from_nanos(1), 202, (2, "quick")),
        (Duration::MAX, 600, (1, "slow")),
    ] {
        let start = Instant::now();
        assert_eq!(soon(first_success(attempts(), delay)).await, Ok(winner));
        assert_eq!(start.elapsed(), ms(time));
    }
}
