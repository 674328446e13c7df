//! Lessons of the pattern `fail_fast`.

use futures::FutureExt;
use gather::fail_fast::{or_drop_the_rest, or_let_the_rest_run};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, alive_tasks, ms, panics};
use crate::work::try_load;

/// asyncio and Tokio: the first error in time is reported at once, not the first in order.
#[tokio::test(start_paused = true)]
async fn the_first_error_in_time_is_reported_at_once() {
    let inputs = [("a", 300), ("bad-late", 200), ("bad-early", 100)];
    let start = Instant::now();
    assert_eq!(or_drop_the_rest(inputs, try_load).await, Err("bad-early after 100".to_owned()));
    assert_eq!(start.elapsed(), ms(100));
    assert_eq!(or_let_the_rest_run(inputs, try_load).await, Err("bad-early after 100".to_owned()));
    assert_eq!(start.elapsed(), ms(200));
}

/// asyncio and Tokio: without an error the results are in the order of the inputs.
#[tokio::test(start_paused = true)]
async fn without_an_error_the_results_stand_in_order() {
    let inputs = [("a", 300), ("b", 100), ("c", 200)];
    assert_eq!(or_drop_the_rest(inputs, try_load).await, Ok(vec!["a", "b", "c"]));
    assert_eq!(or_let_the_rest_run(inputs, try_load).await, Ok(vec!["a", "b", "c"]));
    assert_eq!(or_let_the_rest_run([], try_load).now_or_never(), Some(Ok(vec![])));
}

/// Tokio: `try_join_all` drops the unfinished loads at their await.
#[tokio::test(start_paused = true)]
async fn the_rest_is_dropped() {
    let (finished, dropped) = (Count::default(), Count::default());
    let (finishes, drops) = (finished.clone(), dropped.clone());
    let result = or_drop_the_rest([("slow", 300), ("bad", 100)], move |input| {
        let (finishes, guard) = (finishes.clone(), drops.on_drop());
        async move {
            let _guard = guard;
            try_load(input).await.inspect_err(|_| finishes.add())
        }
    });
    assert!(result.await.is_err());
    assert_eq!((finished.get(), dropped.get()), (1, 2), "the failed one finished, both are gone");
}

/// asyncio: `gather` without `return_exceptions` lets the other children run on.
#[tokio::test(start_paused = true)]
async fn or_the_rest_runs_on() {
    let finished = Count::default();
    let result = or_let_the_rest_run([("slow", 300), ("bad", 100)], |input| {
        let finished = finished.clone();
        async move {
            let result = try_load(input).await;
            finished.add();
            result
        }
    });
    assert!(result.await.is_err());
    assert_eq!((finished.get(), alive_tasks()), (1, 1));
    sleep(ms(500)).await;
    assert_eq!((finished.get(), alive_tasks()), (2, 0));
}

/// asyncio: cancelling the `gather` still cancels children that would survive an error.
#[tokio::test(start_paused = true)]
async fn a_cancelled_caller_ends_the_rest_all_the_same() {
    let all = or_let_the_rest_run([("a", 300), ("b", 100)], try_load);
    assert!(timeout(ms(200), all).await.is_err());
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: later exceptions are marked as seen and lost. Tokio: later `Err` values vanish too.
#[tokio::test(start_paused = true)]
async fn later_errors_vanish_without_a_trace() {
    let failed = Count::default();
    let result = or_let_the_rest_run([("bad-early", 100), ("bad-late", 200)], |input| {
        let failed = failed.clone();
        async move { try_load(input).await.inspect_err(|_| failed.add()) }
    });
    assert_eq!(result.await, Err("bad-early after 100".to_owned()));
    sleep(ms(500)).await;
    assert_eq!(failed.get(), 2, "the second error happened, and only the task itself could show it");
}

/// asyncio: any exception surfaces at once and the others run on. Tokio: a panic is passed on the same way.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller_and_the_rest_runs_on() {
    let start = Instant::now();
    let caller =
        std::panic::AssertUnwindSafe(or_let_the_rest_run([("slow", 300), ("panics", 100)], try_load));
    let panic = caller.catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "panics after 100");
    assert_eq!((start.elapsed(), alive_tasks()), (ms(100), 1));
}

/// A closure can panic before its future exists. It counts as the first error: the loads before it run on, and the
/// loads after it are started.
#[tokio::test(start_paused = true)]
async fn a_closure_that_panics_counts_as_the_first_error() {
    let finished = Count::default();
    let load = |n| {
        if n == 2 {
            panics::<()>("early");
        }
        let finished = finished.clone();
        async move {
            sleep(ms(100)).await;
            finished.add();
            Ok::<_, ()>(n)
        }
    };
    let all = std::panic::AssertUnwindSafe(or_let_the_rest_run([1, 2, 3], load));
    assert_eq!(*all.catch_unwind().await.unwrap_err().downcast_ref::<&str>().unwrap(), "early");
    sleep(ms(200)).await;
    assert_eq!(finished.get(), 2);
}
