//! Proofs of the pattern `retry`.

use http_client::retry::{Verdict, retry};
use std::sync::Arc;
use tokio::time::sleep;

use crate::work::retry::POLICY;
use crate::work::seconds;

/// Wherever it is dropped, the attempt under way is dropped with it and no other begins.
#[test]
fn cancelled_anywhere_it_leaves_nothing_behind() {
    cancel_sweep::sweep_with(
        || {
            let permits = Arc::new(tokio::sync::Semaphore::new(1));
            let ours = Arc::clone(&permits);
            let work = async move {
                let attempt = || async {
                    let permit = Arc::clone(&ours).acquire_owned().await.unwrap();
                    sleep(seconds(1)).await;
                    permit
                };
                drop(retry(POLICY, || 1.0, |_| Verdict::Again, attempt).await);
            };
            (permits, work)
        },
        |permits, _outcome| assert_eq!(permits.available_permits(), 1),
    );
}
