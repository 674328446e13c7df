//! Proofs of the pattern `drain`.

use context_managers::drain::{drain, run_and_drain};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::support::{Log, ms};
use crate::work::drain::open_scope;

/// Cancelled at any point, the clean-ups run on.
#[test]
fn a_cancelled_drain_ends_no_clean_up() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (log, cleanups) = (Log::default(), TaskTracker::new());
            let scope = open_scope(cleanups.clone(), log.clone());
            (log, async move {
                let _cancelled = timeout(ms(10), scope).await;
                drain(&cleanups, ms(1_000)).await
            })
        },
        |log, outcome| match outcome {
            cancel_sweep::Outcome::Cancelled(cancel_sweep::At { suspension: 0, .. }) => {}
            _ => assert_eq!(log.take(), ["closed", "dropped"]),
        },
    );
    assert_eq!(swept.points, 2);
}

/// The same for a whole `main`.
#[test]
fn a_cancelled_main_is_cleaned_up() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Log::default();
            let inner = log.clone();
            (log, async move {
                run_and_drain(ms(1_000), async |cleanups| {
                    timeout(ms(10), open_scope(cleanups.clone(), inner)).await.is_err()
                })
                .await
            })
        },
        |log, outcome| match outcome {
            cancel_sweep::Outcome::Cancelled(cancel_sweep::At { suspension: 0, .. }) => {}
            _ => assert_eq!(log.take(), ["closed", "dropped"]),
        },
    );
    assert_eq!(swept.points, 2);
}
