//! Proofs of the pattern `batch`.

use std::sync::Arc;

use futures::FutureExt;
use queues::batch::Batches;

use crate::support::{Entries, THREE, ms};
use crate::work::batch::at;

/// Of two calls of `next` one is cancelled at any point. Together they receive every item once, in order.
#[test]
fn cancelled_anywhere_it_loses_no_item() {
    let swept = cancel_sweep::sweep_with(
        || {
            let events = at([(10, 1), (20, 2), (30, 3), (40, 4), (200, 5), (250, 6), (400, 7)]);
            let received = Entries::new();
            let batches = Arc::new(tokio::sync::Mutex::new(Batches::new(events, THREE, ms(100))));
            let state = (batches.clone(), received.clone());
            (state, async move {
                let mut batches = batches.lock().await;
                while let Some(batch) = batches.next().await {
                    received.add(batch);
                }
            })
        },
        |(batches, received), _| {
            let mut batches = batches.try_lock().expect("the cancelled one has let go");
            while let Some(Some(batch)) = batches.next().now_or_never() {
                received.add(batch);
            }
            assert_eq!(received.take().concat(), [1, 2, 3, 4, 5, 6, 7]);
        },
    );
    assert!(swept.points >= 7, "{swept:?}");
}
