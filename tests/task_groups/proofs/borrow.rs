//! Proofs of the pattern `borrow`.

use task_groups::borrow::reachable;
use tokio::time::sleep;

use crate::support::ms;
use crate::work::Life;

/// Dropped at any point, no child is left, and there is nothing to wait for.
#[test]
fn dropped_at_any_point_no_child_is_left() {
    let swept = cancel_sweep::sweep_with(
        || {
            let life = Life::default();
            (life.clone(), async move {
                let links = async |n: u64| {
                    let _life = life.begin();
                    sleep(ms(10 * (n + 1))).await;
                    Ok::<_, ()>(if n < 5 { vec![n + 1, n + 2] } else { vec![] })
                };
                reachable(0, links).await
            })
        },
        |life, outcome| {
            assert_eq!(life.begun.get(), life.ended.get());
            if let cancel_sweep::Outcome::Finished(found) = outcome {
                assert_eq!((found.map(|found| found.len()), life.get()), (Ok(7), (7, 7)));
            }
        },
    );
    assert!(swept.points >= 5);
}
