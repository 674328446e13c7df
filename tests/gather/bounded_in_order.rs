//! Lessons of the pattern `bounded_in_order`.

use futures::FutureExt;
use futures::{StreamExt, stream};
use gather::bounded_in_order::bounded_in_order;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, alive_tasks, ms, panics};
use crate::support::{Gauge, OnDrop, THREE, TWO};
use crate::work::try_load;

/// asyncio: a semaphore around each child of a `gather` limits them. Tokio: only `limit` tasks exist at a time.
#[tokio::test(start_paused = true)]
async fn results_follow_the_inputs_and_never_more_than_the_limit_are_under_way() {
    let gauge = Gauge::default();
    let start = Instant::now();
    let inputs = [("a", 300), ("b", 100), ("c", 200), ("d", 100), ("e", 100)];
    let mut results = bounded_in_order(inputs, TWO, |input| gauge.clone().around(try_load(input)));
    let mut log = Vec::new();
    while let Some(result) = results.next().await {
        log.push((result.unwrap(), start.elapsed()));
    }
    // b waits for a. Its slot becomes free when it is returned, so c and d start together.
    assert_eq!(log, [("a", ms(300)), ("b", ms(300)), ("c", ms(500)), ("d", ms(500)), ("e", ms(600))]);
    assert_eq!(gauge.peak(), 2);
}

/// asyncio's `gather` with a semaphore makes a task of every input first. Here inputs are taken from the source only as
/// needed.
#[tokio::test(start_paused = true)]
async fn inputs_are_taken_only_when_there_is_room() {
    let taken = Count::default();
    let inputs = (0..).inspect(|_| taken.add());
    let mut results = bounded_in_order(inputs, THREE, async |n: u32| Ok::<_, String>(n));
    assert_eq!(taken.get(), 0, "nothing starts before the first next()");
    for n in 0..10 {
        assert_eq!(results.next().await, Some(Ok(n)));
        assert_eq!(taken.get(), n as usize + 1 + 3, "those handed out, and three more");
    }
}

/// Results that wait for an earlier one also count. Otherwise they would pile up behind a slow first input.
#[tokio::test(start_paused = true)]
async fn a_slow_first_input_does_not_let_results_pile_up_behind_it() {
    let taken = Count::default();
    let inputs = (0..1_000).inspect(|_| taken.add());
    let mut results = bounded_in_order(inputs, THREE, async |n: u64| {
        sleep(if n == 0 { ms(1_000) } else { ms(1) }).await;
        Ok::<_, String>(n)
    });
    assert_eq!(results.next().await, Some(Ok(0)));
    assert_eq!(taken.get(), 4);
}

/// `buffered(n)` polls its futures only while it is polled itself; tasks run on.
#[tokio::test(start_paused = true)]
async fn work_goes_on_while_the_caller_handles_a_result_and_that_of_buffered_stands_still() {
    let start = Instant::now();
    let mut results = bounded_in_order([("a", 100), ("b", 100), ("c", 100)], TWO, try_load);
    while results.next().await.is_some() {
        sleep(ms(100)).await;
    }
    assert_eq!(
        start.elapsed(),
        ms(400),
        "the first result, then three times 100 ms for the caller's own work"
    );

    let start = Instant::now();
    let mut results =
        std::pin::pin!(stream::iter([("a", 100), ("b", 100), ("c", 100)]).map(try_load).buffered(2));
    while results.next().await.is_some() {
        sleep(ms(100)).await;
    }
    assert_eq!(start.elapsed(), ms(500), "c started when the caller came back for it");
}

/// asyncio: the first exception is reported at once. `buffered` would wait for the slow input before it.
#[tokio::test(start_paused = true)]
async fn an_error_ends_it_at_once_although_an_earlier_input_is_still_at_work() {
    let start = Instant::now();
    let inputs = [("slow", 1_000), ("bad", 100), ("never-started", 0)];
    let taken = Count::default();
    let mut results = bounded_in_order(inputs.into_iter().inspect(|_| taken.add()), TWO, try_load);
    assert_eq!(results.next().await, Some(Err("bad after 100".to_owned())));
    assert_eq!((start.elapsed(), alive_tasks(), taken.get()), (ms(100), 0, 2));
    assert_eq!(results.next().await, None);

    let start = Instant::now();
    let mut buffered = std::pin::pin!(stream::iter(inputs).map(try_load).buffered(2));
    assert_eq!(buffered.next().await, Some(Ok("slow")));
    assert_eq!(start.elapsed(), ms(1_000));
}

/// asyncio: the first exception in time is raised. Tokio: the same; in one instant, the error of the earlier input is
/// returned.
#[tokio::test(start_paused = true)]
async fn of_two_errors_in_the_same_instant_the_earlier_input_is_reported() {
    // Both end at 100 ms. The first input sets its last timer later than the second, so it ends after it.
    let mut results = bounded_in_order([(50, 50), (0, 100)], TWO, |(first, second)| async move {
        sleep(ms(first)).await;
        sleep(ms(second)).await;
        Err::<(), _>(first)
    });
    assert_eq!(results.next().await, Some(Err(50)));
}

/// A value in the instant of an error is dropped. A panic in that instant still goes on in the caller.
#[tokio::test(start_paused = true)]
async fn what_ends_after_an_error_in_the_same_instant_is_no_result_and_a_panic_is_not_lost() {
    // As above: the first input ends in the instant of the error, and after it.
    let work = |(first, second, panics): (u64, u64, bool)| async move {
        sleep(ms(first)).await;
        sleep(ms(second)).await;
        assert!(!panics, "a bug");
        if first == 0 { Err("bad") } else { Ok(first) }
    };
    let mut results = bounded_in_order([(50, 50, false), (0, 100, false)], TWO, work);
    assert_eq!(results.next().await, Some(Err("bad")));
    assert_eq!(results.next().await, None);

    let mut results = bounded_in_order([(50, 50, true), (0, 100, false)], TWO, work);
    let panic = std::panic::AssertUnwindSafe(results.next()).catch_unwind().await.unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "a bug");
}

/// A panic aborts the rest, and goes on in the caller when no task is left.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller_once_the_rest_has_ended() {
    let mut results = bounded_in_order([("slow", 1_000), ("panics", 100)], TWO, try_load);
    let panic = std::panic::AssertUnwindSafe(results.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "panics after 100");
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: cancelling a `gather` cancels its children. Tokio: dropping the `BoundedInOrder` aborts its tasks.
#[tokio::test(start_paused = true)]
async fn dropping_it_aborts_the_work() {
    let mut results = bounded_in_order([("a", 100), ("b", 200)], TWO, try_load);
    assert!(timeout(ms(50), results.next()).await.is_err());
    assert_eq!(alive_tasks(), 2, "a dropped next() ends nothing: it can be called again");
    drop(results);
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: `gather()` returns an empty list. Tokio: `next` returns `None` at once.
#[tokio::test]
async fn of_nothing_it_ends_at_once() {
    let mut results = bounded_in_order([], TWO, try_load);
    assert_eq!(results.next().now_or_never(), Some(None));
}

/// A hundred thousand inputs, three at a time: each result comes once, in order.
#[tokio::test]
async fn a_hundred_thousand_inputs_pass_through_in_order() {
    let mut results = bounded_in_order(0..100_000_u32, THREE, async |n| Ok::<_, String>(n));
    let mut expected = 0..100_000;
    while let Some(result) = results.next().await {
        assert_eq!(result.ok(), expected.next());
    }
    assert_eq!(expected.next(), None);
}

/// The payload of a second panic may panic when it is dropped: the first panic goes on in the caller.
#[tokio::test(start_paused = true)]
async fn of_two_panics_the_first_goes_on() {
    let work = |millis: u64| async move {
        sleep(ms(100)).await;
        match millis {
            1 => panics("the first"),
            2 => std::panic::resume_unwind(Box::new(OnDrop(|| panics("dropped")))),
            _ => Ok::<_, ()>(millis),
        }
    };
    let mut results = bounded_in_order([1, 2, 3], THREE, work);
    let panic = std::panic::AssertUnwindSafe(results.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the first"));
    assert_eq!((results.next().await, alive_tasks()), (None, 0));
}

/// asyncio: a coroutine function cannot fail before its coroutine exists; a closure can. That counts as a panic of the
/// item.
#[tokio::test(start_paused = true)]
async fn a_closure_that_panics_is_the_panic_of_its_item() {
    let taken = Count::default();
    let mut results = bounded_in_order((0..6).inspect(|_| taken.add()), THREE, |n| {
        if n == 2 {
            panics::<()>("item 2");
        }
        async move {
            sleep(ms(100)).await;
            Ok::<_, ()>(n)
        }
    });
    let panic = std::panic::AssertUnwindSafe(results.next()).catch_unwind().await.unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "item 2");
    assert_eq!((results.next().await, taken.get(), alive_tasks()), (None, 3, 0));
}
