//! Proofs of the pattern `nested_runtime`.

use pitfalls::nested_runtime::fixed;

use crate::work::Visits;
use crate::work::nested_runtime::{ARTICLES, price};

/// asyncio: `CancelledError` at a price ends the loop. Tokio: a drop does; one await per article.
#[test]
fn cancelled_anywhere_it_asks_no_further_price() {
    let swept = cancel_sweep::sweep_with(
        || {
            let asked = Visits::default();
            let asking = asked.clone();
            let sum = fixed(ARTICLES, move |article| {
                asking.enter();
                price(article)
            });
            (asked, sum)
        },
        |asked, outcome| match outcome {
            cancel_sweep::Outcome::Finished(sum) => assert_eq!((sum, asked.came()), (7, 2)),
            cancel_sweep::Outcome::Cancelled(at) => assert_eq!(asked.came(), at.suspension),
        },
    );
    assert_eq!(swept.points, 2);
}
