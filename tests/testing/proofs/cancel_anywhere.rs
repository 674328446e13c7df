//! Proofs: `cancel_anywhere`.

use cancel_sweep::sweep_with;
use testing::cancel_anywhere::cancel_anywhere;
use tokio::time::sleep;

use crate::support::{Count, ms};

/// Dropped anywhere, it drops the run that is under way.
#[test]
fn dropped_anywhere_the_run_is_dropped() {
    let swept = sweep_with(
        || {
            let (begun, ended) = (Count::default(), Count::default());
            let counts = (begun.clone(), ended.clone());
            (counts, async move {
                let work = async || {
                    begun.add();
                    let _left = ended.on_drop();
                    sleep(ms(10)).await;
                    sleep(ms(10)).await;
                };
                cancel_anywhere(work, |_at| ()).await
            })
        },
        |(begun, ended), _outcome| assert_eq!(begun.get(), ended.get()),
    );
    assert_eq!(swept.points, 3, "the second run waits once, the third one twice");
}
