//! Lessons of the pattern `consume`.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use async_iterators::consume::{in_order, out_of_order};
use futures::stream::{self};
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    Count, Gauge, TWO, alive_tasks, busy, in_a_few_turns, leaves_others_their_turn, limit, ms, settle,
};
use crate::work::consume::work;
use crate::work::{ROUNDS, pause, timed, until};

const SIX: [(&str, u64); 6] = [("a", 350), ("b", 100), ("c", 200), ("d", 200), ("e", 200), ("f", 150)];

/// asyncio and Tokio: a loop asks for the next item when its body is done, so the source runs at the loop's pace.
#[tokio::test(start_paused = true)]
async fn a_plain_loop_slows_the_source_down_to_its_own_pace() {
    let made = Count::default();
    let mut numbers = pin!(stream::iter(1..).inspect(|_| made.add()));
    while let Some(number) = numbers.next().await {
        sleep(ms(100)).await;
        assert_eq!(made.get(), number);
        if number == 5 {
            break;
        }
    }
}

/// Order costs time: b and c are done at 100 and 200 ms, and wait for a.
#[tokio::test(start_paused = true)]
async fn in_order_the_results_come_in_the_order_of_the_items() {
    let came = timed(in_order(stream::iter(SIX), limit(3), work)).await;
    let came: Vec<_> = came.into_iter().map(|(name, at)| (name.unwrap(), at.as_millis())).collect();
    assert_eq!(came, [("a", 350), ("b", 350), ("c", 350), ("d", 550), ("e", 550), ("f", 550)]);
}

/// asyncio: `as_completed` yields in completion order. Here: the same, with a limit of three.
#[tokio::test(start_paused = true)]
async fn out_of_order_each_result_comes_when_it_is_there() {
    let came = timed(out_of_order(stream::iter(SIX), limit(3), work)).await;
    let came: Vec<_> = came.into_iter().map(|(name, at)| (name.unwrap(), at.as_millis())).collect();
    assert_eq!(came, [("b", 100), ("c", 200), ("d", 300), ("a", 350), ("e", 400), ("f", 450)]);
}

/// A result that waits for an earlier one takes room, and so does a result that the consumer has not asked for.
#[tokio::test(start_paused = true)]
async fn an_item_is_taken_only_when_there_is_room() {
    for at_most in [1, 2, 3, 7] {
        for ordered in [true, false] {
            let (taken, running) = (Count::default(), Gauge::default());
            let source = stream::iter(0..20_u64).inspect(|_| taken.add());
            let work = |number| {
                let one = running.enter();
                async move {
                    let _running = one;
                    sleep(ms(100 * (number % 3))).await;
                    Ok::<_, ()>(number)
                }
            };
            let results = if ordered {
                in_order(source, limit(at_most), work).left_stream()
            } else {
                out_of_order(source, limit(at_most), work).right_stream()
            };
            let mut results = pin!(results);
            let mut given = 0;
            while results.next().await.is_some() {
                // The consumer's item counts until it asks for the next.
                assert!(taken.get() <= given + at_most, "{} taken, {given} given", taken.get());
                given += 1;
                sleep(ms(1_000)).await;
                assert_eq!(running.now(), 0, "all that was started has ended meanwhile");
                assert!(taken.get() < given + at_most, "and nothing new was started");
            }
            assert_eq!((given, running.peak()), (20, at_most));
        }
    }
}

const HUNG_UP: Result<u32, &str> = Err("the server has hung up");

/// The server hangs up when it has not heard of its client for 100 ms; a request speaks every 60 ms.
async fn request(number: u32) -> Result<u32, &'static str> {
    for _ in 0..2 {
        let asked = Instant::now();
        sleep(ms(60)).await;
        if asked.elapsed() > ms(100) {
            return HUNG_UP;
        }
    }
    Ok(number)
}

/// asyncio: tasks go on while the body of the loop awaits. Here: so does the work, and no server hangs up.
#[tokio::test(start_paused = true)]
async fn the_work_goes_on_while_the_consumer_is_busy() {
    let mut results = pin!(in_order(stream::iter(1..=4), limit(2), request));
    while let Some(result) = results.next().await {
        result.expect("no server had to wait");
        sleep(ms(300)).await;
    }
}

/// The hazard: the consumer's `next()` polls the work of `buffered`, which stops while the consumer is busy. Here a
/// server takes that for a dead client.
#[tokio::test(start_paused = true)]
async fn but_that_of_buffered_stands_still() {
    let mut results = pin!(stream::iter(1..=4).map(request).buffered(2));
    let mut came = Vec::new();
    while let Some(result) = results.next().await {
        came.push(result);
        sleep(ms(300)).await;
    }
    assert_eq!(came, [Ok(1), HUNG_UP, Ok(3), HUNG_UP]);
}

/// asyncio: a `TaskGroup` also ends at the first error in time, and waits until the rest has ended.
#[tokio::test(start_paused = true)]
async fn the_first_error_in_time_ends_it_when_the_rest_has_ended() {
    let running = Gauge::default();
    let source = || stream::iter([("slow", 500), ("quick", 100), ("bad", 200), ("late", 10)]);
    let work = |item| {
        let one = running.enter();
        async move {
            let _running = one;
            work(item).await
        }
    };
    let error = || Err("bad after 200".to_owned());

    let start = Instant::now();
    let mut results = pin!(in_order(source(), limit(3), work));
    assert_eq!(results.next().await, Some(error()), "quick waited for slow, and is dropped with it");
    assert_eq!((start.elapsed(), running.now()), (ms(200), 0));
    assert_eq!((results.next().await, results.next().await), (None, None));

    let start = Instant::now();
    let mut results = pin!(out_of_order(source(), limit(3), work));
    assert_eq!(results.next().await, Some(Ok("quick")));
    assert_eq!(results.next().await, Some(Ok("late")));
    assert_eq!(results.next().await, Some(error()));
    assert_eq!((start.elapsed(), running.now()), (ms(200), 0));
    assert_eq!((results.next().await, results.next().await), (None, None));
}

/// asyncio: an exception of the source ends the `async for`. Here: an error also aborts the work in flight.
#[tokio::test(start_paused = true)]
async fn an_error_of_the_source_ends_it_too() {
    let source = stream::iter([Ok(("a", 500)), Err("no more files".to_owned()), Ok(("b", 100))]);
    let mut results = pin!(out_of_order(source, limit(2), async |file| work(file?).await));
    assert_eq!(results.next().await, Some(Err("no more files".to_owned())));
    assert_eq!(results.next().await, None);
    assert_eq!(alive_tasks(), 0);
}

/// A task's panic is a value: both forms resume it in the consumer, and leave no task behind.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_consumer_and_aborts_the_rest() {
    let source = || stream::iter([("a", 500), ("panics", 100)]);
    for ordered in [true, false] {
        let results = if ordered {
            in_order(source(), limit(2), work).boxed()
        } else {
            out_of_order(source(), limit(2), work).boxed()
        };
        let panic =
            std::panic::AssertUnwindSafe(results.collect::<Vec<_>>()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "panics after 100");
        settle().await;
        assert_eq!(alive_tasks(), 0);
    }
}

/// asyncio: tasks of a generator that is left run on, unless its `finally` cancels them.
#[tokio::test(start_paused = true)]
async fn a_break_drops_the_source_and_aborts_the_work() {
    let (sources, running) = (Gauge::default(), Gauge::default());
    let held = sources.enter();
    let source = stream::iter(1..).map(move |number| (&held, number).1);
    let gauge = running.clone();
    let mut results = Box::pin(out_of_order(source, limit(3), move |number: u64| {
        let one = gauge.enter();
        async move {
            let _running = one;
            sleep(ms(100 * number)).await;
            Ok::<_, ()>(number)
        }
    }));
    assert_eq!(results.next().await, Some(Ok(1)));
    drop(results);
    settle().await;
    assert_eq!((sources.now(), running.now(), alive_tasks()), (0, 0, 0));
}

/// Both streams are fused: a poll after the end returns the end again.
#[tokio::test]
async fn of_nothing_it_ends_and_stays_at_the_end() {
    let mut results = pin!(in_order(stream::empty(), limit(3), work));
    assert_eq!((results.next().await, results.next().await), (None, None));
    let mut results = pin!(out_of_order(stream::empty(), limit(3), work));
    assert_eq!((results.next().await, results.next().await), (None, None));
}

/// A source may panic when it is polled after its end, as `unfold` does. This one is not polled again.
#[tokio::test(start_paused = true)]
async fn a_source_that_has_ended_is_not_asked_again() {
    let two = || stream::unfold(0, async |sent| (sent < 2).then_some((("a", 100 * sent), sent + 1)));
    let results: Vec<_> = in_order(two(), limit(3), work).collect().await;
    assert_eq!(results, [Ok("a"), Ok("a")]);
    let results: Vec<_> = out_of_order(two(), limit(3), work).collect().await;
    assert_eq!(results, [Ok("a"), Ok("a")]);
}

/// The type has no zero. The hazard: `buffered(0)` waits forever, `for_each_concurrent(0)` has no limit.
#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_cannot_be_given_and_elsewhere_it_means_never_or_always() {
    assert_eq!(NonZeroUsize::new(0), None);
    let mut buffered = stream::iter(1..=4).map(request).buffered(0);
    assert!(timeout(Duration::from_secs(86_400), buffered.next()).await.is_err());

    let running = Gauge::default();
    let each = stream::iter(0..100).for_each_concurrent(0, async |_| {
        let _running = running.enter();
        sleep(ms(10)).await;
    });
    each.await;
    assert_eq!(running.peak(), 100);
}

/// The limit counts items in work and results that wait: it bounds the memory too.
#[tokio::test]
async fn of_twenty_thousand_items_no_more_than_the_limit_are_in_memory() {
    for ordered in [true, false] {
        let alive = Gauge::default();
        let source = stream::iter(0..20_000_u64).map(|number| (number, alive.enter()));
        let work = async |item| Ok::<_, ()>(item);
        let results = if ordered {
            in_order(source, limit(100), work).left_stream()
        } else {
            out_of_order(source, limit(100), work).right_stream()
        };
        let sum = results.try_fold(0, async |sum, (number, _alive)| Ok(sum + number)).await;
        assert_eq!(sum, Ok(199_990_000));
        assert_eq!((alive.peak(), alive.now()), (100, 0));
    }
}

/// Random limits, orders and early exits: no schedule loses a result or leaves a task.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_each_result_comes_once_and_nothing_is_left_behind() {
    for round in 0..ROUNDS {
        let mut random = fastrand::Rng::with_seed(round);
        let (at_most, length, leave_at) = (random.usize(1..=5), random.usize(0..40), random.usize(0..60));
        let ordered = random.bool();
        let running = Gauge::default();
        let (gauge, mut seeds) = (running.clone(), random.fork());
        let work = move |number: usize| {
            let (one, mut random) = (gauge.enter(), seeds.fork());
            async move {
                let _running = one;
                pause(&mut random).await;
                Ok::<_, ()>(number)
            }
        };
        let results = if ordered {
            in_order(stream::iter(0..length), limit(at_most), work).boxed()
        } else {
            out_of_order(stream::iter(0..length), limit(at_most), work).boxed()
        };
        let given: Vec<_> = results.take(leave_at).map(Result::unwrap).collect().await;
        assert_eq!(given.len(), length.min(leave_at), "round {round}");
        let mut sorted = given.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), given.len(), "none came twice in round {round}");
        assert!(!ordered || given == sorted, "round {round}");
        assert!(running.peak() <= at_most, "round {round}");
        until(|| running.now() == 0).await;
    }
}

/// Without a limit, it takes items as long as the source is ready. Other tasks get a turn in between.
#[tokio::test]
async fn a_ready_source_without_a_limit_leaves_others_their_turn() {
    let numbers = || stream::iter(0..100_000);
    let work = async |n: u32| Ok::<_, ()>(n);
    leaves_others_their_turn(pin!(out_of_order(numbers(), NonZeroUsize::MAX, work)).next()).await;
    leaves_others_their_turn(pin!(in_order(numbers(), NonZeroUsize::MAX, work)).next()).await;
}

/// asyncio: `asyncio.wait` returns a result while the source of the items is busy. Here too.
#[tokio::test(start_paused = true)]
async fn a_busy_source_keeps_no_result_from_the_consumer() {
    let source = || stream::iter([1]).chain(stream::once(busy()));
    let work = async |n: u32| Ok::<_, ()>(n);
    for ordered in [true, false] {
        let first = tokio::spawn(async move {
            match ordered {
                true => pin!(in_order(source(), TWO, work)).next().await,
                false => pin!(out_of_order(source(), TWO, work)).next().await,
            }
        });
        assert_eq!(in_a_few_turns(first).await, Some(Ok(1)));
    }
}
