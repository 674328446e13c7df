//! Proofs of the pattern `owner`.

use event_loop::owner::Owner;
use tokio::time::sleep;

use crate::support::{Count, ms};

/// Cancelled at any point, the call has been carried out, or has been dropped, or never begins.
#[test]
fn a_cancelled_call_is_carried_out_or_dropped() {
    let swept = cancel_sweep::sweep_with(
        || {
            let ((begun, finished, dropped), calls) = (<(Count, Count, Count)>::default(), Count::default());
            let (owner, served) = Owner::here(calls);
            tokio::task::spawn_local(served);
            let (guard, counts) = (dropped.on_drop(), (begun.clone(), finished.clone()));
            let call = async move {
                // The owner is busy with another call first, so that this call also waits for its turn.
                let (first, _) = tokio::join!(
                    biased;
                    owner.call(async move |calls: &Count| {
                        let _guard = guard;
                        counts.0.add();
                        sleep(ms(10)).await;
                        calls.add();
                        counts.1.add();
                    }),
                    owner.call(async |calls: &Count| calls.add()),
                );
                owner.close().await;
                first
            };
            ((begun, finished, dropped), call)
        },
        |(begun, finished, dropped), outcome| {
            assert_eq!(dropped.get(), 1, "what the call owns is dropped, once");
            assert!(finished.get() <= begun.get());
            if let cancel_sweep::Outcome::Finished(result) = outcome {
                assert_eq!((result, begun.get(), finished.get()), (Ok(()), 1, 1));
            }
        },
    );
    assert!(swept.points >= 2, "{swept:?}");
}
