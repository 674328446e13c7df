//! Proofs of the pattern `one_after_the_other`.

use pitfalls::one_after_the_other::fixed;

use crate::work::Visits;
use crate::work::one_after_the_other::{PAGES, fetch};

/// asyncio: a cancelled `gather` cancels its children. Tokio: `try_join_all` owns its futures and drops them.
#[test]
fn cancelled_anywhere_no_fetch_goes_on() {
    let swept = cancel_sweep::sweep_with(
        || {
            let under_way = Visits::default();
            let fetches = under_way.clone();
            let all = fixed(PAGES, move |page| {
                let under_way = fetches.during();
                async move {
                    let fetched = fetch(page).await;
                    drop(under_way);
                    fetched
                }
            });
            (under_way, all)
        },
        |under_way, _| assert_eq!(under_way.now(), 0),
    );
    assert_eq!(swept.points, 3);
}
