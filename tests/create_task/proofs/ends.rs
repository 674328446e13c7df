//! Numbers and durations at their ends: zero, one and the greatest.

use std::time::Duration;

use create_task::owner::Refreshed;
use tokio::task::yield_now;

use crate::support::Count;

/// With a pause of zero the value is loaded again and again, and other tasks have turns; the longest pause never ends.
///
/// On real time: a paused clock does not advance for a task that is always ready.
#[tokio::test]
async fn a_pause_at_its_ends() {
    for (pause, loads) in [(Duration::ZERO, true), (Duration::from_nanos(1), true), (Duration::MAX, false)] {
        let count = Count::default();
        let counts = count.clone();
        let value = Refreshed::new(1, pause, move || {
            counts.add();
            std::future::ready(2)
        });
        for _ in 0..100 {
            yield_now().await;
        }
        while loads && value.get() != 2 {
            yield_now().await;
        }
        assert_eq!((value.get() == 2, count.get() > 0, value.is_kept_fresh()), (loads, loads, true));
    }
}
