//! Lessons of the pattern `threads`.

use std::cell::Cell;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use executors::threads::Threads;
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{Either, join_all, select, try_join_all};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio_util::task::AbortOnDropHandle;

use crate::real_time::{soon_on_a_thread, soon_on_real_time};
use crate::support::{Count, Gauge, ONE, limit, ms, panics};
use crate::work::{Gate, held, my_name, my_thread, other_program, until};

fn threads(most: usize) -> Threads {
    Threads::new(limit(most), "lesson").unwrap()
}

/// Returns one thread, which a job occupies until the gate is opened.
async fn taken() -> (Threads, tokio::task::JoinHandle<()>, Gate) {
    let (threads, begun, end) = (threads(1), Gate::default(), Gate::default());
    let running = threads.submit(held(&begun, &end));
    begun.passed().await;
    (threads, running, end)
}

/// Makes a runtime with one blocking thread, which `change` configures.
fn plain(change: impl FnOnce(&mut Builder)) -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.max_blocking_threads(1);
    change(&mut builder);
    builder.build().unwrap()
}

/// asyncio: `submit` to a pool with a `thread_name_prefix`. Tokio: a second runtime gives its threads a name.
#[tokio::test]
async fn a_job_runs_on_a_thread_of_that_name() {
    let threads = Threads::new(ONE, "data\0base").unwrap();
    let job = threads.submit(|| (my_name(), my_thread()));
    let (name, thread) = soon_on_real_time(job).await.unwrap();
    assert_eq!(name, "database", "a name cannot have a zero in it");
    assert_ne!(thread, my_thread());
}

/// asyncio: `submit` starts the work before an await. Tokio: so does `spawn_blocking`, on the other runtime.
#[tokio::test]
async fn a_job_begins_without_an_await() {
    let (threads, begun, end) = (threads(1), Gate::default(), Gate::default());
    let job = threads.submit(held(&begun, &end));
    begun.pass(); // waits on this thread: no task had a turn
    end.open();
    soon_on_real_time(job).await.unwrap();
}

/// asyncio: never more threads than `max_workers`. Tokio: never more than `max_blocking_threads`.
#[tokio::test]
async fn as_many_run_at_once_as_the_limit_says() {
    let (threads, gauge, all_inside) = (threads(3), Gauge::default(), Arc::new(Barrier::new(3)));
    let jobs = (0..9).map(|_| {
        let (gauge, all_inside) = (gauge.clone(), all_inside.clone());
        threads.submit(move || {
            let _inside = gauge.enter();
            all_inside.wait();
        })
    });
    soon_on_real_time(try_join_all(jobs)).await.unwrap();
    assert_eq!(gauge.peak(), 3);
}

/// asyncio: the queue of an executor is FIFO. Tokio: so is the queue of the blocking threads.
#[tokio::test]
async fn ten_thousand_jobs_run_in_order() {
    let (threads, order) = (threads(1), Arc::new(Mutex::new(Vec::new())));
    let jobs: Vec<_> = (0..10_000)
        .map(|number| {
            let order = order.clone();
            threads.submit(move || order.lock().unwrap().push(number))
        })
        .collect();
    soon_on_real_time(try_join_all(jobs)).await.unwrap();
    assert!(order.lock().unwrap().iter().copied().eq(0..10_000));
}

/// asyncio: the default executor is shared, and `getaddrinfo` waits in its queue. Tokio: a second runtime shares no
/// threads.
#[test]
fn the_file_system_goes_on_meanwhile() {
    let program = Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    program.block_on(async {
        let (_threads, running, end) = taken().await;
        soon_on_real_time(tokio::fs::metadata("Cargo.toml")).await.unwrap();
        end.open();
        running.await.unwrap();
    });
}

/// asyncio: an exception of a job is raised by its await. Tokio: a panic is a `JoinError`, and the thread goes on.
#[tokio::test]
async fn a_panic_is_an_error_and_the_thread_goes_on() {
    let threads = threads(1);
    let thread = threads.submit(my_thread);
    let error = soon_on_real_time(threads.submit(|| panics::<()>("no such row"))).await.unwrap_err();
    assert_eq!(error.into_panic().downcast_ref(), Some(&"no such row"));
    assert_eq!(soon_on_real_time(threads.submit(my_thread)).await.unwrap(), thread.await.unwrap());
}

/// asyncio: `shutdown()` waits for the queue and for the threads. Tokio: `finish` waits for the jobs, then for the drop of
/// the runtime.
#[tokio::test]
async fn finish_waits_for_the_queue_and_for_the_threads() {
    struct AddOnDrop(Count);
    impl Drop for AddOnDrop {
        fn drop(&mut self) {
            self.0.add();
        }
    }
    thread_local! {
        static KEPT: Cell<Option<AddOnDrop>> = const { Cell::new(None) };
    }
    let (threads, running, end) = taken().await;
    let (ran, gone) = (Count::default(), Count::default());
    let jobs: Vec<_> = (0..10)
        .map(|_| {
            let (ran, kept) = (ran.clone(), AddOnDrop(gone.clone()));
            threads.submit(move || {
                ran.add();
                // The last value is dropped with its thread.
                KEPT.set(Some(kept));
            })
        })
        .collect();
    let mut finish = Box::pin(threads.finish());
    assert!(finish.as_mut().now_or_never().is_none());
    assert_eq!(ran.get(), 0);
    end.open();
    soon_on_real_time(finish).await;
    assert_eq!((ran.get(), gone.get()), (10, 10));
    running.await.unwrap();
    assert!(join_all(jobs).await.iter().all(Result::is_ok));
}

/// asyncio: `shutdown()` blocks its thread until the last job is done. Tokio: `finish` occupies a blocking thread only
/// while the threads end.
#[test]
fn finish_holds_no_thread_while_jobs_run() {
    let program = Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    program.block_on(async {
        let (threads, _running, end) = taken().await;
        let mut finish = Box::pin(threads.finish());
        assert!(finish.as_mut().now_or_never().is_none());
        soon_on_real_time(tokio::fs::metadata("Cargo.toml")).await.unwrap();
        end.open();
        soon_on_real_time(finish).await;
    });
}

/// The hazard: the drop of a runtime waits, which a task must not do. asyncio: `shutdown()` in a coroutine blocks the
/// loop.
#[tokio::test]
async fn but_a_runtime_dropped_in_a_task_panics() {
    let dropped = tokio::spawn(async { drop(plain(|_| {})) });
    assert!(dropped.await.unwrap_err().is_panic());

    drop(threads(1));
    soon_on_real_time(threads(1).finish()).await;
}

/// The hazard: a drop instead of `finish` does not wait, and a busy thread runs the queue. asyncio:
/// `shutdown(wait=False)` runs it, too, and the end of the program waits for it.
#[tokio::test]
async fn but_a_drop_may_run_the_queue_and_does_not_wait() {
    let (threads, running, end) = taken().await;
    let ran = Count::default();
    for _ in 0..10 {
        let ran = ran.clone();
        drop(threads.submit(move || ran.add()));
    }
    drop(threads);
    assert_eq!(ran.get(), 0);
    end.open();
    until(|| ran.get() == 10).await;
    running.await.unwrap();
}

/// The hazard: the job runs although its handle is dropped. asyncio: cancelling the waiter cancels queued work.
#[tokio::test]
async fn but_a_dropped_handle_cancels_nothing() {
    let (threads, _running, end) = taken().await;
    let (detached, aborted) = (Count::default(), Count::default());
    let work = |count: &Count| {
        let count = count.clone();
        move || count.add()
    };
    drop(threads.submit(work(&detached)));
    drop(AbortOnDropHandle::new(threads.submit(work(&aborted))));
    end.open();
    soon_on_real_time(threads.finish()).await;
    assert_eq!((detached.get(), aborted.get()), (1, 0));
}

/// asyncio: `Future.cancel` returns whether it was in time. Tokio: only the await of the job shows it.
#[tokio::test]
async fn but_abort_does_not_say_whether_it_was_in_time() {
    let (threads, running, end) = taken().await;
    let queued = threads.submit(|| ());
    let (): () = running.abort();
    let (): () = queued.abort();
    end.open();
    soon_on_real_time(running).await.unwrap();
    assert!(soon_on_real_time(queued).await.unwrap_err().is_cancelled());
}

/// The hazard: a start hook is no initializer. A thread that panics in it is lost but still counted, so no job ever
/// runs. asyncio: an initializer that raises breaks the pool, and each job reports that.
#[tokio::test]
async fn but_a_panic_in_the_start_hook_loses_the_thread() {
    let hooks = Count::default();
    let hook = hooks.clone();
    let runtime = plain(|builder| {
        builder.on_thread_start(move || {
            hook.add();
            panics("no connection")
        });
    });
    let mut jobs = [runtime.spawn_blocking(|| 1), runtime.spawn_blocking(|| 2)];
    until(|| hooks.get() == 1).await;
    let mut third = runtime.spawn_blocking(|| 3);
    for _ in 0..1_000 {
        assert!(jobs.iter_mut().chain([&mut third]).all(|job| job.now_or_never().is_none()));
        yield_now().await;
    }
    assert_eq!(hooks.get(), 1, "no other thread was started");
    runtime.shutdown_background();
}

/// The hazard: an idle thread ends after ten seconds, here after a millisecond, and its thread-locals are dropped.
/// asyncio: the threads of a pool stay until its end.
#[tokio::test]
async fn but_idle_threads_end_unless_kept_alive() {
    let ended = Count::default();
    let hook = ended.clone();
    let runtime = plain(|builder| {
        builder.thread_keep_alive(ms(1)).on_thread_stop(move || hook.add());
    });
    let first = soon_on_real_time(runtime.spawn_blocking(my_thread)).await.unwrap();
    until(|| ended.get() == 1).await;
    assert_ne!(soon_on_real_time(runtime.spawn_blocking(my_thread)).await.unwrap(), first);
    runtime.shutdown_background();
}

/// The hazard: inside a job the current runtime is the second one, and no thread runs its tasks. asyncio: a pool's
/// thread has no loop, so `create_task` raises there.
#[tokio::test]
async fn but_a_task_spawned_in_a_job_never_runs() {
    let (threads, program) = (threads(1), tokio::runtime::Handle::current());
    let job = threads.submit(move || (tokio::spawn(async { "never" }), program.spawn(async { "soon" })));
    let (mut lost, done) = soon_on_real_time(job).await.unwrap();
    assert_eq!(soon_on_real_time(done).await.unwrap(), "soon");
    for _ in 0..1_000 {
        assert!((&mut lost).now_or_never().is_none());
        yield_now().await;
    }
    soon_on_real_time(threads.finish()).await;
    assert!(soon_on_real_time(lost).await.unwrap_err().is_cancelled());
}

/// The hazard: the only thread waits for a job that only it could run. asyncio: the same.
#[tokio::test]
async fn but_a_job_can_wait_for_its_own_threads() {
    let (threads, (give_up, given_up)) = (Arc::new(threads(1)), oneshot::channel::<()>());
    let own = threads.clone();
    let waits = threads.submit(move || {
        let inner = own.submit(|| "inner");
        matches!(block_on(select(inner, given_up)), Either::Left(_))
    });
    tokio::pin!(waits);
    for _ in 0..1_000 {
        assert!(waits.as_mut().now_or_never().is_none());
        yield_now().await;
    }
    give_up.send(()).unwrap();
    assert!(!soon_on_real_time(waits).await.unwrap(), "it would have waited forever");
}

/// asyncio: `submit` raises `RuntimeError: can't start new thread`. Tokio: `spawn_blocking` panics.
#[test]
fn but_without_a_thread_submit_panics() {
    // No machine has enough memory for such a stack.
    let mut program = other_program("a program that has no threads for a second runtime");
    let output = program.env("RUST_MIN_STACK", "1000000000000000").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("it panicked, and nothing ran"), "{output:?}");
}

/// Outside a runtime, too, a job can be submitted and waited for. asyncio: `pool.submit(...).result()`.
#[test]
fn jobs_need_no_runtime_of_the_caller() {
    let threads = threads(1);
    let job = threads.submit(my_name);
    assert_eq!(soon_on_a_thread(|| block_on(job)).unwrap(), "lesson");
    // A drop outside a task leaves a running job behind as well.
    let (begun, end) = (Gate::default(), Gate::default());
    drop(threads.submit(held(&begun, &end)));
    begun.pass();
    soon_on_a_thread(move || drop(threads));
    end.open();
}

/// Four threads submit to three: each job has run once when `finish` is over. asyncio: `shutdown()` promises the same.
#[test]
fn submitted_from_four_threads_each_job_runs_once() {
    let (threads, ran) = (threads(3), Count::default());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    let ran = ran.clone();
                    drop(threads.submit(move || ran.add()));
                }
            });
        }
    });
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(soon_on_real_time(threads.finish()));
    assert_eq!(ran.get(), 4_000);
}
