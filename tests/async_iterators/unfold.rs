//! Lessons of the pattern `unfold`.

use std::pin::pin;

use async_iterators::unfold::walk;
use futures::stream::{self};
use futures::{FutureExt, StreamExt};

use crate::support::{Gauge, leaves_others_their_turn, ms};
use crate::work::timed;
use crate::work::unfold::children;

/// asyncio: a generator with a `deque` of nodes. Tokio: the same queue as the state of `try_unfold`.
#[tokio::test(start_paused = true)]
async fn nodes_come_level_by_level_each_after_its_children_are_known() {
    let came = timed(walk(1, async |node| children(*node, 0).await).map(Result::unwrap)).await;
    let every_10_ms: Vec<_> = (1..8).map(|node| (node, ms(10 * u64::from(node)))).collect();
    assert_eq!(came, every_10_ms);
}

/// asyncio: a generator that raises ends. Here: so does `try_unfold` after an error.
#[tokio::test(start_paused = true)]
async fn an_error_comes_after_the_nodes_before_it_and_is_the_last_item() {
    let mut nodes = pin!(walk(1, async |node| children(*node, 3).await));
    assert_eq!(nodes.next().await, Some(Ok(1)));
    assert_eq!(nodes.next().await, Some(Ok(2)));
    assert_eq!(nodes.next().await, Some(Err("3 is locked".to_owned())));
    for _ in 0..3 {
        assert_eq!(nodes.next().now_or_never(), Some(None));
    }
}

/// A stream may panic when it is polled after its end; `try_unfold` stays at its end.
#[tokio::test(start_paused = true)]
async fn polled_after_the_end_it_stays_at_the_end() {
    let mut nodes = pin!(walk(7, async |node| children(*node, 0).await));
    assert_eq!(nodes.next().await, Some(Ok(7)));
    for _ in 0..3 {
        assert_eq!(nodes.next().now_or_never(), Some(None));
    }
}

/// The hazard: `unfold`, the form without errors, panics there. `fuse` fixes that.
#[tokio::test]
async fn but_unfold_panics_when_it_is_polled_after_its_end() {
    let one = || stream::unfold(1, async |left: u32| (left > 0).then(|| (left, left - 1)));
    let mut bare = Box::pin(one());
    assert_eq!((bare.next().await, bare.next().await), (Some(1), None));
    let again = std::panic::AssertUnwindSafe(bare.next()).catch_unwind().await;
    let message = again.unwrap_err();
    let message = message.downcast_ref::<&str>().copied().unwrap();
    assert_eq!(message, "Unfold must not be polled after it returned `Poll::Ready(None)`");

    let mut fused = Box::pin(one().fuse());
    assert_eq!((fused.next().await, fused.next().await, fused.next().await), (Some(1), None, None));
}

/// Only the nodes that wait are in memory; yielded nodes are not.
#[tokio::test]
async fn a_chain_of_a_million_nodes_keeps_two_of_them_in_memory() {
    let nodes = Gauge::default();
    let root = (1_000_000_u32, nodes.enter());
    let walked = walk(root, async |(left, _)| {
        Ok::<_, ()>(
            left.checked_sub(1)
                .filter(|left| *left > 0)
                .map(|left| (left, nodes.enter()))
                .into_iter()
                .collect(),
        )
    });
    assert_eq!(walked.fold(0, async |count, _node| count + 1).await, 1_000_000);
    assert_eq!((nodes.peak(), nodes.now()), (2, 0));
}

/// An async closure may borrow, and its stream still moves to another thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_may_run_on_another_thread() {
    let walked = walk(7, async |_: &u32| Ok::<_, ()>(vec![]));
    assert_eq!(tokio::spawn(walked.collect::<Vec<_>>()).await.unwrap(), [Ok(7)]);
}

/// All children are known at once, so a loop over the nodes never waits. Other tasks get a turn in between.
#[tokio::test]
async fn ready_children_without_an_end_leave_others_their_turn() {
    let chain =
        walk(0, async |node: &u32| Ok::<_, ()>((*node < 500_000).then_some(node + 1).into_iter().collect()));
    leaves_others_their_turn(chain.for_each(async |_node| {})).await;
}
