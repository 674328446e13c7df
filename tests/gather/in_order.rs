//! Lessons of the pattern `in_order`.

use futures::FutureExt;
use gather::in_order::in_order;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, ms};
use crate::work::{load, try_load};

/// asyncio: `gather` returns results in the order of its arguments. Tokio: so does `join_all`.
#[tokio::test(start_paused = true)]
async fn results_follow_the_inputs_whichever_finished_first() {
    let start = Instant::now();
    assert_eq!(in_order([("a", 300), ("b", 100), ("c", 200)], load).await, ["a", "b", "c"]);
    assert_eq!(start.elapsed(), ms(300), "600 ms of waiting overlap in the longest of them");
}

/// asyncio: `gather()` of nothing is an empty list. Tokio: the same, without waiting.
#[tokio::test]
async fn of_nothing_is_an_empty_list_at_once() {
    assert_eq!(in_order([], load).now_or_never(), Some(vec![]));
}

/// The hazard: `select_all` of nothing panics.
#[tokio::test]
#[should_panic(expected = "!ret.inner.is_empty()")]
async fn but_select_all_of_nothing_panics() {
    futures::future::select_all(Vec::<futures::future::Ready<()>>::new()).await;
}

/// asyncio: `gather(*coroutines)` schedules them as tasks even before it is awaited. Tokio: no load starts before the
/// first poll.
#[tokio::test(start_paused = true)]
async fn nothing_starts_before_the_await() {
    let started = Count::default();
    let pending = in_order(0..3, |_| async { started.add() });
    sleep(ms(10)).await;
    assert_eq!(started.get(), 0);
    pending.await;
    assert_eq!(started.get(), 3);
}

/// asyncio: each child of a `gather` is a task. Tokio: `join_all` polls them all on the caller's task.
#[tokio::test]
async fn all_loads_share_the_callers_task() {
    let ids = tokio::spawn(async {
        let ids = in_order(0..3, |_| async { tokio::task::id() }).await;
        (tokio::task::id(), ids)
    });
    let (mine, theirs) = ids.await.unwrap();
    assert_eq!(theirs, [mine; 3]);
}

/// One task, one poll at a time: a load that computes without awaiting holds up all the others.
#[tokio::test]
async fn a_load_that_never_yields_runs_to_its_end_before_the_next_begins() {
    let log = std::sync::Mutex::new(Vec::new());
    in_order([1, 2], |load| {
        let log = &log;
        async move {
            for step in 1..=2 {
                log.lock().unwrap().push((load, step));
            }
        }
    })
    .await;
    assert_eq!(log.into_inner().unwrap(), [(1, 1), (1, 2), (2, 1), (2, 2)]);
}

/// asyncio: cancelling a `gather` cancels its children. Tokio: dropping the future drops them.
#[tokio::test(start_paused = true)]
async fn dropping_it_drops_every_load() {
    let dropped = Count::default();
    let all = in_order(0..3, |_| async {
        let _guard = dropped.on_drop();
        sleep(ms(100)).await;
    });
    assert!(timeout(ms(50), all).await.is_err());
    assert_eq!(dropped.get(), 3);
}

/// asyncio: an unexpected exception ends only its own child. Tokio: a panic unwinds through `join_all`.
#[tokio::test(start_paused = true)]
async fn a_panic_in_one_load_takes_the_others_with_it() {
    let finished = Count::default();
    let loads = tokio::spawn({
        let finished = finished.clone();
        in_order([("panics", 100), ("ok", 200)], move |input| {
            let finished = finished.clone();
            async move {
                let _ignored = try_load(input).await;
                finished.add();
            }
        })
    });
    assert!(loads.await.unwrap_err().is_panic());
    sleep(ms(500)).await;
    assert_eq!(finished.get(), 0);
}

/// Ten thousand waits of 100 ms overlap: together they take 100 ms.
#[tokio::test(start_paused = true)]
async fn ten_thousand_at_once_take_as_long_as_one() {
    let start = Instant::now();
    let results = in_order(0..10_000_u32, |n| async move {
        sleep(ms(100)).await;
        n
    });
    assert_eq!(results.await, (0..10_000).collect::<Vec<_>>());
    assert_eq!(start.elapsed(), ms(100));
}
