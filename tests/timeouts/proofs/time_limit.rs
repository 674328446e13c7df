//! Proofs of the pattern `time_limit`.

use timeouts::time_limit::time_limit;

use crate::support::{Count, ms};
use crate::work::load;

/// asyncio: cancelling `wait_for` cancels its work. Tokio: dropping `timeout` drops its work.
#[test]
fn dropped_anywhere_it_drops_the_work_with_it() {
    let swept = cancel_sweep::sweep_with(
        || {
            let dropped = Count::default();
            let guard = dropped.on_drop();
            let work = async move {
                let _guard = guard;
                load("one", 10).await?;
                load("two", 10).await
            };
            (dropped, time_limit(Some(ms(100)), work))
        },
        |dropped, _| assert_eq!(dropped.get(), 1),
    );
    assert_eq!(swept.points, 2);
}
