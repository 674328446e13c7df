//! Proofs of the pattern `consume`.

use async_iterators::consume::{in_order, out_of_order};
use futures::stream::{self};

use crate::support::limit;
use crate::tools::sweep_loop;
use crate::work::consume::work;

/// Finished work waits in the stream: the future of `next` takes no result with it.
#[test]
fn a_cancelled_next_loses_no_result() {
    let source = || stream::iter([("a", 300), ("b", 100), ("c", 250), ("d", 100)]);
    sweep_loop(move || in_order(source(), limit(2), work), &["a", "b", "c", "d"].map(Ok));
    sweep_loop(move || out_of_order(source(), limit(2), work), &["b", "a", "c", "d"].map(Ok));
}
