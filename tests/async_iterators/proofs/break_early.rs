//! Proofs of the pattern `break_early`.

use async_iterators::break_early::{first_match, holding};
use futures::StreamExt;
use futures::stream::{self};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::support::ms;
use crate::tools::sweep_loop;
use crate::work::break_early::numbers;

/// Dropped in the middle of a `next`, a search by value releases its guard; a lent stream keeps its items.
#[test]
fn a_cancelled_search_holds_no_permit_and_a_lent_stream_loses_no_item() {
    let swept = cancel_sweep::sweep_with(
        || {
            let limit: &Semaphore = Box::leak(Box::new(Semaphore::new(1)));
            let slowly = numbers(limit).then(async |number| {
                sleep(ms(10)).await;
                number
            });
            (limit, first_match(slowly, |number| *number == 3))
        },
        |limit, _| assert_eq!(limit.available_permits(), 1, "the permit is back"),
    );
    assert_eq!(swept.points, 3);
    let slowly = || {
        stream::iter(1..4).then(async |number| {
            sleep(ms(10)).await;
            number
        })
    };
    sweep_loop(move || holding((), slowly()), &[1, 2, 3]);
}
