//! Lessons of the pattern `thread_pool`.

use std::collections::BTreeSet;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

use executors::thread_pool::{JobError, OwnPool, Queued, Refused, Stage, ThreadPool, default_threads};
use futures::future::{join_all, try_join_all};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::real_time::{soon_on_a_thread, soon_on_real_time};
use crate::support::{Count, Gauge, ONE, PanicsWhenDropped, limit, ms};
use crate::work::thread_pool::{pool, taken};
use crate::work::{Gate, held, my_name, my_thread, other_program, until};

mod threads {
    use super::*;

    /// asyncio: `thread_name_prefix="db"` makes `db_0`, `db_1`. Here: the same names.
    #[tokio::test]
    async fn have_the_name_of_the_pool_and_a_number() {
        let (pool, both) = (ThreadPool::new(limit(2), "db"), Arc::new(Barrier::new(2)));
        let jobs = pool.map([(), ()], move |()| {
            both.wait();
            my_name()
        });
        let mut names = soon_on_real_time(try_join_all(jobs.unwrap())).await.unwrap();
        names.sort();
        assert_eq!(names, ["db_0", "db_1"]);
    }

    /// `std` panics at a thread name with a NUL: the pool leaves it out.
    #[tokio::test]
    async fn have_a_name_without_the_zeros_that_no_thread_can_have() {
        let pool = ThreadPool::new(ONE, "d\0b");
        assert_eq!(soon_on_real_time(pool.submit(my_name).unwrap()).await.unwrap(), "db_0");
    }

    /// asyncio: a thread is started for a job only if none is idle. Here: the same.
    #[tokio::test]
    async fn are_started_when_there_is_work_and_none_is_idle() {
        let pool = pool(8);
        for _ in 0..20 {
            let thread = pool.submit(my_name).unwrap();
            assert_eq!(soon_on_real_time(thread).await.unwrap(), "lesson_0");
            // The thread sends its result before it waits for the next job: until then it counts as busy.
            until(|| format!("{pool:?}").contains("idle: 1")).await;
        }
    }

    /// asyncio: never more than `max_workers`.
    #[tokio::test]
    async fn are_never_more_than_the_limit_and_as_many_as_there_is_work_for() {
        let (pool, gauge, four) = (pool(4), Gauge::default(), Arc::new(Barrier::new(4)));
        let inside = gauge.clone();
        let jobs = pool.map(0..40, move |_| {
            let _inside = inside.enter();
            four.wait();
            my_thread()
        });
        let threads: BTreeSet<_> = soon_on_real_time(try_join_all(jobs.unwrap()))
            .await
            .unwrap()
            .iter()
            .map(|id| format!("{id:?}"))
            .collect();
        assert_eq!((threads.len(), gauge.peak()), (4, 4));
    }

    /// Two jobs come before the idle thread wakes for the first: it counts as idle for only one of them.
    #[test]
    fn one_that_is_idle_counts_for_one_job() {
        for _ in 0..200 {
            let (pool, two) = (pool(2), Arc::new(Barrier::new(2)));
            pool.submit(|| ()).unwrap().blocking_wait().unwrap();
            let meet = move |()| two.wait().is_leader();
            let jobs = pool.map([(), ()], meet).unwrap();
            let leaders = soon_on_a_thread(|| {
                jobs.into_iter().filter_map(|job| job.blocking_wait().ok()).filter(|leads| *leads).count()
            });
            assert_eq!(leaders, 1);
        }
    }

    /// asyncio: `max_workers=None` is four more than there are cores, and 32 at most.
    #[test]
    fn are_by_default_four_more_than_there_are_cores_and_at_most_32() {
        let cores = thread::available_parallelism().unwrap().get();
        assert_eq!(default_threads().get(), (cores + 4).min(32));
    }
}

/// If the system cannot start a thread, `submit` returns an error at once, and no job waits in vain.
#[test]
fn without_a_thread_there_is_no_pool() {
    // No machine has enough memory for such a stack.
    let mut program = other_program("a program that has no threads to give");
    let output = program.env("RUST_MIN_STACK", "1000000000000000").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("no thread can be started: Resource temporarily unavailable"), "{output:?}");
}

mod initializer {
    use super::*;

    /// asyncio: the initializer runs on each thread, before its first job. Here: the same.
    #[tokio::test]
    async fn runs_once_on_each_thread_before_its_first_job() {
        thread_local! {
            static CALLS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
        }
        let pool = ThreadPool::with_initializer(limit(3), "lesson", || {
            CALLS.set(CALLS.get() + 1);
            Ok::<_, String>(())
        });
        let three = Arc::new(Barrier::new(3));
        let calls = pool.map(0..30, move |_| {
            three.wait();
            CALLS.get()
        });
        assert_eq!(soon_on_real_time(try_join_all(calls.unwrap())).await.unwrap(), [1; 30]);
    }

    /// asyncio: an initializer that raises breaks the pool: queued jobs fail with `BrokenThreadPool`, and so does every
    /// later `submit`.
    #[tokio::test]
    async fn that_fails_breaks_the_pool() {
        for panics in [false, true] {
            let end = Gate::default();
            let pool = ThreadPool::with_initializer(ONE, "lesson", {
                let end = end.clone();
                move || {
                    end.pass();
                    if panics { panic!("no database") } else { Err("no database") }
                }
            });
            let jobs = pool.map([1, 2, 3], |number| number).unwrap();
            end.open();
            let what = if panics { "panicked: no database" } else { "no database" };
            let reason = format!("the initializer failed: {what}");
            for job in &jobs {
                until(|| job.stage() == Stage::Done).await;
                assert!(!job.cancel(), "it is broken, not cancelled");
            }
            assert_eq!(
                soon_on_real_time(join_all(jobs)).await,
                [(); 3].map(|()| Err(JobError::Broken(reason.clone())))
            );
            let refused = pool.submit(|| ()).unwrap_err();
            assert_eq!(refused.to_string(), format!("the pool is broken: {reason}"));
            assert!(matches!(refused, Refused::Broken(_)));
            soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
            assert!(matches!(pool.submit(|| ()), Err(Refused::Broken(_))), "and it stays so");
        }
    }

    /// A job that runs on another thread runs to its end, and a closed pool can still break.
    #[tokio::test]
    async fn that_fails_lets_run_what_runs() {
        let started = Arc::new(AtomicUsize::new(0));
        let pool =
            ThreadPool::with_initializer(limit(2), "lesson", move || match started.fetch_add(1, SeqCst) {
                0 => Ok(()),
                _ => Err("only once"),
            });
        let (begun, end) = (Gate::default(), Gate::default());
        let running = pool.submit(held(&begun, &end)).unwrap();
        begun.passed().await;
        let queued = pool.submit(|| ()).unwrap();
        assert!(matches!(soon_on_real_time(queued).await, Err(JobError::Broken(_))));
        end.open();
        assert_eq!(soon_on_real_time(running).await, Ok(()));
        soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
    }
}

mod job {
    use super::*;

    /// asyncio: `submit` starts at once, without being awaited. Here: the same; an async function would not.
    #[tokio::test]
    async fn begins_before_it_is_awaited() {
        let (pool, ran) = (pool(1), Gate::default());
        let job = pool.submit({
            let ran = ran.clone();
            move || ran.open()
        });
        ran.passed().await;
        assert_eq!(soon_on_real_time(job.unwrap()).await, Ok(()));
    }

    /// asyncio: `map` keeps the order of the inputs. Here: the jobs have that order, whichever ends first.
    #[tokio::test]
    async fn of_a_map_stands_where_its_input_does() {
        let (pool, last_is_done) = (pool(2), Gate::default());
        let jobs = pool.map([1, 2, 3], move |number| {
            match number {
                1 => last_is_done.pass(),
                3 => last_is_done.open(),
                _ => {}
            }
            number * number
        });
        assert_eq!(soon_on_real_time(try_join_all(jobs.unwrap())).await.unwrap(), [1, 4, 9]);
        assert!(pool.map(Vec::<u8>::new(), |_| ()).unwrap().is_empty());
    }

    /// asyncio: the work of a `map` is done even if the results are never read. Here: the same, if the jobs are kept or
    /// detached.
    #[tokio::test]
    async fn of_a_map_runs_whether_or_not_its_result_is_read() {
        let (pool, ran) = (pool(2), Count::default());
        let work = |()| {
            let ran = ran.clone();
            move || ran.add()
        };
        let kept = pool.map([(); 5].map(work), |work| work()).unwrap();
        pool.map([(); 5].map(work), |work| work()).unwrap().into_iter().for_each(|job| job.detach());
        soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
        assert_eq!(ran.get(), 10);
        drop(kept);
    }

    /// asyncio: cancelling the coroutine that awaits `run_in_executor` cancels its queued job.
    #[tokio::test]
    async fn that_is_dropped_before_it_began_never_begins() {
        let (pool, running, end) = taken().await;
        let ran = Count::default();
        let work = || {
            let ran = ran.clone();
            move || ran.add()
        };
        assert!(timeout(ms(1), pool.submit(work()).unwrap()).await.is_err());
        assert_eq!(pool.queued(), 0);
        pool.submit(work()).unwrap().detach();
        assert_eq!(pool.queued(), 1, "a detached one stays");
        end.open();
        soon_on_real_time(running).await.unwrap();
        soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
        assert_eq!(ran.get(), 1);
    }

    /// asyncio: `Future.result(timeout)` leaves the job alone when the timeout is over. Here: the same, if the job is
    /// borrowed.
    #[tokio::test]
    async fn that_is_lent_to_a_timeout_stays_in_the_queue() {
        let (pool, running, end) = taken().await;
        let mut job = pool.submit(|| 42).unwrap();
        assert!(timeout(ms(1), &mut job).await.is_err());
        assert_eq!(job.stage(), Stage::Queued);
        end.open();
        assert_eq!(soon_on_real_time(job).await, Ok(42));
        assert_eq!(soon_on_real_time(running).await, Ok(()));
    }

    /// asyncio: cancelling the await leaves a running call alone. Here: so does a drop; the next job follows.
    #[tokio::test]
    async fn that_is_dropped_while_it_runs_comes_to_its_end() {
        let (pool, running, end) = taken().await;
        drop(running);
        end.open();
        assert_eq!(soon_on_real_time(pool.submit(|| "next").unwrap()).await, Ok("next"));
    }

    /// asyncio: any exception of the work is stored in its future, and the thread goes on. Here: any panic.
    #[tokio::test]
    async fn that_panics_tells_it_and_its_thread_goes_on() {
        let pool = pool(1);
        let before = soon_on_real_time(pool.submit(my_thread).unwrap()).await;
        let text = pool.submit(|| panic!("no {}", "row")).unwrap();
        assert_eq!(soon_on_real_time(text).await, Err::<(), _>(JobError::Panicked("no row".to_owned())));
        let literal = pool.submit(|| panic!("no row")).unwrap();
        assert_eq!(soon_on_real_time(literal).await, Err::<(), _>(JobError::Panicked("no row".to_owned())));
        let other = pool.submit(|| panic::panic_any(7)).unwrap();
        let error = JobError::Panicked("a value that is not text".to_owned());
        assert_eq!(soon_on_real_time(other).await, Err::<(), _>(error));
        assert_eq!(soon_on_real_time(pool.submit(my_thread).unwrap()).await, before);
    }

    /// A thread survives panics of destructors: of an unwanted result, of a panic's payload, of cancelled work.
    #[tokio::test]
    async fn whose_destructors_panic_does_not_take_the_thread_along() {
        let (pool, running, end) = taken().await;
        let before = running.stage();
        pool.submit(|| PanicsWhenDropped).unwrap().detach();
        let panics = pool.submit(|| panic::panic_any(PanicsWhenDropped)).unwrap();
        let captured = PanicsWhenDropped;
        let cancelled = pool.submit(move || drop(captured)).unwrap();
        assert!(cancelled.cancel(), "and the panic of its destructor stays within");
        end.open();
        soon_on_real_time(running).await.unwrap();
        let error = JobError::Panicked("a value that is not text".to_owned());
        assert_eq!(soon_on_real_time(panics).await, Err::<(), _>(error));
        assert_eq!(soon_on_real_time(pool.submit(my_name).unwrap()).await.unwrap(), "lesson_0");
        assert_eq!(before, Stage::Running);
    }

    /// asyncio: `Future.result()` waits on a thread.
    #[test]
    fn can_be_waited_for_on_a_thread() {
        let pool = pool(1);
        assert_eq!(pool.submit(|| 42).unwrap().blocking_wait(), Ok(42));
    }

    /// Python: `future.result()` in the loop's thread blocks the loop. Here: it panics.
    #[tokio::test]
    #[should_panic(expected = "Cannot block the current thread from within a runtime")]
    async fn but_waiting_for_it_on_a_thread_of_the_runtime_panics() {
        let (pool, _running, end) = taken().await;
        end.open();
        let _outcome = pool.submit(|| 42).unwrap().blocking_wait();
    }

    /// A hundred thousand jobs are queued at once, and their values are dropped when they are cancelled.
    #[tokio::test]
    async fn is_one_of_a_hundred_thousand() {
        let (pool, running, end) = taken().await;
        let (sum, dropped) = (Arc::new(AtomicUsize::new(0)), Count::default());
        let jobs = pool.map((0..100_000).map(|number| (number, dropped.on_drop())), {
            let sum = sum.clone();
            move |(number, captured)| {
                sum.fetch_add(number, SeqCst);
                drop(captured);
            }
        });
        let jobs = jobs.unwrap();
        assert_eq!(pool.queued(), 100_000);
        assert!(jobs.iter().skip(1).step_by(2).all(|job| job.cancel()));
        assert_eq!((pool.queued(), dropped.get()), (50_000, 50_000));
        end.open();
        soon_on_real_time(running).await.unwrap();
        let done = soon_on_real_time(async {
            let mut done = 0;
            for job in jobs {
                done += usize::from(job.await.is_ok());
            }
            done
        });
        let done = done.await;
        assert_eq!((done, dropped.get()), (50_000, 100_000));
        assert_eq!(sum.load(SeqCst), (0..100_000).step_by(2).sum::<usize>());
    }
}

mod shutdown {
    use super::*;

    /// asyncio: `shutdown()` refuses new jobs, runs the queued ones, and waits.
    #[tokio::test]
    async fn runs_what_is_queued_and_waits_for_it() {
        let (pool, running, end) = taken().await;
        let ran = Count::default();
        let queued: Vec<_> = (0..100)
            .map(|_| {
                let ran = ran.clone();
                pool.submit(move || ran.add()).unwrap()
            })
            .collect();
        let shutdown = pool.shutdown(Queued::Finish);
        tokio::pin!(shutdown);
        assert!(timeout(ms(1), &mut shutdown).await.is_err(), "a job runs");
        assert!(matches!(pool.submit(|| ()), Err(Refused::ShutDown)));
        end.open();
        soon_on_real_time(shutdown).await.unwrap();
        assert_eq!(ran.get(), 100);
        assert!(soon_on_real_time(join_all(queued)).await.iter().all(Result::is_ok));
        assert_eq!(soon_on_real_time(running).await, Ok(()));
    }

    /// asyncio: `shutdown(wait=False)` returns at once, and queued jobs still run.
    #[tokio::test]
    async fn without_waiting_returns_at_once_and_the_queue_is_still_run() {
        let (pool, running, end) = taken().await;
        let queued = pool.submit(|| "queued").unwrap();
        pool.close(Queued::Finish);
        assert!(matches!(pool.submit(|| ()), Err(Refused::ShutDown)));
        assert_eq!(queued.stage(), Stage::Queued);
        end.open();
        assert_eq!(soon_on_real_time(queued).await, Ok("queued"));
        assert_eq!(soon_on_real_time(running).await, Ok(()));
    }

    /// Issue 94440 of Python: a pool whose threads are idle has to wake them.
    #[tokio::test]
    async fn wakes_the_threads_that_are_idle() {
        let (pool, three) = (pool(3), Arc::new(Barrier::new(3)));
        let meet = move |()| three.wait().is_leader();
        soon_on_real_time(try_join_all(pool.map([(); 3], meet).unwrap())).await.unwrap();
        until(|| format!("{pool:?}").contains("idle: 3")).await;
        soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
    }

    /// A pool that never had a thread need not wait.
    #[tokio::test]
    async fn of_an_unused_pool_returns_at_once_and_so_does_the_second() {
        let pool = pool(3);
        for queued in [Queued::Finish, Queued::Cancel] {
            soon_on_real_time(pool.shutdown(queued)).await.unwrap();
        }
    }

    /// Several callers may await a shutdown, even with different arguments: all of them return.
    #[tokio::test]
    async fn lets_all_who_wait_for_it_go_on() {
        let (pool, running, end) = taken().await;
        let waiting = [Queued::Finish, Queued::Cancel, Queued::Finish].map(|queued| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.shutdown(queued).await })
        });
        yield_now().await;
        end.open();
        assert!(soon_on_real_time(try_join_all(waiting)).await.unwrap().iter().all(Result::is_ok));
        assert_eq!(soon_on_real_time(running).await, Ok(()));
    }

    /// A thread is gone only after its thread-locals: a connection in a thread-local is closed by then.
    #[tokio::test]
    async fn returns_when_the_thread_locals_are_dropped() {
        thread_local! {
            static CONNECTION: std::cell::RefCell<Option<SlowToClose>> = const { std::cell::RefCell::new(None) };
        }
        struct SlowToClose(Count);
        impl Drop for SlowToClose {
            fn drop(&mut self) {
                (0..10_000).for_each(|_| thread::yield_now());
                self.0.add();
            }
        }
        let closed = Count::default();
        let pool = ThreadPool::with_initializer(limit(2), "lesson", {
            let closed = closed.clone();
            move || {
                CONNECTION.set(Some(SlowToClose(closed.clone())));
                Ok::<_, String>(())
            }
        });
        let two = Arc::new(Barrier::new(2));
        let meet = move |()| two.wait().is_leader();
        soon_on_real_time(try_join_all(pool.map([(); 2], meet).unwrap())).await.unwrap();
        soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
        assert_eq!(closed.get(), 2);
    }

    /// asyncio: a program waits at its end for the threads of every pool. Rust: the program ends when `main` returns,
    /// even during a job. Await `shutdown` first.
    #[test]
    fn is_what_the_end_of_a_program_does_not_wait_for() {
        let mut program = other_program("a program whose main returns while a job runs");
        let output = soon_on_a_thread(move || program.output().unwrap());
        assert!(output.status.success(), "{output:?}");
    }

    /// asyncio: a pool that is collected ends its threads once its queue is empty. Here: so does the drop, without
    /// waiting.
    #[tokio::test]
    async fn by_a_drop_runs_the_queue_and_ends_the_threads_and_blocks_nobody() {
        let (begun, end, ran, gone) = (Gate::default(), Gate::default(), Count::default(), Count::default());
        let captured = gone.on_drop();
        let pool = ThreadPool::with_initializer(limit(2), "lesson", move || {
            let _captured = &captured;
            Ok::<_, String>(())
        });
        let running = pool.submit(held(&begun, &end)).unwrap();
        begun.passed().await;
        for _ in 0..10 {
            let ran = ran.clone();
            pool.submit(move || ran.add()).unwrap().detach();
        }
        drop(pool);
        assert_eq!(gone.get(), 0);
        end.open();
        soon_on_real_time(running).await.unwrap();
        until(|| gone.get() == 1).await;
        assert_eq!(ran.get(), 10);
    }
}

mod waiting_for_itself {
    use super::*;

    /// asyncio: a job that waits for another job of its own pool deadlocks, if every thread does so. Here: the wait is
    /// refused, even if another thread is free.
    #[tokio::test]
    async fn is_refused_instead_of_a_deadlock() {
        for threads in [1, 2] {
            let (pool, end) = (Arc::new(pool(threads)), Gate::default());
            let outer = pool.submit({
                let (pool, end) = (pool.clone(), end.clone());
                move || {
                    let by_waiting = pool.submit(held(&Gate::default(), &end)).unwrap().blocking_wait();
                    let inner = pool.submit(held(&Gate::default(), &end)).unwrap();
                    let by_awaiting = futures::executor::block_on(inner);
                    let by_shutdown = futures::executor::block_on(pool.shutdown(Queued::Cancel));
                    (by_waiting, by_awaiting, by_shutdown)
                }
            });
            let refused = Err(JobError::OwnPool(OwnPool));
            assert_eq!(soon_on_real_time(outer.unwrap()).await, Ok((refused.clone(), refused, Err(OwnPool))));
            end.open();
            soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
        }
    }

    /// A result that is ready needs no waiting.
    #[tokio::test]
    async fn is_not_what_takes_a_result_that_is_there() {
        let pool = Arc::new(pool(1));
        let results = [true, false].map(|by_waiting| {
            let inner = pool.submit(|| 42).unwrap();
            let take = move || {
                if by_waiting { inner.blocking_wait() } else { futures::executor::block_on(inner) }
            };
            pool.submit(take).unwrap()
        });
        assert_eq!(soon_on_real_time(try_join_all(results)).await.unwrap(), [Ok(42), Ok(42)]);
    }

    /// Only a wait for the same pool can deadlock: another pool has threads of its own.
    #[tokio::test]
    async fn is_not_what_waits_for_another_pool() {
        let (outer, inner) = (pool(1), Arc::new(pool(1)));
        let work = {
            let inner = inner.clone();
            move || inner.submit(|| 42).unwrap().blocking_wait()
        };
        assert_eq!(soon_on_real_time(outer.submit(work).unwrap()).await, Ok(Ok(42)));
    }

    /// Submitting work is no waiting.
    #[tokio::test]
    async fn is_not_what_submits_and_goes_on() {
        let pool = Arc::new(pool(1));
        let work = {
            let pool = pool.clone();
            move || pool.submit(my_name).unwrap()
        };
        let inner = soon_on_real_time(pool.submit(work).unwrap()).await.unwrap();
        assert_eq!(soon_on_real_time(inner).await.unwrap(), "lesson_0");
    }
}
