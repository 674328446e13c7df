//! Proofs of the pattern `budget`.

use std::sync::Arc;

use futures::FutureExt;
use tokio::time::sleep;

use crate::support::ms;
use crate::work::budget::budget;

/// A drop in the wait or in the work: all ten units are free afterwards.
#[test]
fn cancelled_anywhere_no_unit_is_lost() {
    let swept = cancel_sweep::sweep_with(
        || {
            let budget = Arc::new(budget(10));
            let (other, mine) = (budget.clone(), budget.clone());
            let mut held = Box::pin(async move {
                let _share = other.take(7).await.unwrap();
                sleep(ms(20)).await;
            });
            assert!(held.as_mut().now_or_never().is_none());
            tokio::spawn(held);
            (budget, async move {
                let _share = mine.take(5).await.unwrap();
                sleep(ms(10)).await;
            })
        },
        |budget, _| assert_eq!(budget.free(), 10),
    );
    assert_eq!(swept.points, 2);
}
