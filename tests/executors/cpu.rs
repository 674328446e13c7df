//! Lessons of the pattern `cpu`.

use std::panic;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use executors::cpu::{Panicked, Stop, Stopped, compute};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::try_join_all;
use rayon::ThreadPool;
use rayon::prelude::*;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::real_time::soon_on_real_time;
use crate::support::{Count, Gauge, PanicsWhenDropped, ms};
use crate::work::cpu::pool;
use crate::work::{Gate, held, my_name, my_thread, other_program, until};

/// asyncio: a process pool computes beside the loop. Here: threads do it.
#[tokio::test]
async fn the_value_arrives_and_the_work_ran_on_the_pools_thread() {
    let pool = pool(1);
    assert_eq!(soon_on_real_time(compute(&pool, |_| (6 * 7, my_name()))).await, Ok((42, "cpu-0".to_owned())));
}

/// asyncio: `run_in_executor` submits at the call. Here: an async function begins at its first poll.
#[tokio::test]
async fn nothing_begins_before_the_await() {
    let (pool, ran) = (pool(1), Gate::default());
    let lazy = {
        let ran = ran.clone();
        compute(&pool, move |_| ran.open())
    };
    pool.install(|| ());
    assert!(!ran.is_open());
    soon_on_real_time(lazy).await.unwrap();
    assert!(ran.is_open());
}

/// asyncio: four jobs on four workers. Here: four threads, as many as the pool was given.
#[tokio::test]
async fn as_many_run_at_once_as_the_pool_has_threads_and_no_more() {
    let (pool, gauge, four) = (pool(4), Gauge::default(), Arc::new(Barrier::new(4)));
    let all = (0..12).map(|number| {
        let (gauge, four) = (gauge.clone(), four.clone());
        compute(&pool, move |_| {
            let _inside = gauge.enter();
            four.wait();
            number
        })
    });
    assert_eq!(soon_on_real_time(try_join_all(all)).await.unwrap(), (0..12).collect::<Vec<_>>());
    assert_eq!(gauge.peak(), 4);
}

/// asyncio: an exception in a worker goes to its future. Here: so does a panic, even one from within a parallel
/// iterator.
#[tokio::test]
async fn a_panic_is_an_error_and_the_pool_goes_on() {
    let pool = pool(2);
    let error = soon_on_real_time(compute(&pool, |_| -> u8 { panic!("no {}", "chunk") })).await;
    assert_eq!(error, Err(Panicked("no chunk".to_owned())));
    let work =
        |_: &_| (0..100).into_par_iter().map(|n| if n == 50 { panic!("fifty") } else { n }).sum::<i32>();
    assert_eq!(soon_on_real_time(compute(&pool, work)).await, Err(Panicked("fifty".to_owned())));
    assert_eq!(soon_on_real_time(compute(&pool, |_| 42)).await, Ok(42));
}

/// rayon's own `spawn` has no caller to report a panic to, and ends the program.
#[test]
fn but_a_panic_in_a_bare_spawn_ends_the_program() {
    let output = other_program("rayon's spawn panics").output().unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("Rayon: detected unexpected panic; aborting"), "{errors}");
}

/// The program survives panics of destructors: of an unwanted result, of a panic's payload, of work that never begins.
#[tokio::test]
async fn a_destructor_that_panics_does_not_end_the_program() {
    let pool = pool(1);
    let payload = soon_on_real_time(compute(&pool, |_| -> () { panic::panic_any(PanicsWhenDropped) })).await;
    assert_eq!(payload, Err(Panicked("a value that is not text".to_owned())));

    let (begun, end) = (Gate::default(), Gate::default());
    let work = held(&begun, &end);
    let unwanted = compute(&pool, move |_| {
        work();
        PanicsWhenDropped
    });
    let captured = PanicsWhenDropped;
    let unbegun = compute(&pool, move |_| drop(captured));
    tokio::select! {
        biased;
        _ = unwanted => panic!("it is held"),
        _ = unbegun => panic!("it has no thread"),
        () = begun.passed() => {}
    }
    end.open();
    assert_eq!(soon_on_real_time(compute(&pool, |_| 42)).await, Ok(42));
}

/// asyncio: work that waits for its worker is cancelled with its waiter. Here: the same.
#[tokio::test]
async fn dropped_before_it_begins_it_never_does() {
    let (pool, begun, end) = (pool(1), Gate::default(), Gate::default());
    let work = held(&begun, &end);
    let running = compute(&pool, move |_| work());
    tokio::pin!(running);
    assert!(running.as_mut().now_or_never().is_none());
    let (ran, dropped) = (Count::default(), Count::default());
    let waiting = compute(&pool, {
        let (ran, captured) = (ran.clone(), dropped.on_drop());
        move |_| {
            ran.add();
            drop(captured);
        }
    });
    assert!(timeout(ms(1), waiting).await.is_err());
    end.open();
    soon_on_real_time(running).await.unwrap();
    soon_on_real_time(compute(&pool, |_| ())).await.unwrap();
    assert_eq!((ran.get(), dropped.get()), (0, 1));
}

/// asyncio: nothing stops a worker that computes. Here: work that checks [`Stop`](executors::cpu::Stop) between two
/// chunks ends there.
#[tokio::test]
async fn dropped_while_it_computes_it_stops_between_two_chunks() {
    let (pool, chunks, goes_on) = (pool(1), Count::default(), Gate::default());
    let ((first, first_done), (stopped, has_stopped)) = (oneshot::channel(), oneshot::channel());
    let work = compute(&pool, {
        let (chunks, goes_on) = (chunks.clone(), goes_on.clone());
        let mut first = Some(first);
        move |stop| {
            let outcome = (0..1000).try_for_each(|_| {
                stop.check()?;
                chunks.add();
                if let Some(first) = first.take() {
                    first.send(()).unwrap();
                    goes_on.pass();
                }
                Ok(())
            });
            stopped.send((outcome, stop.is_set())).unwrap();
        }
    });
    tokio::select! {
        biased;
        _ = work => panic!("it is held in its first chunk"),
        first = first_done => first.unwrap(),
    }
    goes_on.open();
    assert_eq!(soon_on_real_time(has_stopped).await, Ok((Err(Stopped), true)));
    assert_eq!(chunks.get(), 1);
}

/// Only a drop sets `Stop`: a computation that is awaited to its end never sees it.
#[tokio::test]
async fn awaited_to_its_end_it_is_never_told_to_stop() {
    let pool = pool(2);
    let work = |stop: &executors::cpu::Stop| {
        let stop = stop.clone();
        (0..1000).into_par_iter().map(|number| stop.check().map(|()| number)).sum::<Result<u32, _>>()
    };
    assert_eq!(soon_on_real_time(compute(&pool, work)).await, Ok(Ok(499_500)));
}

/// asyncio: a job that waits for another job of its own pool can deadlock. rayon: `join` does the other job itself.
#[tokio::test]
async fn a_join_within_does_not_deadlock_on_one_thread() {
    fn sum(numbers: &[u64]) -> u64 {
        match numbers {
            [] => 0,
            [number] => *number,
            _ => {
                let (left, right) = numbers.split_at(numbers.len() / 2);
                let (left, right) = rayon::join(|| sum(left), || sum(right));
                left + right
            }
        }
    }
    let pool = pool(1);
    let numbers: Vec<_> = (0..1000).collect();
    assert_eq!(soon_on_real_time(compute(&pool, move |_| sum(&numbers))).await, Ok(499_500));
}

/// While the pool computes, the tasks run on.
#[tokio::test]
async fn the_tasks_of_the_runtime_run_meanwhile() {
    let (pool, beats) = (pool(1), Count::default());
    let heart = {
        let beats = beats.clone();
        async move {
            loop {
                beats.add();
                yield_now().await;
            }
        }
    };
    let work = compute(&pool, move |_| {
        while beats.get() < 3 {
            thread::yield_now();
        }
    });
    tokio::select! {
        () = heart => {}
        outcome = soon_on_real_time(work) => outcome.unwrap(),
    }
}

/// The hazard: `install` returns the value without an await, because it blocks the task and all others of its thread.
#[tokio::test]
async fn but_install_blocks_the_task_that_calls_it() {
    let (pool, beats) = (pool(1), Count::default());
    tokio::spawn({
        let beats = beats.clone();
        async move { beats.add() }
    });
    assert_eq!(pool.install(|| (0..1000).sum::<u32>()), 499_500);
    assert_eq!(beats.get(), 0);
    yield_now().await;
    assert_eq!(beats.get(), 1);
}

/// rayon queues without a limit: two threads take ten thousand jobs, and each caller gets its own result.
#[tokio::test]
async fn ten_thousand_wait_their_turn() {
    let (pool, [one, other, end]) = (pool(2), [(), (), ()].map(|()| Gate::default()));
    let (work, other_work) = (held(&one, &end), held(&other, &end));
    let both = async { tokio::try_join!(compute(&pool, |_| work()), compute(&pool, |_| other_work())) };
    let (gauge, mut both) = (Gauge::default(), Box::pin(both));
    assert!(both.as_mut().now_or_never().is_none());
    one.passed().await;
    other.passed().await;

    let ran = Count::default();
    let all = (0..10_000).map(|number| {
        let (gauge, ran) = (gauge.clone(), ran.clone());
        compute(&pool, move |_| {
            let _inside = gauge.enter();
            ran.add();
            number
        })
    });
    let mut all = Box::pin(try_join_all(all));
    assert!(all.as_mut().now_or_never().is_none());
    assert_eq!(ran.get(), 0, "both threads are taken");
    end.open();
    soon_on_real_time(both).await.unwrap();
    assert_eq!(soon_on_real_time(all).await.unwrap(), (0..10_000).collect::<Vec<_>>());
    assert_eq!(ran.get(), 10_000);
    assert!(gauge.peak() <= 2);
}

/// Tasks on four threads use a pool of two; some give up, some panic. Each waiter gets its own answer, and no work runs
/// twice.
#[test]
fn many_threads_and_many_rounds_lose_and_double_nothing() {
    async fn ask(pool: &ThreadPool, dropped: Count, mut random: Rng) {
        for number in 0..20_u32 {
            let (panics, gives_up) = (random.u8(..5) == 0, random.u8(..3) == 0);
            let (ran, captured) = (Count::default(), dropped.on_drop());
            let runs = ran.clone();
            let work = compute(pool, move |stop| {
                let _captured = captured;
                runs.add();
                if panics {
                    panic::resume_unwind(Box::new("on purpose"));
                }
                stop.check().map(|()| number)
            });
            if gives_up {
                tokio::select! {
                    _ = work => {}
                    () = yield_now() => {}
                }
                assert!(ran.get() <= 1);
            } else {
                let expected = if panics { Err(Panicked("on purpose".to_owned())) } else { Ok(Ok(number)) };
                assert_eq!((work.await, ran.get()), (expected, 1));
            }
        }
    }

    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        for seed in 0..100 {
            let mut random = Rng::with_seed(seed);
            let (pool, dropped, mut tasks) = (Arc::new(pool(2)), Count::default(), JoinSet::new());
            for _ in 0..4 {
                let (pool, dropped, random) = (pool.clone(), dropped.clone(), random.fork());
                tasks.spawn(async move { ask(&pool, dropped, random).await });
            }
            soon_on_real_time(tasks.join_all()).await;
            until(|| dropped.get() == 80).await;
        }
    });
}

/// While `join` waits for a part that another thread has taken, its thread does other work of the pool, on top of the
/// same stack. If that work needs a lock that is held below it, it would wait for its own thread, forever. Here it uses
/// `try_lock`, so that the lesson ends. If the lock is released before the `join`, the same work gets it.
#[tokio::test]
async fn but_a_lock_held_over_a_join_is_met_by_its_own_thread() {
    for holds_on in [true, false] {
        let (pool, total) = (Arc::new(pool(2)), Arc::new(Mutex::new(40)));
        let [taken, others_done] = [(), ()].map(|()| Gate::default());
        let sums = {
            let (total, taken, others_done) = (total.clone(), taken.clone(), others_done.clone());
            move |_: &Stop| {
                let guard = total.lock().unwrap();
                let first = *guard;
                let kept = holds_on.then_some(guard);
                rayon::join(
                    || taken.pass(),
                    || {
                        taken.open();
                        others_done.pass();
                    },
                );
                (first, kept.is_some(), my_thread())
            }
        };
        let others = {
            let (pool, taken, others_done, total) = (pool.clone(), taken, others_done, total.clone());
            async move {
                taken.passed().await;
                let adds = move |_: &Stop| {
                    let locked = total.try_lock().map(|mut total| *total += 2).is_ok();
                    others_done.open();
                    (locked, my_thread())
                };
                compute(&pool, adds).await.unwrap()
            }
        };
        let (sums, others) = soon_on_real_time(async { tokio::join!(compute(&pool, sums), others) }).await;
        let ((first, held, holder), (locked, adder)) = (sums.unwrap(), others);
        assert_eq!((first, held, locked, holder), (40, holds_on, !holds_on, adder));
    }
}
