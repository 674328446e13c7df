//! Proofs of the pattern `interrupt`.

use cancel_sweep::Outcome;
use graceful_shutdown::interrupt::{MainEnded, interruptible};
use tokio_util::sync::CancellationToken;

use crate::support::Count;
use crate::work::interrupt::main;
use crate::work::signals_at;

/// Cancelled at any point: main is dropped, once, and the tokens of what it has started are cancelled.
#[test]
fn a_drop_of_it_drops_main_and_tells_the_rest() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (dropped, told) = (Count::default(), Count::default());
            let (guard, tells) = (dropped.on_drop(), told.clone());
            let started = |cancel: CancellationToken| async move {
                let _guard = guard;
                let child = cancel.clone();
                tokio::spawn(async move {
                    child.cancelled().await;
                    tells.add();
                });
                main(cancel).await
            };
            ((dropped, told), async move { interruptible(signals_at([300]), started).await })
        },
        |(dropped, told), outcome| {
            let was_polled = match outcome {
                Outcome::Finished(ended) => {
                    assert_eq!(ended, MainEnded::Interrupted(300, "cleaned up"));
                    true
                }
                Outcome::Cancelled(at) => at.suspension > 0,
            };
            assert_eq!((dropped.get(), told.get()), (1, usize::from(was_polled)));
        },
    );
    assert!(swept.points >= 2, "{swept:?}");
}
