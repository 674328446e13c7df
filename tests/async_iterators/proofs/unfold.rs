//! Proofs of the pattern `unfold`.

use async_iterators::unfold::walk;

use crate::tools::sweep_loop;
use crate::work::unfold::children;

/// The visit in flight belongs to the stream: a dropped `next` leaves it there.
#[test]
fn a_cancelled_next_loses_no_node() {
    sweep_loop(|| walk(2, async |node| children(*node, 0).await), &[Ok(2), Ok(4), Ok(5)]);
}
