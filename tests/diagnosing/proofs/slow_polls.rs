//! Proofs of the pattern `slow_polls`.

use diagnosing::slow_polls::report_slow_polls;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::{Count, ms};

/// A wrapper that keeps its work alive would break every timeout around it.
#[test]
fn a_drop_of_it_drops_the_work() {
    let swept = cancel_sweep::sweep_with(
        || {
            let dropped = Count::default();
            let guard = dropped.on_drop();
            let work = async move {
                let _guard = guard;
                sleep(ms(10)).await;
                yield_now().await;
            };
            (dropped, report_slow_polls(ms(3_600_000), |_| {}, work))
        },
        |dropped, _| assert_eq!(dropped.get(), 1),
    );
    assert_eq!(swept.points, 2);
}
