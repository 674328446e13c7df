//! Proofs of the pattern `limits`.

use futures::FutureExt;
use http_client::limits::Limits;
use tokio::time::sleep;

use crate::support::limit;
use crate::work::{seconds, url};

/// Behaviour N07: a waiter that is cancelled at any point leaks no permit.
#[test]
fn a_request_cancelled_anywhere_gives_back_its_permits() {
    cancel_sweep::sweep_with(
        || {
            let limits = Limits::new(limit(1), limit(1));
            let ours = limits.clone();
            let work = async move {
                let (one, other) = (url("http://one/"), url("http://other/"));
                let busy = ours.permits(&one).await;
                tokio::spawn(async move {
                    sleep(seconds(1)).await;
                    drop(busy);
                });
                let waits_for_all = ours.permits(&other).await;
                tokio::spawn(async move {
                    sleep(seconds(1)).await;
                    drop(waits_for_all);
                });
                let _waits_for_both = ours.permits(&other).await;
                sleep(seconds(1)).await;
            };
            (limits, work)
        },
        |limits, _outcome| {
            assert_eq!(limits.free(), 1);
            for host in ["http://one/", "http://other/"] {
                assert!(limits.permits(&url(host)).now_or_never().is_some(), "{host} is free");
            }
        },
    );
}
