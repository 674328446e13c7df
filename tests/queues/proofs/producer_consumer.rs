//! Proofs of the pattern `producer_consumer`.

use cancel_sweep::Outcome::Finished;
use queues::producer_consumer::produce_and_consume;
use tokio::time::sleep;

use crate::support::{Entries, TWO, alive_tasks, ms};
use crate::work::producer_consumer::produce;

/// Cancelled at any point, it leaves no task behind, and no item was consumed twice or out of order.
#[test]
fn cancelled_anywhere_it_leaves_nothing_behind() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Entries::new();
            let consumed = log.clone();
            let consume = move |item| {
                let consumed = consumed.clone();
                async move {
                    sleep(ms(10)).await;
                    consumed.add(item);
                }
            };
            (log, produce_and_consume(TWO, |queue| produce(6, queue), [consume]))
        },
        |log, outcome| {
            let consumed = log.take();
            assert!(consumed.iter().copied().eq(1..=consumed.len() as u32), "{consumed:?}");
            if let Finished(produced) = outcome {
                assert_eq!((produced, consumed.len()), (Ok(()), 6));
            }
            assert_eq!(alive_tasks(), 0);
        },
    );
    assert!(swept.points >= 4, "{swept:?}");
}
