//! Proofs of the pattern `deadline`.

use timeouts::deadline::Deadline;

use crate::support::{Count, ms};
use crate::work::load;

/// asyncio: a cancellation inside `timeout_at` reaches the work. Here: dropping the caller drops it.
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
            (dropped, async { Deadline::after("request", Some(ms(100))).run(work).await })
        },
        |dropped, _| assert_eq!(dropped.get(), 1),
    );
    assert_eq!(swept.points, 2);
}
