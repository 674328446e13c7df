//! Lessons of the pattern `from_a_thread`.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use event_loop::from_a_thread::{submit, wait, wait_for};
use fastrand::Rng;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::real_time::soon_on_a_thread;
use crate::support::{Count, OnDrop, ms};
use crate::work::{HOUR, many_threads, paused, text, us};

/// A runtime of one thread that runs on a thread of its own, as a loop with `run_forever` does. It ends when it is
/// stopped or dropped.
struct Elsewhere {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Elsewhere {
    fn start(mut builder: Builder) -> Self {
        let runtime = builder.build().unwrap();
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(ended).unwrap();
        });
        Self { handle, end: Some(end), thread: Some(thread) }
    }

    fn end(&mut self) {
        if let Some(end) = self.end.take() {
            end.send(()).unwrap();
            self.thread.take().unwrap().join().unwrap();
        }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.end();
    }
}

/// asyncio: the thread blocks in `result()`, and gets the value or the exception. Here an error is a value.
#[test]
fn the_value_or_the_error_comes_back() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(paused());
        let fetch = |page: &'static str| async move {
            sleep(HOUR).await;
            if page == "missing" { Err(format!("{page} not found")) } else { Ok(format!("<{page}>")) }
        };
        let (home, missing) =
            (submit(&runtime.handle, fetch("home")), submit(&runtime.handle, fetch("missing")));
        assert_eq!(wait(home).unwrap(), Ok("<home>".to_owned()));
        assert_eq!(wait_for(missing, HOUR).unwrap().unwrap(), Err("missing not found".to_owned()));
    });
}

/// asyncio: `result()` raises the coroutine's exception in the thread. Here: a panic is a `JoinError` there.
#[test]
fn a_panic_comes_back_as_an_error() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(paused());
        let error = wait(submit(&runtime.handle, async { panic!("no index") })).unwrap_err();
        assert_eq!(text(&*error.into_panic()), "no index");
    });
}

/// asyncio: `result(timeout)` raises `TimeoutError`, the coroutine runs on, and the thread may wait again.
#[test]
fn after_the_limit_the_work_runs_on_and_one_may_wait_again() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(many_threads());
        let (may_end, ends) = oneshot::channel();
        let task = submit(&runtime.handle, async { ends.await.unwrap() });
        let task = wait_for(task, ms(1)).unwrap_err();
        may_end.send("late").unwrap();
        assert_eq!(wait_for(task, HOUR).unwrap().unwrap(), "late");
    });
}

/// asyncio: the thread that gives up calls `future.cancel()`, and the coroutine is cancelled. Here it drops the
/// task.
#[test]
fn who_gives_up_cancels() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(many_threads());
        let (sender, dropped) = mpsc::channel();
        // Made here, so that it is dropped even with work that has not begun.
        let guard = OnDrop(move || sender.send("dropped").unwrap());
        let work = async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        };
        let late = wait_for(submit(&runtime.handle, work), ms(1)).unwrap_err();
        drop(late);
        assert_eq!(dropped.recv(), Ok("dropped"));
    });
}

/// asyncio: dropping a future changes nothing. Tokio: the same for a `JoinHandle`. Here the work runs on only after a
/// `detach`.
#[test]
fn but_a_detached_task_and_a_dropped_join_handle_run_on() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(many_threads());
        let (sender, receiver) = mpsc::channel();
        let (go_on, goes_on) = tokio::sync::watch::channel(false);
        let work = |name: &'static str| {
            let (sender, mut goes_on) = (sender.clone(), goes_on.clone());
            async move {
                goes_on.wait_for(|go_on| *go_on).await.unwrap();
                sender.send(name).unwrap();
            }
        };
        let detached = wait_for(submit(&runtime.handle, work("detached")), Duration::ZERO).unwrap_err();
        drop(detached.detach());
        drop(runtime.handle.spawn(work("handle dropped")));
        go_on.send(true).unwrap();
        let mut names = [receiver.recv().unwrap(), receiver.recv().unwrap()];
        names.sort_unstable();
        assert_eq!(names, ["detached", "handle dropped"]);
    });
}

/// asyncio: `result(0)` returns the value if the work is done, and raises `TimeoutError` otherwise. Here: the same.
#[test]
fn no_limit_at_all_gives_what_is_done() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(many_threads());
        let (done, pending) =
            (submit(&runtime.handle, async { 7 }), submit(&runtime.handle, std::future::pending::<()>()));
        while !done.is_finished() {
            thread::yield_now();
        }
        assert_eq!(wait_for(done, Duration::ZERO).unwrap().unwrap(), 7);
        assert!(wait_for(pending, Duration::ZERO).is_err());
    });
}

/// An `Instant` beyond the clock would overflow: `Duration::MAX` counts as no limit.
#[test]
fn a_limit_without_end_is_no_trouble() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(many_threads());
        assert_eq!(wait_for(submit(&runtime.handle, async { 7 }), Duration::MAX).unwrap().unwrap(), 7);
    });
}

/// asyncio: the thread measures the limit, not the loop. Here too: the wait ends although the runtime is blocked.
#[test]
fn the_limit_ends_although_the_runtime_is_blocked() {
    soon_on_a_thread(|| {
        for builder in [paused(), Builder::new_current_thread()] {
            let runtime = Elsewhere::start(builder);
            let (unblock, blocked) = mpsc::channel::<()>();
            let (blocks, is_blocked) = mpsc::channel();
            let blocking = submit(&runtime.handle, async move {
                blocks.send(()).unwrap();
                blocked.recv().unwrap();
            });
            is_blocked.recv().unwrap();
            let next = wait_for(submit(&runtime.handle, async { "the next" }), ms(1)).unwrap_err();
            unblock.send(()).unwrap();
            wait(blocking).unwrap();
            assert_eq!(wait(next).unwrap(), "the next");
        }
    });
}

/// asyncio: `run_coroutine_threadsafe` on a closed loop raises `RuntimeError`; when the loop stops meanwhile, the
/// thread waits forever. Here both are errors.
#[test]
fn after_the_end_of_the_runtime_it_is_an_error_and_not_a_hang() {
    soon_on_a_thread(|| {
        for builder in [paused(), many_threads()] {
            let mut runtime = Elsewhere::start(builder);
            let waiting = submit(&runtime.handle, std::future::pending::<()>());
            let (waits, waited) = mpsc::channel();
            let waiter = thread::spawn(move || {
                waits.send(()).unwrap();
                wait(waiting)
            });
            waited.recv().unwrap();
            runtime.end();
            assert!(waiter.join().unwrap().unwrap_err().is_cancelled());
            let late = submit(&runtime.handle, async { 7 });
            assert!(wait(late).unwrap_err().is_cancelled());
            let late = submit(&runtime.handle, async { 7 });
            assert!(wait_for(late, HOUR).unwrap().unwrap_err().is_cancelled());
        }
    });
}

/// asyncio: in a loop that does not run the work never begins, without a message. Here: the same.
#[test]
fn on_a_runtime_that_nobody_runs_nothing_happens() {
    let runtime = paused().build().unwrap();
    let task = wait_for(submit(runtime.handle(), async { 7 }), ms(1)).unwrap_err();
    runtime.block_on(yield_now());
    assert_eq!(wait(task).unwrap(), 7);
}

/// asyncio: `result()` in the thread of the loop waits forever. Here it panics, as Tokio's own blocking calls do.
#[test]
#[should_panic(expected = "Cannot block the current thread from within a runtime")]
fn to_wait_in_asynchronous_code_panics() {
    soon_on_a_thread(|| {
        let waits = async { wait(submit(&Handle::current(), async {})) };
        paused().build().unwrap().block_on(waits).unwrap();
    });
}

/// asyncio: `result(timeout)` in the loop's own thread blocks it for that time. Here: it panics at once.
#[test]
#[should_panic(expected = "Cannot block the current thread from within a runtime")]
fn to_wait_there_with_a_limit_panics_too() {
    soon_on_a_thread(|| {
        let runtime = many_threads().build().unwrap();
        let waits = async { wait_for(submit(&Handle::current(), async {}), HOUR).is_ok() };
        let error = runtime.block_on(runtime.spawn(waits)).unwrap_err();
        resume_unwind(error.into_panic());
    });
}

/// asyncio: a thread of `to_thread` may wait. So may a thread of `spawn_blocking`.
#[test]
fn in_spawn_blocking_one_may_wait() {
    soon_on_a_thread(|| {
        let answer = Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let runtime = Handle::current();
            tokio::task::spawn_blocking(move || {
                wait(submit(&runtime, async {
                    sleep(ms(1)).await;
                    7
                }))
            })
            .await
        });
        assert_eq!(answer.unwrap().unwrap(), 7);
    });
}

/// A paused clock does not advance while `spawn_blocking` works. The thread measures the limit in real time.
#[test]
fn the_limit_ends_although_the_clock_of_the_runtime_stands_still() {
    soon_on_a_thread(|| {
        let soon_on_a_thread = paused().build().unwrap().block_on(async {
            let runtime = Handle::current();
            let never = move || wait_for(submit(&runtime, std::future::pending::<()>()), ms(1)).is_ok();
            tokio::task::spawn_blocking(never).await
        });
        assert!(!soon_on_a_thread.unwrap());
    });
}

/// A thread may be woken for other reasons; the wait then goes on.
#[test]
fn a_wake_up_for_something_else_does_not_end_the_wait() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(many_threads());
        let (may_end, ends) = oneshot::channel();
        let task = submit(&runtime.handle, async { ends.await.unwrap() });
        let waiter = thread::current();
        let disturbs = thread::spawn(move || {
            for _ in 0..1_000 {
                waiter.unpark();
                thread::yield_now();
            }
            may_end.send(7).unwrap();
        });
        assert_eq!(wait_for(task, HOUR).unwrap().unwrap(), 7);
        disturbs.join().unwrap();
    });
}

/// A hundred threads wait, each for a result that is not `Sync`.
#[test]
fn a_hundred_threads_each_get_their_own_result() {
    soon_on_a_thread(|| {
        let runtime = Elsewhere::start(many_threads());
        let threads: Vec<_> = (0..100)
            .map(|number| {
                let handle = runtime.handle.clone();
                thread::spawn(move || {
                    let work = async move {
                        yield_now().await;
                        std::cell::Cell::new(number)
                    };
                    wait(submit(&handle, work)).unwrap().get()
                })
            })
            .collect();
        let results: Vec<i32> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(results, (0..100).collect::<Vec<_>>());
    });
}

/// Threads wait, give up and detach while the runtime ends: each future is dropped once, and no thread waits forever.
#[test]
fn from_many_threads_each_work_ends_once_also_when_the_runtime_ends_meanwhile() {
    soon_on_a_thread(|| {
        for seed in 0..60 {
            let mut random = Rng::with_seed(seed);
            let runtime = many_threads().build().unwrap();
            let (begun, finished, dropped) = (Count::default(), Count::default(), Count::default());
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let (handle, mut random) = (runtime.handle().clone(), random.fork());
                    let (begun, finished, dropped) = (begun.clone(), finished.clone(), dropped.clone());
                    thread::spawn(move || {
                        let mut values = 0;
                        for number in 0..25 {
                            let (guard, finishes, turns) =
                                (dropped.on_drop(), finished.clone(), random.u8(0..4));
                            begun.add();
                            let task = submit(&handle, async move {
                                let _guard = guard;
                                for _ in 0..turns {
                                    yield_now().await;
                                }
                                finishes.add();
                                number
                            });
                            let waited = match random.u8(0..4) {
                                0 => wait_for(task, us(random.u64(0..50))).ok(),
                                1 => None,
                                2 => {
                                    drop(task.detach());
                                    None
                                }
                                _ => Some(wait(task)),
                            };
                            if let Some(Ok(value)) = waited {
                                assert_eq!(value, number, "seed {seed}");
                                values += 1;
                            }
                        }
                        values
                    })
                })
                .collect();
            if random.bool() {
                runtime.block_on(yield_now());
                runtime.shutdown_background();
            } else {
                runtime.block_on(async { sleep(us(random.u64(0..300))).await });
                drop(runtime);
            }
            let values: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            assert!(values <= finished.get(), "seed {seed}");
            // A task that a worker was running at the shutdown is dropped a moment later.
            while dropped.get() < begun.get() {
                thread::yield_now();
            }
            assert_eq!((dropped.get(), begun.get()), (100, 100), "seed {seed}");
        }
    });
}
