//! Lessons of the pattern `parallel_in_order`.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use gather::as_completed::as_completed;
use gather::parallel_in_order::parallel_in_order;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, alive_tasks, ms, panics};
use crate::work::{load, try_load};

/// asyncio: `gather` over tasks returns results in the order of its arguments. Tokio: so does a `JoinQueue`.
#[tokio::test(start_paused = true)]
async fn results_follow_the_inputs_whichever_finished_first() {
    let start = Instant::now();
    let results = parallel_in_order([("a", 300), ("b", 100), ("c", 200)], load).await;
    assert_eq!(results.into_iter().map(Result::unwrap).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(start.elapsed(), ms(300));
}

/// `JoinSet::join_all` looks like `gather` and is not: it returns results in the order of completion.
#[tokio::test(start_paused = true)]
async fn but_join_set_returns_them_in_the_order_of_completion() {
    let tasks: tokio::task::JoinSet<_> = [("a", 300), ("b", 100), ("c", 200)].map(load).into_iter().collect();
    assert_eq!(tasks.join_all().await, ["b", "c", "a"]);
}

/// Two tasks wait for each other without yielding: on one thread they would never end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_run_on_two_cores_at_once() {
    let meeting = Arc::new(std::sync::Barrier::new(2));
    let results = parallel_in_order(0..2, |_| {
        let meeting = meeting.clone();
        async move { meeting.wait().is_leader() }
    });
    let leaders = results.await.into_iter().filter(|leader| *leader.as_ref().unwrap()).count();
    assert_eq!(leaders, 1);
}

/// asyncio: `return_exceptions=True` keeps a crash in its slot. Tokio: a task's panic is a `JoinError`.
#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_in_its_own_slot() {
    let results = parallel_in_order([("a", 300), ("panics", 100), ("c", 200)], try_load).await;
    assert!(results[1].as_ref().unwrap_err().is_panic());
    assert_eq!([results[0].as_ref().unwrap(), results[2].as_ref().unwrap()], [&Ok("a"), &Ok("c")]);
}

/// asyncio: cancelling the `gather` cancels its children. Tokio: dropping a `JoinQueue` aborts its tasks.
#[tokio::test(start_paused = true)]
async fn dropping_it_aborts_every_task() {
    assert!(timeout(ms(50), parallel_in_order([("a", 100), ("b", 200)], load)).await.is_err());
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}

/// The hazard: `join_all` over bare `JoinHandle`s detaches the tasks when it is dropped.
#[tokio::test(start_paused = true)]
async fn but_join_all_over_handles_lets_them_run_on() {
    let handles = [("a", 100), ("b", 200)].map(|input| tokio::spawn(load(input)));
    assert!(timeout(ms(50), join_all(handles)).await.is_err());
    yield_now().await;
    assert_eq!(alive_tasks(), 2);
}

/// asyncio: `gather()` returns an empty list. Tokio: the same, without waiting.
#[tokio::test]
async fn of_nothing_is_an_empty_list_at_once() {
    assert!(parallel_in_order([], load).now_or_never().unwrap().is_empty());
}

/// A closure can panic before its future exists. The panic is the result of its input, and the other tasks run on.
#[tokio::test(start_paused = true)]
async fn a_closure_that_panics_is_an_error_in_its_own_slot() {
    let results = parallel_in_order([1, 2, 3], |n| {
        if n == 2 {
            panics::<()>("early");
        }
        load(("a", n))
    });
    let results = results.await;
    assert_eq!(results.len(), 3);
    assert!(results[1].as_ref().unwrap_err().to_string().ends_with("panicked with message \"early\""));
    assert_eq!([results[0].as_ref().unwrap(), results[2].as_ref().unwrap()], [&"a", &"a"]);
}

/// asyncio: the future of a `gather` whose children are done cannot be cancelled, and a cancelled collector leaves the
/// values in its tasks. Tokio: an abort drops results that are ready. A set that the collector only borrows keeps them.
#[tokio::test(start_paused = true)]
async fn but_a_cancel_that_meets_finished_results_drops_them() {
    let dropped = Count::default();
    let load = |_| {
        let value = dropped.on_drop();
        async move {
            sleep(ms(100)).await;
            value
        }
    };
    let mut collector = Box::pin(parallel_in_order([1, 2], load));
    assert!((&mut collector).now_or_never().is_none());
    sleep(ms(200)).await;
    assert_eq!((alive_tasks(), dropped.get()), (0, 0), "both are done, and the collector has not run since");
    drop(collector);
    assert_eq!(dropped.get(), 2);

    let mut tasks: JoinSet<_> = [1, 2].map(load).into_iter().collect();
    let mut kept = Vec::new();
    let mut collector =
        Box::pin(as_completed(&mut tasks, Instant::now() + ms(1_000), |value| kept.push(value)));
    assert!((&mut collector).now_or_never().is_none());
    sleep(ms(200)).await;
    drop(collector);
    let rest = tasks.join_all().await;
    assert_eq!((rest.len() + kept.len(), dropped.get()), (2, 2));
}
