//! Lessons of the pattern `queue_without_limit`.

use std::cell::RefCell;

use pitfalls::queue_without_limit::{broken, fixed};
use tokio::time::Instant;

use crate::support::{limit, ms};
use crate::work::Visits;
use crate::work::queue_without_limit::handle;

/// A thousand items. Each is counted from when it is made until it is handled.
fn items(waiting: &Visits) -> impl Iterator<Item = usize> + use<> {
    let waiting = waiting.clone();
    (0..1_000).inspect(move |_| waiting.enter())
}

/// asyncio: `Queue()` has no limit. Tokio: `unbounded_channel` has no limit.
#[tokio::test(start_paused = true)]
async fn but_a_producer_that_is_quicker_fills_the_memory() {
    let waiting = Visits::default();
    broken(items(&waiting), |item| handle(item, &waiting)).await;
    assert_eq!((waiting.most(), waiting.now()), (1_000, 0));
}

/// Items wait in the queue; the consumer and the producer each hold one more.
#[tokio::test(start_paused = true)]
async fn with_a_limit_the_producer_waits() {
    for bound in [1, 10, 500] {
        let (waiting, start) = (Visits::default(), Instant::now());
        fixed(items(&waiting), limit(bound), |item| handle(item, &waiting)).await;
        assert_eq!((waiting.most(), waiting.now(), start.elapsed()), (bound + 2, 0, ms(10_000)));
    }
}

/// asyncio: a `Queue` is FIFO. Tokio: so is `mpsc`; with seven slots ten thousand items keep their order.
#[tokio::test(start_paused = true)]
async fn of_nothing_it_ends_at_once_and_the_order_is_kept() {
    let handled = RefCell::new(Vec::new());
    fixed([0; 0], limit(1), async |_| panic!("there is none")).await;
    fixed(0..10_000, limit(7), async |item| handled.borrow_mut().push(item)).await;
    assert_eq!(handled.into_inner(), (0..10_000).collect::<Vec<_>>());
}
