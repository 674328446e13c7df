//! Lessons of the pattern `blocking`.

use std::num::NonZeroUsize;
use std::panic;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use executors::blocking::Blocking;
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use futures::{StreamExt, stream};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, spawn_blocking, yield_now};
use tokio::time::timeout;

use crate::real_time::{soon_on_a_thread, soon_on_real_time};
use crate::support::{Count, Gauge, ONE, limit, ms};
use crate::work::{Gate, held, my_thread, until};

/// asyncio: `to_thread` gives the value of a call that ran on another thread. Tokio: so does `spawn_blocking`.
#[tokio::test]
async fn the_value_arrives_and_the_work_ran_on_another_thread() {
    let (value, thread) = Blocking::at_most(ONE).run(|| (6 * 7, my_thread())).await.unwrap();
    assert_eq!(value, 42);
    assert_ne!(thread, my_thread());
}

/// asyncio: an exception of the call is raised by the await. Tokio: an `Err` is a value, and a panic a `JoinError`.
#[tokio::test]
async fn an_error_is_a_value_and_a_panic_is_an_error_and_the_place_is_free_again() {
    let calls = Blocking::at_most(ONE);
    assert_eq!(calls.run(|| "x".parse::<u8>().map_err(|error| error.to_string())).await.unwrap(), {
        Err("invalid digit found in string".to_owned())
    });
    let error = calls.run(|| panic!("no such row")).await.unwrap_err();
    assert_eq!(error.into_panic().downcast_ref(), Some(&"no such row"));
    assert_eq!(soon_on_real_time(calls.run(|| "next")).await.unwrap(), "next");
}

/// asyncio: never more threads than `max_workers`. Here: never more calls at once than the limit, and no fewer.
#[tokio::test]
async fn as_many_run_at_once_as_the_limit_says_and_no_more() {
    let (calls, gauge, all_inside) =
        (Blocking::at_most(limit(3)), Gauge::default(), Arc::new(Barrier::new(3)));
    let calls = (0..9).map(|_| {
        let (gauge, all_inside) = (gauge.clone(), all_inside.clone());
        calls.run(move || {
            let _inside = gauge.enter();
            all_inside.wait();
        })
    });
    soon_on_real_time(try_join_all(calls)).await.unwrap();
    assert_eq!(gauge.peak(), 3);
}

/// asyncio: the default executor has `min(32, cores + 4)` threads. Tokio: `spawn_blocking` has 512.
#[tokio::test]
async fn but_spawn_blocking_alone_runs_512_at_once() {
    let (gauge, end, mut calls) = (Gauge::default(), Gate::default(), JoinSet::new());
    for _ in 0..520 {
        let (gauge, end) = (gauge.clone(), end.clone());
        calls.spawn_blocking(move || {
            let _inside = gauge.enter();
            end.pass();
        });
    }
    until(|| gauge.peak() >= 512).await;
    end.open();
    soon_on_real_time(calls.join_all()).await;
    assert_eq!(gauge.peak(), 512);
}

/// The threads are shared: calls that occupy all of them hold up `tokio::fs` and the resolver.
#[test]
fn but_calls_without_a_limit_hold_up_the_file_system() {
    let runtime = Builder::new_current_thread().max_blocking_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (begun, end) = (Gate::default(), Gate::default());
        let limited = Blocking::at_most(ONE);
        let mut calls = JoinSet::new();
        for _ in 0..2 {
            let (limited, work) = (limited.clone(), held(&begun, &end));
            calls.spawn(async move { limited.run(work).await.unwrap() });
        }
        begun.passed().await;
        soon_on_real_time(tokio::fs::metadata("Cargo.toml")).await.unwrap();

        calls.spawn_blocking(held(&begun, &end));
        let metadata = tokio::fs::metadata("Cargo.toml");
        tokio::pin!(metadata);
        for _ in 0..1000 {
            assert!(metadata.as_mut().now_or_never().is_none(), "both threads are taken");
            yield_now().await;
        }
        end.open();
        soon_on_real_time(metadata).await.unwrap();
        soon_on_real_time(calls.join_all()).await;
    });
}

/// asyncio: `to_thread` is a coroutine and starts when it is awaited; `run_in_executor` starts at once. Tokio: an
/// async function starts when it is awaited; `tokio::spawn` starts it.
#[tokio::test]
async fn nothing_begins_before_the_await_unless_it_is_spawned() {
    let (calls, begun) = (Blocking::at_most(ONE), Gate::default());
    let lazy = {
        let begun = begun.clone();
        calls.run(move || begun.open())
    };
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(!begun.is_open());
    let calls = calls.clone();
    let eager = tokio::spawn(async move { calls.run(|| "eager").await });
    assert_eq!(soon_on_real_time(eager).await.unwrap().unwrap(), "eager");
    lazy.await.unwrap();
    assert!(begun.is_open());
}

/// asyncio: `Executor.map` gives results in the order of the inputs. Tokio: so does `join_all`, whichever call ends
/// first.
#[tokio::test]
async fn results_stand_in_the_order_of_the_inputs() {
    let (calls, second_is_done) = (Blocking::at_most(limit(2)), Gate::default());
    let results = [1, 2].map(|number| {
        let second_is_done = second_is_done.clone();
        calls.run(move || {
            if number == 1 {
                second_is_done.pass()
            } else {
                second_is_done.open()
            }
            number * number
        })
    });
    assert_eq!(soon_on_real_time(try_join_all(results)).await.unwrap(), [1, 4]);
}

/// asyncio: `Executor.map` submits everything at once, even if the results are never read. A stream that is not polled
/// starts no call.
#[tokio::test]
async fn but_a_buffered_stream_starts_nothing_that_is_not_asked_for() {
    let (calls, begun) = (Blocking::at_most(limit(8)), Count::default());
    let work = || {
        let (calls, begun) = (calls.clone(), begun.clone());
        async move { calls.run(move || begun.add()).await }
    };
    let mut results = stream::iter(0..8).map(|_| work()).buffered(2);
    assert_eq!(begun.get(), 0);
    results.next().await.unwrap().unwrap();
    assert!(begun.get() <= 2, "the first two were asked for");
    drop(results);

    let all = join_all((0..8).map(|_| tokio::spawn(work())));
    until(|| begun.get() >= 8).await;
    drop(all);
}

/// asyncio: cancelling the waiter cancels queued work. Here: work that is dropped before its turn never begins, and its
/// values are dropped at once.
#[tokio::test]
async fn dropped_before_its_turn_it_never_begins() {
    let (calls, begun, end) = (Blocking::at_most(ONE), Gate::default(), Gate::default());
    let first = tokio::spawn({
        let (calls, work) = (calls.clone(), held(&begun, &end));
        async move { calls.run(work).await }
    });
    begun.passed().await;
    let (ran, dropped) = (Count::default(), Count::default());
    let waiting = calls.run({
        let (ran, captured) = (ran.clone(), dropped.on_drop());
        move || {
            ran.add();
            drop(captured);
        }
    });
    assert!(timeout(ms(1), waiting).await.is_err());
    assert_eq!(dropped.get(), 1);
    end.open();
    first.await.unwrap().unwrap();
    calls.run(|| ()).await.unwrap();
    assert_eq!(ran.get(), 0);
}

/// The hazard: dropping a `JoinHandle` detaches its work, which runs without a waiter. A free blocking thread would
/// begin the work at once, so here the only thread is taken.
#[test]
fn but_a_dropped_join_handle_lets_its_work_run() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let (begun, end) = (Gate::default(), Gate::default());
        let first = spawn_blocking(held(&begun, &end));
        begun.passed().await;
        let (detached, aborted) = (Count::default(), Count::default());
        let work = |count: &Count| {
            let count = count.clone();
            move || count.add()
        };
        drop(spawn_blocking(work(&detached)));
        let limited = Blocking::at_most(ONE);
        assert!(timeout(ms(1), limited.run(work(&aborted))).await.is_err());
        end.open();
        first.await.unwrap();
        soon_on_real_time(limited.run(|| ())).await.unwrap();
        assert_eq!((detached.get(), aborted.get()), (1, 0));
    });
}

/// asyncio: a call that runs cannot be cancelled. Tokio: the same; here it keeps its permit until it ends.
#[tokio::test]
async fn dropped_while_it_runs_it_goes_on_and_keeps_its_place() {
    let (calls, begun, end) = (Blocking::at_most(ONE), Gate::default(), Gate::default());
    let ended = Count::default();
    let result_dropped = Count::default();
    let running = calls.run({
        let (work, ended, result) = (held(&begun, &end), ended.clone(), result_dropped.on_drop());
        move || {
            work();
            ended.add();
            result
        }
    });
    tokio::select! {
        biased;
        _ = running => panic!("it is held"),
        () = begun.passed() => {}
    }
    let next = calls.run({
        let ended = ended.clone();
        move || ended.get()
    });
    tokio::pin!(next);
    assert!(timeout(ms(1), &mut next).await.is_err(), "the permit is still taken");
    end.open();
    assert_eq!(soon_on_real_time(next).await.unwrap(), 1, "after the end of the first");
    until(|| result_dropped.get() == 1).await;
}

/// `abort` returns nothing. asyncio's `Future.cancel` returns `False` for a call that runs. Here the value arrives as
/// it would without the `abort`.
#[tokio::test]
async fn but_abort_does_nothing_to_a_call_that_runs_and_does_not_say_so() {
    let (begun, end) = (Gate::default(), Gate::default());
    let work = held(&begun, &end);
    let call = spawn_blocking(move || {
        work();
        "done"
    });
    begun.passed().await;
    call.abort();
    end.open();
    assert_eq!(soon_on_real_time(call).await.unwrap(), "done");
}

tokio::task_local! {
    static USER: &'static str;
}

/// asyncio: `to_thread` copies the context. Tokio: task-locals stay behind, and the values that the work needs are
/// moved into it.
#[tokio::test]
async fn task_locals_do_not_go_along_and_a_value_does() {
    let calls = Blocking::at_most(ONE);
    let seen = USER.scope("ada", async {
        let user = USER.get();
        calls.run(move || (USER.try_get().ok(), user)).await.unwrap()
    });
    assert_eq!(seen.await, (None, "ada"));
}

/// A blocking call in a task stops every other task of the thread. asyncio: the same, `time.sleep` stops the loop.
#[tokio::test]
async fn but_a_blocking_call_in_a_task_stops_every_other() {
    let beats = Count::default();
    let heart = tokio::spawn({
        let beats = beats.clone();
        async move {
            loop {
                beats.add();
                yield_now().await;
            }
        }
    });
    yield_now().await;
    let before = beats.get();
    (0..100_000).for_each(drop::<u32>); // simulates a call that takes its time
    assert_eq!(beats.get(), before, "nothing else ran");

    let alive = beats.clone();
    let calls = Blocking::at_most(ONE);
    let call = calls.run(move || {
        while alive.get() < before + 3 {
            thread::yield_now();
        }
    });
    soon_on_real_time(call).await.unwrap();
    heart.abort();
}

/// asyncio: `asyncio.run` waits for the threads of the default executor. Tokio: the end of a runtime waits for the
/// calls that run.
#[test]
fn the_end_of_the_runtime_waits_for_what_runs() {
    let (begun, end, ended) = (Gate::default(), Gate::default(), Count::default());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.spawn({
        let (work, ended) = (held(&begun, &end), ended.clone());
        async move {
            let calls = Blocking::at_most(ONE);
            let call = calls.run(move || {
                work();
                ended.add();
            });
            call.await
        }
    });
    runtime.block_on(begun.passed());
    let dropped = Gate::default();
    let dropping = thread::spawn({
        let dropped = dropped.clone();
        move || {
            drop(runtime);
            dropped.open();
        }
    });
    (0..1000).for_each(|_| thread::yield_now());
    assert!(!dropped.is_open());
    end.open();
    soon_on_a_thread(move || dropping.join().unwrap());
    assert_eq!(ended.get(), 1);
}

/// asyncio: `shutdown(wait=False)` still lets the program wait for the threads at its end. Tokio: `shutdown_timeout`
/// and `shutdown_background` leave the threads behind, which end with the program at any point.
#[test]
fn but_shutdown_timeout_leaves_what_runs_behind() {
    let (begun, end) = (Gate::default(), Gate::default());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let ended = Count::default();
    runtime.spawn_blocking({
        let (work, ended) = (held(&begun, &end), ended.clone());
        move || {
            work();
            ended.add();
        }
    });
    runtime.block_on(begun.passed());
    runtime.shutdown_timeout(ms(1));
    assert_eq!(ended.get(), 0);
    end.open(); // only because this program goes on
    soon_on_a_thread(move || {
        while ended.get() == 0 {
            thread::yield_now();
        }
    });
}

/// A thread that is busy at the end of the runtime runs all calls in the queue of `spawn_blocking`, and the end waits.
/// Tokio does not promise whether they run.
#[test]
fn but_the_queue_of_spawn_blocking_holds_up_the_end_of_the_runtime() {
    let (begun, end, ran) = (Gate::default(), Gate::default(), Count::default());
    let runtime = Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    runtime.spawn_blocking(held(&begun, &end));
    runtime.block_on(begun.passed());
    for _ in 0..10 {
        let ran = ran.clone();
        runtime.spawn_blocking(move || ran.add());
    }
    let dropping = thread::spawn(move || drop(runtime));
    end.open();
    soon_on_a_thread(move || dropping.join().unwrap());
    assert_eq!(ran.get(), 10);
}

/// asyncio: queued calls run before the end. Here: a call that waits for its permit is dropped with its task.
#[test]
fn at_the_end_of_the_runtime_what_waits_for_its_turn_never_begins() {
    let (begun, end, ran) = (Gate::default(), Gate::default(), Count::default());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let calls = Blocking::at_most(ONE);
    runtime.spawn({
        let (calls, work) = (calls.clone(), held(&begun, &end));
        async move { calls.run(work).await }
    });
    runtime.block_on(begun.passed());
    let waiting = runtime.spawn({
        let ran = ran.clone();
        async move { calls.run(move || ran.add()).await }
    });
    runtime.block_on(yield_now());
    runtime.shutdown_background();
    end.open();
    assert!(soon_on_a_thread(|| futures::executor::block_on(waiting)).unwrap_err().is_cancelled());
    assert_eq!(ran.get(), 0);
}

/// A runtime that has ended refuses blocking work with an error; it neither hangs nor panics.
#[test]
fn after_the_end_of_the_runtime_a_call_is_cancelled() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _entered = handle.enter();
    let calls = Blocking::at_most(ONE);
    let error = futures::executor::block_on(calls.run(|| ())).unwrap_err();
    assert!(error.is_cancelled());
}

/// A Tokio semaphore panics above `MAX_PERMITS`: a larger limit counts as `MAX_PERMITS`.
#[tokio::test]
async fn a_limit_beyond_what_a_semaphore_can_count_is_none() {
    assert_eq!(Blocking::at_most(NonZeroUsize::MAX).run(|| 1).await.unwrap(), 1);
}

/// asyncio: the queue of an executor is FIFO. Here: the semaphore is FIFO, so the calls are, too.
#[tokio::test]
async fn ten_thousand_calls_wait_their_turn_in_the_order_in_which_they_came() {
    let (calls, order) = (Blocking::at_most(ONE), Arc::new(Mutex::new(Vec::new())));
    let all = (0..10_000).map(|number| {
        let order = order.clone();
        calls.run(move || order.lock().unwrap().push(number))
    });
    soon_on_real_time(try_join_all(all)).await.unwrap();
    assert!(order.lock().unwrap().iter().copied().eq(0..10_000));
}
