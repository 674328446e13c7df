//! Proofs of the pattern `prefetch`.

use async_iterators::prefetch::prefetch;
use futures::StreamExt;

use crate::support::{Count, limit};
use crate::tools::sweep_loop;
use crate::work::prefetch::numbers;

/// A dropped `recv` takes nothing out of the channel: each item still comes, in order.
#[test]
fn a_cancelled_next_loses_no_item() {
    for ahead in [1, 2] {
        sweep_loop(move || prefetch(numbers(&Count::default()).take(4), limit(ahead)), &[1, 2, 3, 4]);
    }
}
