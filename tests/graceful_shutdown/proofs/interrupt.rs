//! Proofs of the pattern `interrupt`.

use cancel_sweep::Outcome;
use graceful_shutdown::interrupt::{MainEnded, interruptible};
use tokio_util::sync::CancellationToken;

use crate::support::Count;
use crate::work::interrupt::main;
use crate::work::signals_at;

/// Cancelled at any point, main is dropped once, and the tokens of its tasks are cancelled.
#[test]
fn a_drop_of_it_drops_main_and_tells_the_rest() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (dropped, cancelled) = (Count::default(), Count::default());
            let (guard, counted) = (dropped.on_drop(), cancelled.clone());
            let started = |cancel: CancellationToken| async move {
                let _guard = guard;
                let child = cancel.clone();
                tokio::spawn(async move {
                    child.cancelled().await;
                    counted.add();
                });
                main(cancel).await
            };
            ((dropped, cancelled), async move { interruptible(signals_at([300]), started).await })
        },
        |(dropped, cancelled), outcome| {
            let was_polled = match outcome {
                Outcome::Finished(ended) => {
                    assert_eq!(ended, MainEnded::Interrupted(300, "cleaned up"));
                    true
                }
                Outcome::Cancelled(at) => at.suspension > 0,
            };
            assert_eq!((dropped.get(), cancelled.get()), (1, usize::from(was_polled)));
        },
    );
    assert!(swept.points >= 2, "{swept:?}");
}
