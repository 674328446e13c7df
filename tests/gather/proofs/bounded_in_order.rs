//! Proofs of the pattern `bounded_in_order`.

use std::sync::Arc;

use futures::FutureExt;
use gather::bounded_in_order::bounded_in_order;
use tokio::time::sleep;

use crate::support::TWO;
use crate::support::ms;

/// Cancelled anywhere between start and end and then called again, it returns every result once, in order.
#[test]
fn a_cancelled_next_loses_no_result() {
    use tokio::sync::Mutex;
    let swept = cancel_sweep::sweep_with(
        || {
            let work = |n: u64| async move {
                sleep(ms(10 * (5 - n))).await;
                Ok::<_, String>(n)
            };
            let results = Arc::new(Mutex::new((bounded_in_order(0..5, TWO, work), Vec::new())));
            let reader = results.clone();
            (results, async move {
                let mut guard = reader.lock().await;
                let (results, seen) = &mut *guard;
                while let Some(result) = results.next().await {
                    seen.push(result.unwrap());
                }
            })
        },
        |results, _| {
            let mut guard = results.try_lock().expect("the cancelled reader has let go");
            let (results, seen) = &mut *guard;
            while let Some(Some(result)) = results.next().now_or_never() {
                seen.push(result.unwrap());
            }
            assert!(seen.iter().copied().eq(0..seen.len() as u64), "in order and without a gap: {seen:?}");
        },
    );
    assert!(swept.points >= 3);
}
