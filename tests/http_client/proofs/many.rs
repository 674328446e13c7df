//! Proofs of the pattern `many`.

use std::sync::Arc;

use cancel_sweep::{At, Outcome};
use futures::FutureExt;
use http_client::many::Many;

use crate::work::many::{LIMITS, fetch, urls};

/// `next` in a `select!` loses no outcome: dropped at any await, the next call returns it.
#[test]
fn next_cancelled_anywhere_loses_no_outcome() {
    cancel_sweep::sweep_with(
        || {
            let many = Many::new(urls(&["slow", "one", "two"]), LIMITS, fetch);
            let shared = Arc::new(tokio::sync::Mutex::new((many, Vec::new())));
            let ours = Arc::clone(&shared);
            let work = async move {
                let mut shared = ours.lock().await;
                while let Some(outcome) = shared.0.next().await {
                    shared.1.push(outcome);
                }
            };
            (shared, work)
        },
        |shared, outcome| {
            if matches!(outcome, Outcome::Cancelled(At { suspension: 0, .. })) {
                return; // nothing had begun
            }
            // The runtime has settled: fetches that had begun are done, and `next` only has to return them.
            let mut shared = shared.try_lock().unwrap();
            while let Some(Some(outcome)) = shared.0.next().now_or_never() {
                shared.1.push(outcome);
            }
            assert_eq!(shared.1, ["one/1", "two/2", "slow/0"]);
        },
    );
}
