//! Lessons of the pattern `every_outcome`.

use futures::FutureExt;
use gather::every_outcome::{Failure, every_outcome};
use tokio::time::{Instant, sleep};

use crate::support::{Count, OnDrop, ms, panics};
use crate::work::try_load;

/// asyncio: `gather(return_exceptions=True)` waits for all and puts each exception in its slot.
#[tokio::test(start_paused = true)]
async fn each_error_stands_in_its_slot_and_all_are_waited_for() {
    let start = Instant::now();
    let outcomes = every_outcome([("a", 300), ("bad", 100), ("c", 200)], try_load).await;
    assert_eq!(outcomes, [Ok("a"), Err(Failure::Error("bad after 100".to_owned())), Ok("c")]);
    assert_eq!(start.elapsed(), ms(300));
}

/// asyncio: an unexpected exception takes its own slot only. Tokio: so does a panic, once it is caught.
#[tokio::test(start_paused = true)]
async fn a_panic_takes_its_own_slot_only() {
    let outcomes = every_outcome([("a", 300), ("panics", 100), ("c", 200)], try_load).await;
    assert_eq!(outcomes, [Ok("a"), Err(Failure::Panic("panics after 100".to_owned())), Ok("c")]);
}

/// asyncio: an exception before the first `await` is in its slot. Tokio: so is a panic, even one without a text.
#[tokio::test]
async fn a_panic_before_the_first_await_is_caught_too() {
    let outcomes =
        every_outcome(
            [7],
            |n: i32| async move { if n > 0 { std::panic::panic_any(n) } else { Err::<(), _>(n) } },
        )
        .await;
    assert_eq!(outcomes, [Err(Failure::Panic("a value that is not text".to_owned()))]);
}

/// asyncio: a cancelled loop of `gather(return_exceptions=True)` must not take its own cancellation for a result.
/// Tokio: a cancelled future is dropped, so it returns no result.
#[tokio::test(start_paused = true)]
async fn a_cancellation_cannot_be_swallowed_into_the_results() {
    let rounds = Count::default();
    let forever = tokio::spawn({
        let rounds = rounds.clone();
        async move {
            loop {
                every_outcome([("a", 100), ("bad", 50)], try_load).await;
                rounds.add();
            }
        }
    });
    sleep(ms(250)).await;
    forever.abort();
    assert!(forever.await.unwrap_err().is_cancelled());
    assert_eq!(rounds.get(), 2);
}

/// asyncio: `gather()` returns an empty list. Tokio: the same, without waiting.
#[tokio::test]
async fn of_nothing_is_an_empty_list_at_once() {
    assert_eq!(every_outcome([], try_load).now_or_never(), Some(vec![]));
}

/// A closure can panic before its future exists. That is the outcome of its key, too.
#[tokio::test(start_paused = true)]
async fn a_closure_that_panics_takes_its_own_slot_only() {
    let load = |n| {
        if n == 2 {
            panics::<()>("early");
        }
        try_load(("a", n))
    };
    assert_eq!(
        every_outcome([1, 2, 3], load).await,
        [Ok("a"), Err(Failure::Panic("early".to_owned())), Ok("a")]
    );
}

/// Any value can be the payload of a panic, even one whose destructor panics.
#[tokio::test(start_paused = true)]
async fn a_payload_that_panics_when_dropped_costs_no_outcome() {
    let load = |n: u64| async move {
        if n == 1 {
            std::panic::resume_unwind(Box::new(OnDrop(|| panics("dropped"))));
        }
        try_load(("a", n)).await
    };
    let text = "a value that is not text".to_owned();
    assert_eq!(every_outcome([1, 2], load).await, [Err(Failure::Panic(text)), Ok("a")]);
}
