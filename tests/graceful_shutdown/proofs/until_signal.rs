//! Proofs of the pattern `until_signal`.

use cancel_sweep::Outcome;
use graceful_shutdown::until_signal::{ServedUntil, serve_until};
use tokio::time::sleep;

use crate::support::{Count, ms};

/// Cancelled at any point: each task ends by its token or by itself, and each is dropped once.
#[test]
fn a_drop_of_it_cancels_and_loses_no_task() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (started, dropped, ended) = <(Count, Count, Count)>::default();
            let counts = (started.clone(), dropped.clone(), ended.clone());
            let accept = async move |tasks: tokio_util::task::TaskTracker,
                                     stopping: tokio_util::sync::CancellationToken| {
                loop {
                    let (guard, ended, stopping) = (counts.1.on_drop(), counts.2.clone(), stopping.clone());
                    tasks.spawn(async move {
                        let _guard = guard;
                        stopping.cancelled().await;
                        sleep(ms(50)).await;
                        ended.add();
                    });
                    counts.0.add();
                    sleep(ms(100)).await;
                }
            };
            let serving = async move { serve_until::<(), _>(sleep(ms(250)), ms(100), accept).await };
            ((started, dropped, ended), serving)
        },
        |(started, dropped, ended), outcome| {
            assert_eq!(dropped.get(), started.get(), "each is dropped, once");
            if let Outcome::Finished(served) = outcome {
                assert_eq!(served, ServedUntil { returned: None, left: 0 });
                assert_eq!((started.get(), ended.get()), (3, 3));
            }
        },
    );
    assert!(swept.points >= 4, "{swept:?}");
}
