//! Proofs of the pattern `yielding`.

use std::num::NonZeroUsize;

use async_await::yielding::{search, search_on_budget};

use crate::work::yielding::{lines, n};

/// The search can be cancelled where it yields, and nowhere else.
#[test]
fn a_search_can_be_cancelled_where_it_yields() {
    let swept = cancel_sweep::sweep(|| search(lines(3_000), "needle", n(1_000)), |_| {});
    assert_eq!(swept.points, 3);
    let swept = cancel_sweep::sweep(|| search(lines(3_000), "needle", NonZeroUsize::MAX), |_| {});
    assert_eq!(swept.points, 0);
    let swept = cancel_sweep::sweep(|| search_on_budget(lines(1_000), "needle"), |_| {});
    assert_eq!(swept.points, 1_000 / 128, "a turn is 128 operations");
}
