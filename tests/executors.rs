//! Lessons of `recipes/executors`: what asyncio's executors promise, and what Tokio, rayon and a pool of one's own do.
//!
//! The threads and the processes are real, and so is their time. Nothing sleeps: a job says that it has begun, and ends
//! when its lesson opens a gate. What would hang fails after half a minute.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a lesson's own thread may wait")]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use cancel_sweep::At;
use cancel_sweep::Outcome::{Cancelled, Finished};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking, yield_now};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn some(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Fails instead of hanging. On real time, also where a lesson has stopped the runtime's.
async fn soon<F: Future>(future: F) -> F::Output {
    let ((_waiting, is_over), (late, is_late)) = (mpsc::channel::<()>(), oneshot::channel());
    thread::spawn(move || {
        let is_late = || is_over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout);
        if is_late() && late.send(()).is_ok() && is_late() {
            eprintln!("a lesson hangs, and blocks its thread: nobody else can end it");
            std::process::abort();
        }
    });
    tokio::select! {
        biased;
        output = future => output,
        Ok(()) = is_late => panic!("it hangs"),
    }
}

/// The same, for what blocks its thread.
fn soon_on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = mpsc::channel();
    let thread = thread::spawn(move || sender.send(work()));
    match result.recv_timeout(PATIENCE) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic::resume_unwind(thread.join().unwrap_err()),
    }
}

/// Shut, until somebody opens it for good.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    /// Waits on a thread.
    fn pass(&self) {
        let waited = self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), PATIENCE, |open| !*open);
        assert!(!waited.unwrap().1.timed_out(), "nobody opens the gate");
    }

    /// Waits in a task.
    async fn passed(&self) {
        until(|| self.is_open()).await;
    }
}

/// Waits for what another thread or process does.
async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            yield_now().await;
        }
    };
    soon(waiting).await;
}

/// Work that says when it has begun, and ends when it may.
fn held(begun: &Gate, end: &Gate) -> impl FnOnce() + Send + use<> {
    let (begun, end) = (begun.clone(), end.clone());
    move || {
        begun.open();
        end.pass();
    }
}

/// Work that ends when the runtime has had a turn since it began: who waits for it has suspended by then.
fn held_for_a_turn() -> impl FnOnce() + Send {
    let ((begun, has_begun), (end, may_end)) = (oneshot::channel(), mpsc::channel());
    tokio::spawn(async move {
        if has_begun.await.is_ok() {
            end.send(()).unwrap();
        }
    });
    move || {
        begun.send(()).unwrap();
        may_end.recv_timeout(PATIENCE).unwrap();
    }
}

/// Counts what happens, from many places.
#[derive(Clone, Debug, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Counts when the returned value is dropped.
    fn on_drop(&self) -> OnDrop {
        OnDrop(self.clone())
    }
}

#[derive(Debug)]
struct OnDrop(Count);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Counts who is inside at once.
#[derive(Clone, Default)]
struct Gauge {
    inside: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
}

impl Gauge {
    fn enter(&self) -> impl Drop + use<> {
        struct Leave(Arc<AtomicUsize>);
        impl Drop for Leave {
            fn drop(&mut self) {
                self.0.fetch_sub(1, SeqCst);
            }
        }
        self.peak.fetch_max(self.inside.fetch_add(1, SeqCst) + 1, SeqCst);
        Leave(self.inside.clone())
    }

    fn peak(&self) -> usize {
        self.peak.load(SeqCst)
    }
}

/// A value whose destructor panics.
struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

fn my_thread() -> ThreadId {
    thread::current().id()
}

fn my_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// By this variable of its environment this program knows that a lesson has started it again, and as what.
const ROLE: &str = "LESSON_ROLE";
/// A file that the lesson and the program it has started both know.
const FILE: &str = "LESSON_FILE";

/// This program, started once more, as the one that plays `role` in
/// `process_pool::serve::in_a_program_that_is_no_worker_goes_on`.
fn other_program(role: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "process_pool::serve::in_a_program_that_is_no_worker_goes_on"]);
    command.args(["--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

mod blocking {
    use super::*;
    use executors::blocking::Blocking;
    use futures::{StreamExt, stream};

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
        assert_eq!(soon(calls.run(|| "next")).await.unwrap(), "next");
    }

    /// asyncio: never more threads than `max_workers`. Here: never more calls at once, and as many as there may be.
    #[tokio::test]
    async fn as_many_run_at_once_as_the_limit_says_and_no_more() {
        let (calls, gauge, all_inside) =
            (Blocking::at_most(some(3)), Gauge::default(), Arc::new(Barrier::new(3)));
        let calls = (0..9).map(|_| {
            let (gauge, all_inside) = (gauge.clone(), all_inside.clone());
            calls.run(move || {
                let _inside = gauge.enter();
                all_inside.wait();
            })
        });
        soon(try_join_all(calls)).await.unwrap();
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
        soon(calls.join_all()).await;
        assert_eq!(gauge.peak(), 512);
    }

    /// The threads are shared: whoever takes them all holds up `tokio::fs`, and names that are to be resolved.
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
            soon(tokio::fs::metadata("Cargo.toml")).await.unwrap();

            calls.spawn_blocking(held(&begun, &end));
            let metadata = tokio::fs::metadata("Cargo.toml");
            tokio::pin!(metadata);
            for _ in 0..1000 {
                assert!(metadata.as_mut().now_or_never().is_none(), "both threads are taken");
                yield_now().await;
            }
            end.open();
            soon(metadata).await.unwrap();
            soon(calls.join_all()).await;
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
        assert_eq!(soon(eager).await.unwrap().unwrap(), "eager");
        lazy.await.unwrap();
        assert!(begun.is_open());
    }

    /// asyncio: `Executor.map` gives results in the order of the inputs. Tokio: so does `join_all`, whatever ends first.
    #[tokio::test]
    async fn results_stand_in_the_order_of_the_inputs() {
        let (calls, second_is_done) = (Blocking::at_most(some(2)), Gate::default());
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
        assert_eq!(soon(try_join_all(results)).await.unwrap(), [1, 4]);
    }

    /// asyncio: `Executor.map` submits everything at once, also if nobody reads the results. A stream that is not asked
    /// starts nothing.
    #[tokio::test]
    async fn but_a_buffered_stream_starts_nothing_that_is_not_asked_for() {
        let (calls, begun) = (Blocking::at_most(some(8)), Count::default());
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

    /// asyncio: cancelling the one who waits cancels what is queued. Here: work that is dropped before its turn never
    /// begins, and what it holds is free at once.
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

    /// The hazard: a `JoinHandle` that is dropped detaches its work, which runs though nobody waits. On a blocking thread
    /// that is free there is nothing to abort, so here the only one is taken.
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
            soon(limited.run(|| ())).await.unwrap();
            assert_eq!((detached.get(), aborted.get()), (1, 0));
        });
    }

    /// asyncio: a call that runs cannot be cancelled. Tokio: neither; here its place is taken until it ends.
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
        assert!(timeout(ms(1), &mut next).await.is_err(), "the place is still taken");
        end.open();
        assert_eq!(soon(next).await.unwrap(), 1, "after the end of the first");
        until(|| result_dropped.get() == 1).await;
    }

    /// `abort` has no answer. asyncio's `Future.cancel` says `False` for a call that runs; here the value arrives all the
    /// same, as if nobody had aborted it.
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
        assert_eq!(soon(call).await.unwrap(), "done");
    }

    tokio::task_local! {
        static USER: &'static str;
    }

    /// asyncio: `to_thread` copies the context. Tokio: task-locals stay behind, and what the work needs is moved into it.
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
        (0..100_000).for_each(drop::<u32>); // stands for a call that takes its time
        assert_eq!(beats.get(), before, "nothing else ran");

        let alive = beats.clone();
        let calls = Blocking::at_most(ONE);
        let call = calls.run(move || {
            while alive.get() < before + 3 {
                thread::yield_now();
            }
        });
        soon(call).await.unwrap();
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
    /// and `shutdown_background` leave them behind, and they end with the program, wherever they are.
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

    /// What waits in the queue of `spawn_blocking` itself is run by a thread that is busy at the end of the runtime, all of
    /// it, and the end waits. Tokio promises neither that it runs nor that it does not.
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

    /// asyncio: what is queued runs before the end. Here: what waits for its place is dropped with its task.
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

    /// A runtime that has ended takes no blocking work: an error, and neither a hang nor a panic.
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

    #[tokio::test]
    async fn a_limit_beyond_what_a_semaphore_can_count_is_none() {
        assert_eq!(Blocking::at_most(NonZeroUsize::MAX).run(|| 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn ten_thousand_calls_wait_their_turn_in_the_order_in_which_they_came() {
        let (calls, order) = (Blocking::at_most(ONE), Arc::new(Mutex::new(Vec::new())));
        let all = (0..10_000).map(|number| {
            let order = order.clone();
            calls.run(move || order.lock().unwrap().push(number))
        });
        soon(try_join_all(all)).await.unwrap();
        assert!(order.lock().unwrap().iter().copied().eq(0..10_000));
    }

    /// Cancelled anywhere, no place is lost, and the work has run once or never.
    #[test]
    fn cancelled_anywhere_its_place_is_free_again() {
        let swept = cancel_sweep::sweep_with(
            || {
                let calls = Blocking::at_most(ONE);
                // Has the place before the other asks for it.
                let mut first = Box::pin({
                    let (calls, work) = (calls.clone(), held_for_a_turn());
                    async move { calls.run(work).await }
                });
                assert!(first.as_mut().now_or_never().is_none());
                tokio::spawn(first);
                let (ran, dropped) = (Count::default(), Count::default());
                let work = {
                    let (ran, captured, held) = (ran.clone(), dropped.on_drop(), held_for_a_turn());
                    move || {
                        let _captured = captured;
                        ran.add();
                        held();
                    }
                };
                ((calls.clone(), ran, dropped), async move { calls.run(work).await.unwrap() })
            },
            |(calls, ran, dropped), outcome| {
                assert_eq!(dropped.get(), 1);
                match outcome {
                    Cancelled(At { suspension: 0 | 1, .. }) => assert_eq!(ran.get(), 0),
                    // Dropped at once, it may have begun on the other thread, or not.
                    Cancelled(At { woken: false, .. }) => assert!(ran.get() <= 1),
                    Cancelled(_) | Finished(()) => assert_eq!(ran.get(), 1),
                }
                let (begin, has_begun) = mpsc::channel();
                let mut next = Box::pin(calls.run(move || begin.send(()).unwrap()));
                assert!(next.as_mut().now_or_never().is_none_or(|outcome| outcome.is_ok()));
                has_begun.recv_timeout(PATIENCE).expect("its place is free");
            },
        );
        assert_eq!(swept.points, 2, "the place, and the result");
    }
}

mod thread_pool {
    use super::*;
    use executors::thread_pool::{JobError, OwnPool, Queued, Refused, Stage, ThreadPool, default_threads};

    fn pool(threads: usize) -> ThreadPool {
        ThreadPool::new(some(threads), "lesson")
    }

    /// A pool of one thread that is taken until the gate is opened.
    async fn taken() -> (Arc<ThreadPool>, executors::thread_pool::Job<()>, Gate) {
        let (pool, begun, end) = (Arc::new(pool(1)), Gate::default(), Gate::default());
        let running = pool.submit(held(&begun, &end)).unwrap();
        begun.passed().await;
        (pool, running, end)
    }

    mod threads {
        use super::*;

        /// asyncio: `thread_name_prefix="db"` makes `db_0`, `db_1`. Here: the same names.
        #[tokio::test]
        async fn have_the_name_of_the_pool_and_a_number() {
            let (pool, both) = (ThreadPool::new(some(2), "db"), Arc::new(Barrier::new(2)));
            let jobs = pool.map([(), ()], move |()| {
                both.wait();
                my_name()
            });
            let mut names = soon(try_join_all(jobs.unwrap())).await.unwrap();
            names.sort();
            assert_eq!(names, ["db_0", "db_1"]);
        }

        #[tokio::test]
        async fn have_a_name_without_the_zeros_that_no_thread_can_have() {
            let pool = ThreadPool::new(ONE, "d\0b");
            assert_eq!(soon(pool.submit(my_name).unwrap()).await.unwrap(), "db_0");
        }

        /// asyncio: a thread is started for a job only if none is idle. Here: the same.
        #[tokio::test]
        async fn are_started_when_there_is_work_and_none_is_idle() {
            let pool = pool(8);
            for _ in 0..20 {
                let thread = pool.submit(my_name).unwrap();
                assert_eq!(soon(thread).await.unwrap(), "lesson_0");
                // It has sent its result before it waits for the next job: until it does, it counts as busy.
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
            let threads: BTreeSet<_> =
                soon(try_join_all(jobs.unwrap())).await.unwrap().iter().map(|id| format!("{id:?}")).collect();
            assert_eq!((threads.len(), gauge.peak()), (4, 4));
        }

        /// Two jobs come before the idle thread has woken for the first: it is idle for one of them only.
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

    /// Where the system has no thread to give, it is told, and not at the first job that nobody does.
    #[test]
    fn without_a_thread_there_is_no_pool() {
        // No machine has as much memory for the stack of a thread.
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
            let pool = ThreadPool::with_initializer(some(3), "lesson", || {
                CALLS.set(CALLS.get() + 1);
                Ok::<_, String>(())
            });
            let three = Arc::new(Barrier::new(3));
            let calls = pool.map(0..30, move |_| {
                three.wait();
                CALLS.get()
            });
            assert_eq!(soon(try_join_all(calls.unwrap())).await.unwrap(), [1; 30]);
        }

        /// asyncio: an initializer that raises breaks the pool: what is queued fails with `BrokenThreadPool`, and so does
        /// every `submit` from then on.
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
                    soon(join_all(jobs)).await,
                    [(); 3].map(|()| Err(JobError::Broken(reason.clone())))
                );
                let refused = pool.submit(|| ()).unwrap_err();
                assert_eq!(refused.to_string(), format!("the pool is broken: {reason}"));
                assert!(matches!(refused, Refused::Broken(_)));
                soon(pool.shutdown(Queued::Finish)).await.unwrap();
                assert!(matches!(pool.submit(|| ()), Err(Refused::Broken(_))), "and it stays so");
            }
        }

        /// What runs on another thread comes to its end, and a pool that is closed can still break.
        #[tokio::test]
        async fn that_fails_lets_run_what_runs() {
            let started = Arc::new(AtomicUsize::new(0));
            let pool =
                ThreadPool::with_initializer(some(2), "lesson", move || match started.fetch_add(1, SeqCst) {
                    0 => Ok(()),
                    _ => Err("only once"),
                });
            let (begun, end) = (Gate::default(), Gate::default());
            let running = pool.submit(held(&begun, &end)).unwrap();
            begun.passed().await;
            let queued = pool.submit(|| ()).unwrap();
            assert!(matches!(soon(queued).await, Err(JobError::Broken(_))));
            end.open();
            assert_eq!(soon(running).await, Ok(()));
            soon(pool.shutdown(Queued::Finish)).await.unwrap();
        }
    }

    mod job {
        use super::*;

        /// asyncio: `submit` starts at once, whether or not somebody waits. Here: the same; an async function would not.
        #[tokio::test]
        async fn begins_before_it_is_awaited() {
            let (pool, ran) = (pool(1), Gate::default());
            let job = pool.submit({
                let ran = ran.clone();
                move || ran.open()
            });
            ran.passed().await;
            assert_eq!(soon(job.unwrap()).await, Ok(()));
        }

        /// asyncio: `map` keeps the order of the inputs. Here: the jobs stand in it, whichever ends first.
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
            assert_eq!(soon(try_join_all(jobs.unwrap())).await.unwrap(), [1, 4, 9]);
            assert!(pool.map(Vec::<u8>::new(), |_| ()).unwrap().is_empty());
        }

        /// asyncio: the work of a `map` is done, also if nobody reads the results. Here: also, if the jobs are kept or
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
            soon(pool.shutdown(Queued::Finish)).await.unwrap();
            assert_eq!(ran.get(), 10);
            drop(kept);
        }

        /// asyncio: `cancel` of what is queued is `True`, and it never runs; `False` for what runs or has ended.
        #[tokio::test]
        async fn that_is_queued_is_cancelled_and_one_that_runs_is_not() {
            let (pool, running, end) = taken().await;
            let (ran, dropped) = (Count::default(), Count::default());
            let queued = pool.submit({
                let (ran, captured) = (ran.clone(), dropped.on_drop());
                move || {
                    ran.add();
                    drop(captured);
                }
            });
            let queued = queued.unwrap();
            assert_eq!((running.stage(), queued.stage(), pool.queued()), (Stage::Running, Stage::Queued, 1));
            assert!(!running.cancel());
            assert!(queued.cancel());
            assert!(queued.cancel(), "again: it is cancelled");
            assert_eq!((queued.stage(), dropped.get(), pool.queued()), (Stage::Cancelled, 1, 0));
            assert_eq!(soon(queued).await, Err(JobError::Cancelled));
            end.open();
            until(|| running.stage() == Stage::Done).await;
            assert!(!running.cancel());
            assert_eq!(soon(running).await, Ok(()));
            soon(pool.shutdown(Queued::Finish)).await.unwrap();
            assert_eq!(ran.get(), 0);
        }

        /// asyncio: cancelling the coroutine that awaits `run_in_executor` cancels what is queued behind it.
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
            soon(running).await.unwrap();
            soon(pool.shutdown(Queued::Finish)).await.unwrap();
            assert_eq!(ran.get(), 1);
        }

        /// asyncio: `Future.result(timeout)` leaves the job alone when its time is over. Here: also, if the job is lent.
        #[tokio::test]
        async fn that_is_lent_to_a_timeout_stays_in_the_queue() {
            let (pool, running, end) = taken().await;
            let mut job = pool.submit(|| 42).unwrap();
            assert!(timeout(ms(1), &mut job).await.is_err());
            assert_eq!(job.stage(), Stage::Queued);
            end.open();
            assert_eq!(soon(job).await, Ok(42));
            assert_eq!(soon(running).await, Ok(()));
        }

        #[tokio::test]
        async fn that_is_dropped_while_it_runs_comes_to_its_end() {
            let (pool, running, end) = taken().await;
            drop(running);
            end.open();
            assert_eq!(soon(pool.submit(|| "next").unwrap()).await, Ok("next"));
        }

        /// asyncio: any exception of the work is stored in its future, and the thread goes on. Here: any panic.
        #[tokio::test]
        async fn that_panics_tells_it_and_its_thread_goes_on() {
            let pool = pool(1);
            let before = soon(pool.submit(my_thread).unwrap()).await;
            let text = pool.submit(|| panic!("no {}", "row")).unwrap();
            assert_eq!(soon(text).await, Err::<(), _>(JobError::Panicked("no row".to_owned())));
            let literal = pool.submit(|| panic!("no row")).unwrap();
            assert_eq!(soon(literal).await, Err::<(), _>(JobError::Panicked("no row".to_owned())));
            let other = pool.submit(|| panic::panic_any(7)).unwrap();
            let told = JobError::Panicked("a value that is not text".to_owned());
            assert_eq!(soon(other).await, Err::<(), _>(told));
            assert_eq!(soon(pool.submit(my_thread).unwrap()).await, before);
        }

        /// A thread survives what destructors do: of a result that nobody wants, of a panic, of work that is cancelled.
        #[tokio::test]
        async fn whose_destructors_panic_does_not_take_the_thread_along() {
            let (pool, running, end) = taken().await;
            let before = running.stage();
            pool.submit(|| PanicsOnDrop).unwrap().detach();
            let panics = pool.submit(|| panic::panic_any(PanicsOnDrop)).unwrap();
            let captured = PanicsOnDrop;
            let cancelled = pool.submit(move || drop(captured)).unwrap();
            assert!(cancelled.cancel(), "and the panic of its destructor stays within");
            end.open();
            soon(running).await.unwrap();
            let told = JobError::Panicked("a value that is not text".to_owned());
            assert_eq!(soon(panics).await, Err::<(), _>(told));
            assert_eq!(soon(pool.submit(my_name).unwrap()).await.unwrap(), "lesson_0");
            assert_eq!(before, Stage::Running);
        }

        /// asyncio: `Future.result()` waits on a thread.
        #[test]
        fn can_be_waited_for_on_a_thread() {
            let pool = pool(1);
            assert_eq!(pool.submit(|| 42).unwrap().blocking_wait(), Ok(42));
        }

        #[tokio::test]
        #[should_panic(expected = "Cannot block the current thread from within a runtime")]
        async fn but_waiting_for_it_on_a_thread_of_the_runtime_panics() {
            let (pool, _running, end) = taken().await;
            end.open();
            let _outcome = pool.submit(|| 42).unwrap().blocking_wait();
        }

        /// A hundred thousand are queued at once, and what they hold is free when they are cancelled.
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
            soon(running).await.unwrap();
            let done = soon(async {
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

        /// Cancelled anywhere: it has run once or never, what it holds is dropped once, and the thread is free.
        #[test]
        fn cancelled_anywhere_runs_once_or_never() {
            let swept = cancel_sweep::sweep_with(
                || {
                    let pool = Arc::new(pool(1));
                    let (ran, dropped) = (Count::default(), Count::default());
                    let job = pool.submit({
                        let (ran, captured, held) = (ran.clone(), dropped.on_drop(), held_for_a_turn());
                        move || {
                            let _captured = captured;
                            ran.add();
                            held();
                        }
                    });
                    // The clock stands still as long as this waits: until the thread has told the result.
                    let after = pool.submit(|| ()).unwrap();
                    spawn_blocking(move || soon_on_a_thread(|| after.blocking_wait().unwrap()));
                    ((pool, ran, dropped), job.unwrap())
                },
                |(pool, ran, dropped), outcome| {
                    assert_eq!((dropped.get(), pool.queued()), (1, 0));
                    match outcome {
                        Finished(result) => assert_eq!((result, ran.get()), (Ok(()), 1)),
                        Cancelled(At { woken: true, .. }) => assert_eq!(ran.get(), 1),
                        Cancelled(_) => assert!(ran.get() <= 1),
                    }
                },
            );
            assert_eq!(swept.points, 1);
        }
    }

    mod shutdown {
        use super::*;

        /// asyncio: `shutdown()` takes nothing new, runs what is queued, and waits.
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
            soon(shutdown).await.unwrap();
            assert_eq!(ran.get(), 100);
            assert!(soon(join_all(queued)).await.iter().all(Result::is_ok));
            assert_eq!(soon(running).await, Ok(()));
        }

        /// asyncio: `shutdown(cancel_futures=True)` cancels what is queued; what runs comes to its end.
        #[tokio::test]
        async fn with_cancel_cancels_what_is_queued_and_waits_for_what_runs() {
            let (pool, running, end) = taken().await;
            let (ran, dropped) = (Count::default(), Count::default());
            let queued: Vec<_> = (0..100)
                .map(|_| {
                    let (ran, captured) = (ran.clone(), dropped.on_drop());
                    let work = move || {
                        ran.add();
                        drop(captured);
                    };
                    pool.submit(work).unwrap()
                })
                .collect();
            for _ in 0..3 {
                assert!(timeout(ms(5), pool.shutdown(Queued::Cancel)).await.is_err(), "a job runs");
            }
            assert_eq!(dropped.get(), 100);
            assert!(queued.iter().all(|job| job.stage() == Stage::Cancelled && job.cancel()));
            assert!(soon(join_all(queued)).await.iter().all(|result| *result == Err(JobError::Cancelled)));
            end.open();
            soon(pool.shutdown(Queued::Cancel)).await.unwrap();
            assert_eq!((soon(running).await, ran.get()), (Ok(()), 0));
        }

        /// asyncio: `shutdown(wait=False)` returns at once, and what is queued still runs.
        #[tokio::test]
        async fn without_waiting_returns_at_once_and_the_queue_is_still_run() {
            let (pool, running, end) = taken().await;
            let queued = pool.submit(|| "queued").unwrap();
            pool.close(Queued::Finish);
            assert!(matches!(pool.submit(|| ()), Err(Refused::ShutDown)));
            assert_eq!(queued.stage(), Stage::Queued);
            end.open();
            assert_eq!(soon(queued).await, Ok("queued"));
            assert_eq!(soon(running).await, Ok(()));
        }

        /// A second one may be stricter than the first.
        #[tokio::test]
        async fn can_be_followed_by_one_that_cancels() {
            let (pool, running, end) = taken().await;
            let queued = pool.submit(|| ()).unwrap();
            pool.close(Queued::Finish);
            pool.close(Queued::Cancel);
            assert_eq!(soon(queued).await, Err(JobError::Cancelled));
            end.open();
            soon(running).await.unwrap();
            soon(pool.shutdown(Queued::Finish)).await.unwrap();
        }

        /// Issue 94440 of Python: a pool whose threads are idle has to wake them.
        #[tokio::test]
        async fn wakes_the_threads_that_are_idle() {
            let (pool, three) = (pool(3), Arc::new(Barrier::new(3)));
            let meet = move |()| three.wait().is_leader();
            soon(try_join_all(pool.map([(); 3], meet).unwrap())).await.unwrap();
            until(|| format!("{pool:?}").contains("idle: 3")).await;
            soon(pool.shutdown(Queued::Finish)).await.unwrap();
        }

        /// A pool that never had a thread has nothing to wait for.
        #[tokio::test]
        async fn of_an_unused_pool_returns_at_once_and_so_does_the_second() {
            let pool = pool(3);
            for queued in [Queued::Finish, Queued::Cancel] {
                soon(pool.shutdown(queued)).await.unwrap();
            }
        }

        #[tokio::test]
        async fn lets_all_who_wait_for_it_go_on() {
            let (pool, running, end) = taken().await;
            let waiting = [Queued::Finish, Queued::Cancel, Queued::Finish].map(|queued| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.shutdown(queued).await })
            });
            yield_now().await;
            end.open();
            assert!(soon(try_join_all(waiting)).await.unwrap().iter().all(Result::is_ok));
            assert_eq!(soon(running).await, Ok(()));
        }

        /// A thread is gone when its thread-locals are: a connection that lives in one is closed by then.
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
            let pool = ThreadPool::with_initializer(some(2), "lesson", {
                let closed = closed.clone();
                move || {
                    CONNECTION.set(Some(SlowToClose(closed.clone())));
                    Ok::<_, String>(())
                }
            });
            let two = Arc::new(Barrier::new(2));
            let meet = move |()| two.wait().is_leader();
            soon(try_join_all(pool.map([(); 2], meet).unwrap())).await.unwrap();
            soon(pool.shutdown(Queued::Finish)).await.unwrap();
            assert_eq!(closed.get(), 2);
        }

        /// Dropped anywhere, a shutdown has closed the pool, and the next one waits for the same end.
        #[test]
        fn cancelled_anywhere_can_be_awaited_again() {
            let swept = cancel_sweep::sweep_with(
                || {
                    let (pool, ended) = (Arc::new(pool(2)), Count::default());
                    let (work, told) = (held_for_a_turn(), ended.clone());
                    let job = pool.submit(move || {
                        work();
                        told.add();
                    });
                    job.unwrap().detach();
                    // The clock stands still until the pool has come to its end.
                    let (other, future) = (pool.clone(), pool.clone());
                    tokio::spawn(async move {
                        yield_now().await;
                        let runtime = tokio::runtime::Handle::current();
                        spawn_blocking(move || {
                            runtime.block_on(soon(other.shutdown(Queued::Finish))).unwrap();
                        });
                    });
                    ((pool, ended), async move { future.shutdown(Queued::Finish).await })
                },
                |(pool, ended), outcome| {
                    assert_eq!(ended.get(), 1);
                    assert!(pool.shutdown(Queued::Finish).now_or_never().is_some_and(|ended| ended.is_ok()));
                    assert!(matches!(pool.submit(|| ()), Err(Refused::ShutDown)));
                    assert!(matches!(outcome, Cancelled(_) | Finished(Ok(()))));
                },
            );
            assert_eq!(swept.points, 1);
        }

        /// asyncio: a program waits at its end for the threads of every pool. Rust: it ends when `main` returns, in the
        /// midst of a job. Await `shutdown` first.
        #[test]
        fn is_what_the_end_of_a_program_does_not_wait_for() {
            let mut program = other_program("a program whose main returns while a job runs");
            let output = soon_on_a_thread(move || program.output().unwrap());
            assert!(output.status.success(), "{output:?}");
        }

        /// asyncio: a pool that is forgotten ends its threads once its queue is empty. Here: the drop does not wait.
        #[tokio::test]
        async fn by_a_drop_runs_the_queue_and_ends_the_threads_and_blocks_nobody() {
            let (begun, end, ran, gone) =
                (Gate::default(), Gate::default(), Count::default(), Count::default());
            let captured = gone.on_drop();
            let pool = ThreadPool::with_initializer(some(2), "lesson", move || {
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
            soon(running).await.unwrap();
            until(|| gone.get() == 1).await;
            assert_eq!(ran.get(), 10);
        }
    }

    mod waiting_for_itself {
        use super::*;

        /// asyncio: a job that waits for another job of its own pool dead-locks, when every thread does so. Here: it is
        /// refused, also when there would be a thread to do it.
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
                assert_eq!(soon(outer.unwrap()).await, Ok((refused.clone(), refused, Err(OwnPool))));
                end.open();
                soon(pool.shutdown(Queued::Finish)).await.unwrap();
            }
        }

        /// What is done needs no waiting.
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
            assert_eq!(soon(try_join_all(results)).await.unwrap(), [Ok(42), Ok(42)]);
        }

        #[tokio::test]
        async fn is_not_what_waits_for_another_pool() {
            let (outer, inner) = (pool(1), Arc::new(pool(1)));
            let work = {
                let inner = inner.clone();
                move || inner.submit(|| 42).unwrap().blocking_wait()
            };
            assert_eq!(soon(outer.submit(work).unwrap()).await, Ok(Ok(42)));
        }

        /// To hand on work is no waiting.
        #[tokio::test]
        async fn is_not_what_submits_and_goes_on() {
            let pool = Arc::new(pool(1));
            let work = {
                let pool = pool.clone();
                move || pool.submit(my_name).unwrap()
            };
            let inner = soon(pool.submit(work).unwrap()).await.unwrap();
            assert_eq!(soon(inner).await.unwrap(), "lesson_0");
        }
    }

    /// Four tasks of four threads submit to three, each job from its own seed: some panic, some are dropped, cancelled or
    /// detached, and in the midst of it the pool is shut down. At the end each job has run once, or was cancelled or
    /// refused, and nobody waits.
    #[test]
    fn many_threads_and_many_rounds_lose_and_double_nothing() {
        /// What becomes of a job: how often it has run, and how often it should.
        struct Fate {
            ran: Count,
            expected: std::ops::RangeInclusive<usize>,
        }

        async fn submit_some(
            pool: &ThreadPool,
            dropped: Count,
            queued: Queued,
            mut random: Rng,
        ) -> Vec<Fate> {
            let (mut fates, mut kept) = (Vec::new(), Vec::new());
            for _ in 0..30 {
                let (panics, ran, captured) = (random.u8(..8) == 0, Count::default(), dropped.on_drop());
                let runs = ran.clone();
                let work = move || {
                    let _captured = captured;
                    runs.add();
                    if panics {
                        panic::resume_unwind(Box::new("on purpose"));
                    }
                };
                let Ok(job) = pool.submit(work) else {
                    fates.push(Fate { ran, expected: 0..=0 });
                    continue;
                };
                match random.u8(..5) {
                    0 => {
                        job.detach();
                        let least = usize::from(queued == Queued::Finish);
                        fates.push(Fate { ran, expected: least..=1 });
                    }
                    1 => {
                        drop(job);
                        fates.push(Fate { ran, expected: 0..=1 });
                    }
                    2 => {
                        let cancelled = job.cancel();
                        kept.push((job, panics, ran, cancelled));
                    }
                    _ => {
                        kept.push((job, panics, ran, false));
                        yield_now().await;
                    }
                }
            }
            for (job, panics, ran, cancelled) in kept {
                let expected = match job.await {
                    Ok(()) if !panics && !cancelled => 1,
                    Err(JobError::Panicked(text)) if panics && !cancelled && text == "on purpose" => 1,
                    Err(JobError::Cancelled) if cancelled || queued == Queued::Cancel => 0,
                    other => panic!("{other:?} of a job that panics: {panics}, is cancelled: {cancelled}"),
                };
                fates.push(Fate { ran, expected: expected..=expected });
            }
            fates
        }

        async fn round(seed: u64) {
            let mut random = Rng::with_seed(seed);
            let (pool, dropped) = (Arc::new(pool(3)), Count::default());
            let queued = if random.bool() { Queued::Finish } else { Queued::Cancel };
            let mut tasks = JoinSet::new();
            for _ in 0..4 {
                let (pool, dropped, random) = (pool.clone(), dropped.clone(), random.fork());
                tasks.spawn(async move { submit_some(&pool, dropped, queued, random).await });
            }
            for _ in 0..random.u8(..20) {
                yield_now().await;
            }
            let ended = tokio::spawn(async move { pool.shutdown(queued).await });
            let fates = tasks.join_all().await;
            ended.await.unwrap().unwrap();
            for Fate { ran, expected } in fates.into_iter().flatten() {
                assert!(expected.contains(&ran.get()), "seed {seed}: ran {} times, {expected:?}", ran.get());
            }
            assert_eq!(dropped.get(), 120, "seed {seed}: what a job holds is dropped once");
        }

        let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
        runtime.block_on(async {
            for seed in 0..300 {
                let round = timeout(PATIENCE, tokio::spawn(round(seed))).await;
                round.unwrap_or_else(|_| panic!("seed {seed}: somebody waits for ever")).unwrap();
            }
        });
    }
}

mod cpu {
    use super::*;
    use executors::cpu::{Panicked, Stopped, compute};
    use rayon::prelude::*;
    use rayon::{ThreadPool, ThreadPoolBuilder};

    fn pool(threads: usize) -> ThreadPool {
        ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("cpu-{n}")).build().unwrap()
    }

    /// asyncio: a process pool computes beside the loop. Here: threads do.
    #[tokio::test]
    async fn the_value_arrives_and_the_work_ran_on_the_pools_thread() {
        let pool = pool(1);
        assert_eq!(soon(compute(&pool, |_| (6 * 7, my_name()))).await, Ok((42, "cpu-0".to_owned())));
    }

    #[tokio::test]
    async fn nothing_begins_before_the_await() {
        let (pool, ran) = (pool(1), Gate::default());
        let lazy = {
            let ran = ran.clone();
            compute(&pool, move |_| ran.open())
        };
        pool.install(|| ());
        assert!(!ran.is_open());
        soon(lazy).await.unwrap();
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
        assert_eq!(soon(try_join_all(all)).await.unwrap(), (0..12).collect::<Vec<_>>());
        assert_eq!(gauge.peak(), 4);
    }

    /// asyncio: an exception in a worker is its future's. Here: a panic is, also one from within a parallel iterator.
    #[tokio::test]
    async fn a_panic_is_an_error_and_the_pool_goes_on() {
        let pool = pool(2);
        let error = soon(compute(&pool, |_| -> u8 { panic!("no {}", "chunk") })).await;
        assert_eq!(error, Err(Panicked("no chunk".to_owned())));
        let work =
            |_: &_| (0..100).into_par_iter().map(|n| if n == 50 { panic!("fifty") } else { n }).sum::<i32>();
        assert_eq!(soon(compute(&pool, work)).await, Err(Panicked("fifty".to_owned())));
        assert_eq!(soon(compute(&pool, |_| 42)).await, Ok(42));
    }

    /// rayon's own `spawn` has nobody to tell, and ends the program.
    #[test]
    fn but_a_panic_in_a_bare_spawn_ends_the_program() {
        let output = other_program("rayon's spawn panics").output().unwrap();
        assert!(!output.status.success());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("Rayon: detected unexpected panic; aborting"), "{errors}");
    }

    /// The program survives what destructors do: of a result that nobody wants, of a panic, of work that never begins.
    #[tokio::test]
    async fn a_destructor_that_panics_does_not_end_the_program() {
        let pool = pool(1);
        let payload = soon(compute(&pool, |_| -> () { panic::panic_any(PanicsOnDrop) })).await;
        assert_eq!(payload, Err(Panicked("a value that is not text".to_owned())));

        let (begun, end) = (Gate::default(), Gate::default());
        let work = held(&begun, &end);
        let unwanted = compute(&pool, move |_| {
            work();
            PanicsOnDrop
        });
        let captured = PanicsOnDrop;
        let unbegun = compute(&pool, move |_| drop(captured));
        tokio::select! {
            biased;
            _ = unwanted => panic!("it is held"),
            _ = unbegun => panic!("it has no thread"),
            () = begun.passed() => {}
        }
        end.open();
        assert_eq!(soon(compute(&pool, |_| 42)).await, Ok(42));
    }

    /// asyncio: work that waits for its worker is cancelled with the one who waits. Here: the same.
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
        soon(running).await.unwrap();
        soon(compute(&pool, |_| ())).await.unwrap();
        assert_eq!((ran.get(), dropped.get()), (0, 1));
    }

    /// asyncio: nothing stops a worker that computes. Here: work that looks at [`Stop`](executors::cpu::Stop) between two
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
        assert_eq!(soon(has_stopped).await, Ok((Err(Stopped), true)));
        assert_eq!(chunks.get(), 1);
    }

    #[tokio::test]
    async fn awaited_to_its_end_it_is_never_told_to_stop() {
        let pool = pool(2);
        let work = |stop: &executors::cpu::Stop| {
            let stop = stop.clone();
            (0..1000).into_par_iter().map(|number| stop.check().map(|()| number)).sum::<Result<u32, _>>()
        };
        assert_eq!(soon(compute(&pool, work)).await, Ok(Ok(499_500)));
    }

    /// asyncio: a job that waits for another of its own pool can dead-lock. rayon: `join` does the other itself.
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
        assert_eq!(soon(compute(&pool, move |_| sum(&numbers))).await, Ok(499_500));
    }

    /// While it computes the tasks run on.
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
            outcome = soon(work) => outcome.unwrap(),
        }
    }

    /// The hazard: `install` gives the value without an await, for it blocks the task and all others of its thread.
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

    #[tokio::test]
    async fn ten_thousand_wait_their_turn() {
        let pool = pool(2);
        let all = (0..10_000).map(|number| compute(&pool, move |_| number));
        assert_eq!(soon(try_join_all(all)).await.unwrap(), (0..10_000).collect::<Vec<_>>());
    }

    /// Cancelled anywhere: it has run once or never, what it holds is dropped once, and the thread is free.
    #[test]
    fn cancelled_anywhere_it_has_run_once_or_never() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (ran, dropped, pool) = (Count::default(), Count::default(), Arc::new(pool(1)));
                let (over, is_over) = mpsc::channel::<()>();
                let work = {
                    let (ran, captured, held) = (ran.clone(), dropped.on_drop(), held_for_a_turn());
                    move || {
                        let _captured = (captured, over);
                        ran.add();
                        held();
                    }
                };
                // The clock stands still as long as this waits: until the work is gone and the thread is free.
                let free = pool.clone();
                let is_free = move || {
                    let _gone = is_over.recv();
                    free.install(|| ());
                };
                spawn_blocking(move || soon_on_a_thread(is_free));
                let mine = pool.clone();
                ((ran, dropped, pool), async move { compute(&mine, move |_| work()).await })
            },
            |(ran, dropped, _pool), outcome| {
                assert_eq!(dropped.get(), 1);
                match outcome {
                    Cancelled(At { suspension: 0, .. }) => assert_eq!(ran.get(), 0),
                    Cancelled(At { woken: false, .. }) => assert!(ran.get() <= 1),
                    Cancelled(_) => assert_eq!(ran.get(), 1),
                    Finished(result) => assert_eq!((result, ran.get()), (Ok(()), 1)),
                }
            },
        );
        assert_eq!(swept.points, 1);
    }

    /// Four threads ask two, some give up, some panic: each that waits has its own answer, and nothing runs twice.
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
                    let expected =
                        if panics { Err(Panicked("on purpose".to_owned())) } else { Ok(Ok(number)) };
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
                soon(tasks.join_all()).await;
                until(|| dropped.get() == 80).await;
            }
        });
    }
}

#[cfg(unix)]
mod process_pool {
    use super::*;
    use std::env;
    use std::error::Error;
    use std::fs::{self, File};
    use std::future::poll_fn;
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;
    use std::path::{Path, PathBuf};
    use std::process::{self, Stdio};
    use std::task::Poll;

    use executors::process_pool::{JobError, OnCrash, Options, ProcessPool, Queued, RemoteError, serve};
    use serde::{Deserialize, Serialize};
    use serde_json::{Value, json};
    use tempfile::TempDir;
    use tokio::process::Command;

    /// What the workers of these lessons can do.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    enum Job {
        Add(u32, u32),
        ProcessId,
        ProcessGroup,
        /// How often the worker was prepared, and how many jobs it has done.
        Prepared,
        Echo(String),
        Zeros(usize),
        Fail,
        Panic(Option<String>),
        Exit(i32),
        Abort,
        /// Makes the file, and hangs.
        Hang(PathBuf),
        /// Makes the first file, and waits for the second.
        Meet(PathBuf, PathBuf),
        Print(String),
        ReadStdin,
        /// Starts a program that does not end by itself.
        StartProgram,
        /// Has a pool of its own do the job.
        Nested(Box<Job>),
    }

    type Pool = ProcessPool<Job, Value>;

    /// The state of a worker.
    struct State {
        prepared: u32,
        done: u32,
    }

    impl Drop for State {
        fn drop(&mut self) {
            if let Some(path) = env::var_os(FILE) {
                fs::write(path, "put away").unwrap();
            }
        }
    }

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the table is broken")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn work(state: &mut State, job: Job) -> Result<Value, Outer> {
        state.done += 1;
        Ok(match job {
            Job::Add(a, b) => json!([a + b, process::id()]),
            Job::ProcessId => json!(process::id()),
            Job::ProcessGroup => json!(group_of(process::id())),
            Job::Prepared => json!([state.prepared, state.done]),
            Job::Echo(text) => json!(text),
            Job::Zeros(size) => json!("0".repeat(size)),
            Job::Fail => return Err(Outer("x".parse::<u8>().unwrap_err())),
            Job::Panic(Some(text)) => panic!("{text}"),
            Job::Panic(None) => panic::panic_any(7),
            Job::Exit(code) => process::exit(code),
            Job::Abort => process::abort(),
            Job::Hang(file) => {
                File::create(file).unwrap();
                loop {
                    thread::park();
                }
            }
            Job::Meet(mine, other) => {
                File::create(mine).unwrap();
                while !other.exists() {
                    thread::yield_now();
                }
                json!(process::id())
            }
            Job::Print(text) => {
                println!("{text}");
                eprintln!("{text}");
                json!(text.len())
            }
            Job::ReadStdin => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).unwrap();
                json!(text)
            }
            Job::StartProgram => json!(process::Command::new("sleep").arg("1000").spawn().unwrap().id()),
            Job::Nested(job) => {
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async { pool(1, Options::default()).run(*job).await.unwrap() })
            }
        })
    }

    /// What the other programs of these lessons do.
    fn play(role: &str) {
        match role {
            "a worker" => {}
            "a worker whose preparation fails" => {
                serve::<Job, Value, fn(Job) -> Result<Value, Outer>, _>(|| {
                    Err(Outer("y".parse::<u8>().unwrap_err()))
                })
            }
            "a worker whose preparation panics" => {
                serve::<Job, Value, fn(Job) -> Result<Value, Outer>, Outer>(|| panic!("no model"))
            }
            "a worker whose results cannot be sent" => {
                serve(|| Ok(|_job: Job| Ok::<_, Outer>(std::collections::BTreeMap::from([(vec![1], 2)]))))
            }
            "a worker that does not serve" => {
                let refused = ProcessPool::<Job, Value>::new(Command::new("true"), Options::default());
                process::exit(if refused.is_err() { 42 } else { 0 })
            }
            "a parent that is killed" => {
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let options = Options { max_workers: some(2), end_limit: ms(20), ..Options::default() };
                    let pool = Pool::new(Command::from(other_program("a worker")), options).unwrap();
                    let file = PathBuf::from(env::var_os(FILE).unwrap());
                    let [one, other] = ["one", "other"].map(|name| file.with_extension(name));
                    let meeting = [Job::Meet(one.clone(), other.clone()), Job::Meet(other, one)];
                    try_join_all(meeting.map(|job| pool.run(job))).await.unwrap();
                    // One of the two is idle from here on.
                    pool.run(Job::Hang(file.with_extension("busy"))).await.unwrap();
                });
            }
            "rayon's spawn panics" => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
                pool.spawn(|| panic!("nobody is told"));
                loop {
                    thread::park();
                }
            }
            "a program whose main returns while a job runs" => {
                let pool = executors::thread_pool::ThreadPool::new(ONE, "lesson");
                let begun = Gate::default();
                let running = begun.clone();
                let job = pool.submit(move || {
                    running.open();
                    loop {
                        thread::park();
                    }
                });
                begun.pass();
                job.map(executors::thread_pool::Job::<()>::detach).unwrap();
            }
            "a program that has no threads to give" => {
                let pool = executors::thread_pool::ThreadPool::new(ONE, "lesson");
                let dropped = Count::default();
                let captured = dropped.on_drop();
                let refused = pool.submit(move || drop(captured)).unwrap_err();
                println!("{refused}: {}", refused.source().unwrap());
                assert_eq!((pool.queued(), dropped.get()), (0, 1));
            }
            other => panic!("nobody plays {other}"),
        }
    }

    fn worker(role: &str) -> Command {
        let mut command = Command::from(other_program(role));
        // What libtest says there is none of this program's business.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn pool(max_workers: usize, options: Options) -> Pool {
        Pool::new(worker("a worker"), Options { max_workers: some(max_workers), ..options }).unwrap()
    }

    /// A worker that speaks for itself. A frame is written by `say '"Ready"'`.
    fn script(text: &str) -> ProcessPool<u8, u8> {
        let say = r#"say() { printf "\\000\\000\\000\\$(printf %03o ${#1})%s" "$1" >&0; }"#;
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{say}\n{text}")]).stdout(Stdio::null()).stderr(Stdio::null());
        let options = Options { max_workers: ONE, end_limit: Duration::ZERO, ..Options::default() };
        ProcessPool::new(command, options).unwrap()
    }

    /// The first five bytes of a job: all of it, for a number of one digit.
    const GETS_A_JOB: &str = r#"say '"Ready"'; head -c 5 >/dev/null; say '"Taken"';"#;

    fn signal(signal: &str, process: impl ToString) {
        let process = process.to_string();
        let sent = process::Command::new("kill").args([signal, "--", &process]).status().unwrap();
        assert!(sent.success(), "kill {signal} {process}");
    }

    /// Whether there is such a process, be it a zombie.
    fn exists(process: &Value) -> bool {
        let command = &mut process::Command::new("kill");
        command.args(["-0", &process.to_string()]).stderr(Stdio::null()).status().unwrap().success()
    }

    /// What `ps` says of a process in the column `what`.
    fn told_by_ps(what: &str, process: impl ToString) -> String {
        let ps = process::Command::new("ps").args(["-o", what, "-p", &process.to_string()]).output().unwrap();
        String::from_utf8(ps.stdout).unwrap().trim().to_owned()
    }

    fn group_of(process: u32) -> u32 {
        told_by_ps("pgid=", process).parse().unwrap()
    }

    /// Stops a process, and waits until all its threads have heard of it.
    async fn stop(process: &Value) {
        signal("-STOP", process);
        until(|| told_by_ps("state=", process).starts_with('T')).await;
    }

    /// A folder, and the name of a file that is not in it yet.
    fn file() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        (folder, file)
    }

    async fn exists_soon(file: &Path) {
        until(|| file.exists()).await;
    }

    /// Stops the clock of the runtime, and keeps it from going on by itself while the runtime waits for a process.
    struct Frozen(Gate);

    /// A timer fires at the next whole millisecond of its runtime.
    const TIMER: Duration = ms(1);

    impl Frozen {
        fn clock() -> Self {
            tokio::time::pause();
            let thawed = Gate::default();
            let work = thawed.clone();
            spawn_blocking(move || work.pass());
            Self(thawed)
        }

        async fn advance(&self, time: Duration) {
            tokio::time::advance(time).await;
        }
    }

    impl Drop for Frozen {
        fn drop(&mut self) {
            self.0.open();
        }
    }

    /// Polls a future until it has suspended for the `suspension`th time, and drops it there: at once, or when it would
    /// be polled again. `None` if it did not come to its end before.
    async fn drop_at<F: Future>(future: F, At { suspension, woken }: At) -> Option<F::Output> {
        let (mut future, mut suspended) = (Box::pin(future), 0);
        let outcome = poll_fn(|cx| {
            if suspended == suspension {
                return Poll::Ready(None);
            }
            match future.as_mut().poll(cx) {
                Poll::Ready(value) => Poll::Ready(Some(value)),
                Poll::Pending => {
                    suspended += 1;
                    if suspended == suspension && !woken { Poll::Ready(None) } else { Poll::Pending }
                }
            }
        });
        soon(outcome).await
    }

    mod serve {
        use super::*;

        /// A program calls `serve` first thing in its `main`, whether it is a worker or not. (The workers of these
        /// lessons, and other programs of theirs, are this program, started with this lesson alone.)
        #[test]
        fn in_a_program_that_is_no_worker_goes_on() {
            if let Ok(role) = env::var(ROLE) {
                play(&role);
            }
            let mut prepared = 0;
            super::serve(move || {
                prepared += 1;
                let mut state = State { prepared, done: 0 };
                Ok(move |job| work(&mut state, job))
            });
        }

        /// asyncio: without `if __name__ == "__main__"` a worker would start workers; multiprocessing refuses. Here: a
        /// worker that has not called `serve` cannot make a pool.
        #[tokio::test]
        async fn that_is_not_called_does_not_make_workers_without_end() {
            let pool = Pool::new(worker("a worker that does not serve"), Options::default()).unwrap();
            let error = soon(pool.run(Job::ProcessId)).await.unwrap_err();
            assert_eq!(error.source().unwrap().to_string(), "it ended, exit status: 42");
        }

        /// A job of a worker may have a pool: its workers are other processes.
        #[tokio::test]
        async fn lets_a_job_have_a_pool_of_its_own() {
            let pool = pool(1, Options::default());
            let outer = soon(pool.run(Job::ProcessId)).await.unwrap();
            let inner = soon(pool.run(Job::Nested(Box::new(Job::ProcessId)))).await.unwrap();
            assert_ne!(outer, inner);
        }
    }

    mod job {
        use super::*;

        /// asyncio: the work runs in another process. Here: the same.
        #[tokio::test]
        async fn has_its_result_from_another_process() {
            let pool = pool(1, Options::default());
            let result = soon(pool.run(Job::Add(40, 2))).await.unwrap();
            assert_eq!(result[0], 42);
            assert_ne!(result[1], process::id());
        }

        /// asyncio: an exception of a job is raised by its future, with the remote traceback. Here: with the name of its
        /// type, its text and its causes. The worker goes on.
        #[tokio::test]
        async fn that_fails_tells_its_type_its_text_and_its_causes() {
            let pool = pool(1, Options::default());
            let before = soon(pool.run(Job::ProcessId)).await.unwrap();
            let error = soon(pool.run(Job::Fail)).await.unwrap_err();
            assert_eq!(error.to_string(), "the table is broken");
            assert_eq!(error.source().unwrap().to_string(), "invalid digit found in string");
            let JobError::Failed(RemoteError { kind, .. }) = error else { panic!("{error:?}") };
            assert_eq!(kind, "executors::process_pool::Outer");
            assert_eq!(soon(pool.run(Job::ProcessId)).await.unwrap(), before);
        }

        #[tokio::test]
        async fn that_panics_tells_what_the_panic_says_and_its_worker_goes_on() {
            let pool = pool(1, Options::default());
            let before = soon(pool.run(Job::ProcessId)).await.unwrap();
            for (text, message) in [(Some("no row"), "no row"), (None, "a value that is not text")] {
                let error = soon(pool.run(Job::Panic(text.map(str::to_owned)))).await.unwrap_err();
                let expected =
                    RemoteError { kind: "panic".to_owned(), message: message.to_owned(), cause: None };
                assert!(matches!(error, JobError::Failed(error) if error == expected));
            }
            assert_eq!(soon(pool.run(Job::ProcessId)).await.unwrap(), before);
        }

        /// asyncio: what cannot be pickled fails its own future. Here: what is no JSON does not leave the program.
        #[tokio::test]
        async fn that_cannot_be_sent_fails_alone() {
            type ByList = std::collections::BTreeMap<Vec<u8>, u8>;
            let pool = ProcessPool::<ByList, Value>::new(worker("a worker"), Options::default()).unwrap();
            let error = soon(pool.run(ByList::from([(vec![1], 2)]))).await.unwrap_err();
            assert!(matches!(error, JobError::Unsendable(_)), "{error:?}");
            assert_eq!(error.source().unwrap().to_string(), "key must be a string");
        }

        #[tokio::test]
        async fn that_its_worker_cannot_read_fails_alone() {
            let options = Options { max_workers: ONE, ..Options::default() };
            let pool = ProcessPool::<Value, Value>::new(worker("a worker"), options).unwrap();
            let error = soon(pool.run(json!({"Subtract": [1, 2]}))).await.unwrap_err();
            assert!(error.to_string().starts_with("unknown variant `Subtract`"), "{error}");
            assert_eq!(soon(pool.run(json!({"Add": [1, 2]}))).await.unwrap()[0], 3);
        }

        #[tokio::test]
        async fn whose_result_cannot_be_sent_or_read_fails_alone() {
            let pool =
                Pool::new(worker("a worker whose results cannot be sent"), Options::default()).unwrap();
            for _ in 0..2 {
                let error = soon(pool.run(Job::ProcessId)).await.unwrap_err();
                assert_eq!(error.to_string(), "key must be a string");
            }
            let options = Options { max_workers: ONE, ..Options::default() };
            let pool = ProcessPool::<Job, String>::new(worker("a worker"), options).unwrap();
            let error = soon(pool.run(Job::ProcessId)).await.unwrap_err();
            assert!(matches!(error, JobError::Unreadable(_)), "{error:?}");
            assert_eq!(soon(pool.run(Job::Echo("next".to_owned()))).await.unwrap(), "next");
        }

        /// Three megabytes there and back: more than any pipe or socket holds.
        #[tokio::test]
        async fn and_its_result_may_be_large() {
            let pool = pool(1, Options::default());
            let text = "x".repeat(3_000_000);
            assert_eq!(soon(pool.run(Job::Echo(text.clone()))).await.unwrap(), text);
            assert_eq!(soon(pool.run(Job::Zeros(0))).await.unwrap(), "");
        }

        /// What a job prints goes where the program prints, and does not get into the channel.
        #[tokio::test]
        async fn that_prints_neither_breaks_the_channel_nor_loses_its_text() {
            let (_folder, path) = file();
            let mut command = worker("a worker");
            command.stdout(File::create(&path).unwrap());
            let pool = Pool::new(command, Options { max_workers: ONE, ..Options::default() }).unwrap();
            assert_eq!(soon(pool.run(Job::Print("\0\0\0\x05hello".to_owned()))).await.unwrap(), 9);
            assert_eq!(soon(pool.run(Job::Add(1, 2))).await.unwrap()[0], 3);
            assert!(fs::read_to_string(&path).unwrap().ends_with("\0\0\0\x05hello\n"));
        }

        /// asyncio: a worker's stdin is empty. Here: the same, though its channel has come in that place.
        #[tokio::test]
        async fn that_reads_its_stdin_finds_it_empty() {
            let pool = pool(1, Options::default());
            assert_eq!(soon(pool.run(Job::ReadStdin)).await.unwrap(), "");
            assert_eq!(soon(pool.run(Job::Add(1, 2))).await.unwrap()[0], 3);
        }
    }

    mod workers {
        use super::*;

        /// asyncio: never more than `max_workers`, and one that is idle is used again. Here: the same.
        #[tokio::test]
        async fn work_at_the_same_time_and_are_used_again() {
            let (pool, folder) = (pool(2, Options::default()), tempfile::tempdir().unwrap());
            let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
            let meeting =
                [Job::Meet(one.clone(), other.clone()), Job::Meet(other, one)].map(|job| pool.run(job));
            let processes: BTreeSet<_> =
                soon(try_join_all(meeting)).await.unwrap().iter().map(Value::as_u64).collect();
            assert_eq!(processes.len(), 2);
            let jobs = (0..20).map(|_| pool.run(Job::ProcessId));
            let again: BTreeSet<_> =
                soon(try_join_all(jobs)).await.unwrap().iter().map(Value::as_u64).collect();
            assert!(again.is_subset(&processes));
        }

        /// asyncio: the initializer runs once in each worker. Here: the preparation does, and its value does the jobs.
        #[tokio::test]
        async fn are_prepared_once() {
            let pool = pool(1, Options::default());
            for done in 1..=3 {
                assert_eq!(soon(pool.run(Job::Prepared)).await.unwrap(), json!([1, done]));
            }
        }

        /// asyncio: `max_tasks_per_child`. Here: the same.
        #[tokio::test]
        async fn give_way_to_new_ones_after_so_many_jobs() {
            let pool = pool(1, Options { max_jobs_per_worker: Some(some(2)), ..Options::default() });
            let mut processes = Vec::new();
            for _ in 0..6 {
                processes.push(soon(pool.run(Job::ProcessId)).await.unwrap());
            }
            assert!(processes.chunks(2).all(|two| two[0] == two[1]));
            assert_eq!(processes.iter().map(Value::as_u64).collect::<BTreeSet<_>>().len(), 3);
        }

        /// In a terminal Ctrl-C goes to a whole group. The program decides what it means, and not its workers.
        #[tokio::test]
        async fn are_not_in_the_group_that_ctrl_c_reaches() {
            let pool = pool(1, Options::default());
            assert_ne!(soon(pool.run(Job::ProcessGroup)).await.unwrap(), group_of(process::id()));
        }

        /// asyncio: workers end when the program is gone. Here: also those in the midst of a job.
        #[tokio::test]
        async fn end_when_their_program_is_killed() {
            let (_folder, path) = file();
            let mut program = Command::from(other_program("a parent that is killed"));
            program.env(FILE, &path).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
            let mut program = program.spawn().unwrap();
            exists_soon(&path.with_extension("busy")).await;
            program.start_kill().unwrap();
            // The workers hold its stdout and its stderr: they are at their end when no process is left.
            let output = soon(program.wait_with_output()).await.unwrap();
            assert_eq!(output.status.signal(), Some(9));
        }
    }
    mod crash {
        use super::*;

        /// Kills the worker in the midst of a job, or lets it end itself.
        async fn crash(pool: &Pool, job: Option<Job>) -> JobError {
            let Some(job) = job else {
                let process = pool.run(Job::ProcessId).await.unwrap();
                let (_folder, path) = file();
                let running = pool.run(Job::Hang(path.clone()));
                tokio::pin!(running);
                let killed = async {
                    exists_soon(&path).await;
                    signal("-KILL", process);
                };
                let (outcome, ()) = tokio::join!(running, killed);
                return outcome.unwrap_err();
            };
            pool.run(job).await.unwrap_err()
        }

        /// asyncio: any worker that dies breaks the whole pool. Here by default: its own job fails, and the others go on.
        #[tokio::test]
        async fn fails_its_own_job_and_the_next_has_a_new_worker() {
            let pool = pool(1, Options::default());
            let ways = [
                (None, Some(9), None),
                (Some(Job::Exit(3)), None, Some(3)),
                (Some(Job::Exit(0)), None, Some(0)),
                (Some(Job::Abort), Some(6), None),
            ];
            for (job, signal, code) in ways {
                let error = soon(crash(&pool, job)).await;
                let JobError::Crashed(Some(status)) = error else { panic!("{error:?}") };
                assert_eq!((status.signal(), status.code()), (signal, code));
                assert_eq!(soon(pool.run(Job::Add(1, 2))).await.unwrap()[0], 3);
            }
        }

        #[tokio::test]
        async fn leaves_the_jobs_of_other_workers_alone() {
            let (pool, (_folder, path)) = (pool(2, Options::default()), file());
            let other = path.with_extension("other");
            let meets = pool.run(Job::Meet(path.clone(), other.clone()));
            let crashes = async {
                exists_soon(&path).await;
                assert!(matches!(pool.run(Job::Exit(3)).await, Err(JobError::Crashed(_))));
                File::create(&other).unwrap();
            };
            let (met, ()) = soon(async { tokio::join!(meets, crashes) }).await;
            met.unwrap();
        }

        /// asyncio: `BrokenProcessPool` for all that run, all that wait, and all that come. Here: the same, if it is asked
        /// for.
        #[tokio::test]
        async fn breaks_the_pool_if_it_is_told_to() {
            let pool = pool(2, Options { on_crash: OnCrash::BreakPool, ..Options::default() });
            let (_folder, path) = file();
            let runs = pool.run(Job::Hang(path.clone()));
            let others = async {
                exists_soon(&path).await;
                tokio::join!(pool.run(Job::Exit(3)), pool.run(Job::ProcessId))
            };
            let (runs, (crashes, waits)) = soon(async { tokio::join!(runs, others) }).await;
            assert!(matches!(crashes, Err(JobError::Crashed(_))));
            for outcome in [runs, waits, soon(pool.run(Job::ProcessId)).await] {
                let error = outcome.unwrap_err();
                assert_eq!(error.to_string(), "the pool is broken: the worker died: exit status: 3");
            }
            soon(pool.shutdown(Queued::Finish)).await;
        }

        /// What crashes each time would crash for ever: after so many in a row nothing more is started.
        #[tokio::test]
        async fn after_crash_ends_and_a_result_in_between_begins_anew() {
            let pool =
                pool(1, Options { on_crash: OnCrash::FailJob { limit: some(3) }, ..Options::default() });
            for job in [Job::Exit(1), Job::Exit(1), Job::Fail, Job::Exit(1), Job::Exit(1)] {
                assert!(!matches!(soon(pool.run(job)).await, Err(JobError::Broken(_)) | Ok(_)));
            }
            assert!(matches!(soon(pool.run(Job::Exit(1))).await, Err(JobError::Crashed(_))));
            assert!(matches!(soon(pool.run(Job::ProcessId)).await, Err(JobError::Broken(_))));
        }

        /// asyncio: a worker that is killed while it has nothing to do breaks the pool. Here: the next job does not notice.
        #[tokio::test]
        async fn of_an_idle_worker_costs_no_job() {
            let pool = pool(1, Options { on_crash: OnCrash::BreakPool, ..Options::default() });
            for _ in 0..10 {
                let process = soon(pool.run(Job::ProcessId)).await.unwrap();
                signal("-KILL", &process);
                assert_ne!(soon(pool.run(Job::ProcessId)).await.unwrap(), process);
            }
        }

        /// And leaves no zombie, though nobody asks for the worker.
        #[tokio::test]
        async fn of_an_idle_worker_is_seen() {
            let pool = pool(1, Options::default());
            let process = soon(pool.run(Job::ProcessId)).await.unwrap();
            signal("-KILL", &process);
            until(|| !exists(&process)).await;
            soon(pool.run(Job::ProcessId)).await.unwrap();
        }

        /// A program that a job has started lives on, and the pool does not wait for it.
        #[tokio::test]
        async fn is_seen_though_a_program_that_a_job_has_started_lives_on() {
            let pool = pool(1, Options::default());
            let program = soon(pool.run(Job::StartProgram)).await.unwrap();
            assert!(matches!(soon(pool.run(Job::Exit(3))).await, Err(JobError::Crashed(_))));
            soon(pool.shutdown(Queued::Finish)).await;
            signal("-KILL", program);
        }

        /// A worker dies with nothing to do, and a program that it has started holds its end of the channel open. The
        /// next job does not wait for an answer from there.
        #[tokio::test]
        async fn of_an_idle_worker_is_seen_though_its_channel_is_still_open() {
            let (_folder, path) = file();
            let program = path.display();
            let pool = script(&format!(
                r#"exec 3<&0; {GETS_A_JOB} sleep 1000 & echo $! >>{program}; echo $$ >{program}.worker; say '{{"Done":{{"Ok":8}}}}'; exit 0"#
            ));
            let answers = timeout(ms(10_000), async {
                assert_eq!(pool.run(7).await.unwrap(), 8);
                let worker = fs::read_to_string(path.with_extension("worker")).unwrap();
                let worker: Value = worker.trim().parse().unwrap();
                until(|| !exists(&worker)).await;
                pool.run(7).await.unwrap()
            });
            assert_eq!(answers.await.expect("nobody waits for the dead one"), 8);
            for program in fs::read_to_string(&path).unwrap().lines() {
                signal("-KILL", program);
            }
        }

        /// What breaks off in the midst of a frame, or is none, is a crash of its worker.
        #[tokio::test]
        async fn is_what_a_broken_frame_comes_to() {
            for end in [
                r#"printf "\000\000" >&0"#,
                r#"printf "\000\000\001\000{\"Done" >&0"#,
                r#"printf "garbage that is no frame" >&0"#,
                "",
            ] {
                let pool = script(&format!("{GETS_A_JOB} {end}"));
                let error = soon(pool.run(7)).await.unwrap_err();
                assert!(matches!(error, JobError::Crashed(Some(_))), "{end}: {error:?}");
                assert!(matches!(soon(pool.run(7)).await, Err(JobError::Crashed(_))), "{end}: and again");
            }
            let pool = script(&format!(r#"{GETS_A_JOB} say '"Ready"'; cat >/dev/null"#));
            assert!(matches!(soon(pool.run(7)).await, Err(JobError::Crashed(_))), "it has said that already");
            let pool = script(&format!(r#"{GETS_A_JOB} say '{{"Done":{{"Ok":8}}}}'; cat >/dev/null"#));
            assert_eq!(soon(pool.run(7)).await.unwrap(), 8, "the script can do it right");
        }

        /// A worker that closes its channel and lives on is killed.
        #[tokio::test]
        async fn is_made_of_a_worker_that_does_not_talk_any_more() {
            let pool = script(&format!("{GETS_A_JOB} exec </dev/null >/dev/null; exec sleep 1000"));
            let error = soon(pool.run(7)).await.unwrap_err();
            let JobError::Crashed(Some(status)) = error else { panic!("{error:?}") };
            assert_eq!(status.signal(), Some(9));
            soon(pool.shutdown(Queued::Finish)).await;
        }

        /// A worker that talks instead of listening: both would wait for ever until the other reads.
        #[tokio::test]
        async fn is_made_of_a_worker_that_talks_and_does_not_listen() {
            let mut command = Command::new("sh");
            let script = r#"printf '\000\000\000\007"Ready"' >&0; exec cat /dev/zero >&0"#;
            command.args(["-c", script]).stderr(Stdio::null());
            let options = Options { end_limit: Duration::ZERO, ..Options::default() };
            let pool = ProcessPool::<String, u8>::new(command, options).unwrap();
            let error = soon(pool.run("x".repeat(3_000_000))).await.unwrap_err();
            assert!(matches!(error, JobError::Crashed(_)), "{error:?}");
        }
    }

    mod start {
        use super::*;

        async fn error_of(pool: &Pool) -> (String, String) {
            let error = soon(pool.run(Job::ProcessId)).await.unwrap_err();
            let source = error.source().map(ToString::to_string).unwrap_or_default();
            (error.to_string(), source)
        }

        /// asyncio: an initializer that raises breaks the pool. Here it counts as a crash.
        #[tokio::test]
        async fn of_a_worker_whose_preparation_fails_is_told() {
            for (role, text) in [
                ("a worker whose preparation fails", "the table is broken"),
                ("a worker whose preparation panics", "no model"),
            ] {
                let options = Options { on_crash: OnCrash::BreakPool, ..Options::default() };
                let pool = Pool::new(worker(role), options).unwrap();
                assert_eq!(error_of(&pool).await, ("a worker did not get ready".to_owned(), text.to_owned()));
                let broken = format!("the pool is broken: a worker did not get ready: {text}");
                assert_eq!(error_of(&pool).await.0, broken);
            }
        }

        #[tokio::test]
        async fn of_what_is_no_worker_is_told() {
            let pool = Pool::new(Command::new("/no/such/program"), Options::default()).unwrap();
            assert_eq!(error_of(&pool).await.1, "No such file or directory (os error 2)");
            let pool = Pool::new(Command::new("true"), Options::default()).unwrap();
            assert_eq!(error_of(&pool).await.1, "it ended, exit status: 0");
            let mut sleep = Command::new("sleep");
            sleep.arg("1000");
            let clock = Frozen::clock();
            let pool = Pool::new(sleep, Options::default()).unwrap();
            let late = "it was not ready after 30s: does its `main` call `serve`?";
            let (error, ()) = tokio::join!(error_of(&pool), clock.advance(Duration::from_secs(30) + TIMER));
            assert_eq!(error.1, late);
            soon(pool.shutdown(Queued::Finish)).await;
        }

        /// Nothing is started over and over: each job tries once, and the pool gives up after so many.
        #[tokio::test]
        async fn that_fails_again_and_again_comes_to_an_end() {
            let options = Options { on_crash: OnCrash::FailJob { limit: some(3) }, ..Options::default() };
            let pool = Pool::new(Command::new("false"), options).unwrap();
            let jobs = join_all((0..20).map(|_| pool.run(Job::ProcessId)));
            let outcomes = soon(jobs).await;
            let tried =
                outcomes.iter().filter(|outcome| matches!(outcome, Err(JobError::NoWorker(_)))).count();
            let broken =
                outcomes.iter().filter(|outcome| matches!(outcome, Err(JobError::Broken(_)))).count();
            assert!(tried <= 4, "{tried}");
            assert_eq!(tried + broken, 20);
        }
    }

    mod time_limit {
        use super::*;

        const HOUR: Duration = Duration::from_secs(3600);

        /// asyncio: nothing ends a job that hangs, and its worker is lost. Here: the worker is killed, and the next job has
        /// a new one.
        #[tokio::test]
        async fn kills_the_worker_of_a_job_that_hangs() {
            let (clock, (_folder, path)) = (Frozen::clock(), file());
            let options =
                Options { time_limit: Some(HOUR), on_crash: OnCrash::BreakPool, ..Options::default() };
            let pool = pool(1, options);
            let process = soon(pool.run(Job::ProcessId)).await.unwrap();
            let hours = async {
                exists_soon(&path).await;
                loop {
                    clock.advance(HOUR).await;
                }
            };
            let hangs = soon(async {
                tokio::select! {
                    outcome = pool.run(Job::Hang(path.clone())) => outcome,
                    () = hours => unreachable!(),
                }
            });
            let error = hangs.await.unwrap_err();
            assert!(matches!(error, JobError::TimedOut(HOUR)), "{error:?}");
            assert!(!exists(&process));
            assert_ne!(soon(pool.run(Job::ProcessId)).await.unwrap(), process);
        }

        /// It begins when the job does: who waits long for a worker has all of it.
        #[tokio::test]
        async fn does_not_count_the_wait_for_a_worker() {
            let (clock, (_folder, path)) = (Frozen::clock(), file());
            let pool = pool(1, Options { time_limit: Some(HOUR), ..Options::default() });
            let other = path.with_extension("other");
            let meets = pool.run(Job::Meet(path.clone(), other.clone()));
            let waits = async {
                exists_soon(&path).await;
                pool.run(Job::Add(1, 2)).await
            };
            let times = async {
                exists_soon(&path).await;
                yield_now().await;
                clock.advance(HOUR - ms(1)).await;
                File::create(&other).unwrap();
            };
            let (met, waited, ()) = soon(async { tokio::join!(meets, waits, times) }).await;
            assert!(met.is_ok() && waited.unwrap()[0] == 3);
        }

        /// A worker that is stopped takes no job. It is given up, and another has the job.
        #[tokio::test]
        async fn of_the_start_holds_for_an_idle_worker_that_does_not_take_its_job() {
            let clock = Frozen::clock();
            let pool = pool(1, Options { end_limit: Duration::ZERO, ..Options::default() });
            let process = soon(pool.run(Job::ProcessId)).await.unwrap();
            stop(&process).await;
            let next = pool.run(Job::ProcessId);
            tokio::pin!(next);
            assert!(next.as_mut().now_or_never().is_none(), "it waits for the worker to take it");
            clock.advance(Duration::from_secs(30) + TIMER).await;
            assert_ne!(soon(next).await.unwrap(), process);
            assert!(!exists(&process));
        }
    }

    mod dropped {
        use super::*;

        /// asyncio: a job that runs cannot be cancelled. Here: its worker is killed, so a `timeout` around `run` ends it.
        #[tokio::test]
        async fn while_its_job_runs_a_run_kills_the_worker() {
            let (pool, (_folder, path)) = (pool(1, Options::default()), file());
            let process = soon(pool.run(Job::ProcessId)).await.unwrap();
            let hangs = pool.run(Job::Hang(path.clone()));
            tokio::select! {
                _ = hangs => panic!("it hangs"),
                () = exists_soon(&path) => {}
            }
            until(|| !exists(&process)).await;
            assert_ne!(soon(pool.run(Job::ProcessId)).await.unwrap(), process);
        }

        /// asyncio: cancelling the one who waits cancels what is queued. Here: the same.
        #[tokio::test]
        async fn before_its_turn_a_run_never_begins() {
            let (pool, (_folder, path)) = (pool(1, Options::default()), file());
            let other = path.with_extension("other");
            let meets = pool.run(Job::Meet(path.clone(), other.clone()));
            let never = path.with_extension("never");
            let gives_up = async {
                exists_soon(&path).await;
                assert!(timeout(ms(1), pool.run(Job::Hang(never.clone()))).await.is_err());
                File::create(&other).unwrap();
            };
            let (met, ()) = soon(async { tokio::join!(meets, gives_up) }).await;
            assert_eq!(soon(pool.run(Job::ProcessId)).await.unwrap(), met.unwrap());
            assert!(!never.exists());
        }

        /// A pool that is forgotten leaves no process behind.
        #[tokio::test]
        async fn the_pool_ends_its_workers() {
            let pool = pool(2, Options::default());
            let process = soon(pool.run(Job::ProcessId)).await.unwrap();
            drop(pool);
            until(|| !exists(&process)).await;
        }

        /// Also when the runtime comes to its end before it, and a worker does not listen any more.
        #[test]
        fn the_pool_ends_its_workers_after_the_end_of_the_runtime() {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let (pool, process) = runtime.block_on(async {
                let pool = pool(2, Options::default());
                let process = soon(pool.run(Job::ProcessId)).await.unwrap();
                stop(&process).await;
                (pool, process)
            });
            drop(runtime);
            drop(pool);
            // Tokio collects it by itself, where it has a runtime again and hears of a child.
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                until(|| {
                    drop(Command::new("true").spawn());
                    !exists(&process)
                })
                .await;
            });
        }

        /// Dropped anywhere: the next job has its result, and no process is left behind.
        #[tokio::test]
        async fn anywhere_a_run_leaves_a_pool_that_works() {
            for is_new in [true, false] {
                for suspension in 0.. {
                    assert!(suspension < 100, "it has no end");
                    let mut finished = false;
                    for woken in [false, true] {
                        let pool = pool(1, Options::default());
                        if !is_new {
                            soon(pool.run(Job::ProcessId)).await.unwrap();
                        }
                        let outcome = drop_at(pool.run(Job::Add(1, 2)), At { suspension, woken }).await;
                        finished |= outcome.is_some_and(|outcome| outcome.unwrap()[0] == 3);
                        let next = soon(pool.run(Job::Add(3, 4))).await.unwrap();
                        assert_eq!(next[0], 7);
                        soon(pool.shutdown(Queued::Finish)).await;
                        assert!(!exists(&next[1]));
                    }
                    if finished {
                        break;
                    }
                }
            }
        }
    }

    mod shutdown {
        use super::*;

        /// asyncio: `shutdown()` takes nothing new, does what is queued, and waits for the processes. Here: no process is
        /// left after it, and no zombie.
        #[tokio::test]
        async fn does_what_is_queued_and_leaves_no_process() {
            let (pool, (_folder, path)) = (pool(2, Options::default()), file());
            let other = path.with_extension("other");
            let running = pool.run(Job::Meet(path.clone(), other.clone()));
            let queued = join_all((0..10).map(|_| pool.run(Job::ProcessId)));
            let shutdown = async {
                exists_soon(&path).await;
                let shutdown = pool.shutdown(Queued::Finish);
                tokio::pin!(shutdown);
                assert!(timeout(ms(1), &mut shutdown).await.is_err(), "a job runs");
                assert!(matches!(pool.run(Job::ProcessId).await, Err(JobError::ShutDown)));
                File::create(&other).unwrap();
                shutdown.await;
            };
            let (first, rest, ()) = soon(async { tokio::join!(running, queued, shutdown) }).await;
            let processes: Vec<_> = rest.into_iter().chain([first]).map(Result::unwrap).collect();
            assert!(processes.iter().all(|process| !exists(process)));
            let names: BTreeSet<_> = processes.iter().map(Value::to_string).collect();
            assert!(names.len() <= 2, "the workers do what is queued, and no new ones are started for it");
        }

        /// asyncio: `shutdown(cancel_futures=True)`. Here: what waits fails, what runs comes to its end.
        #[tokio::test]
        async fn with_cancel_lets_what_waits_fail_and_what_runs_end() {
            let (pool, (_folder, path)) = (pool(1, Options::default()), file());
            let other = path.with_extension("other");
            let running = pool.run(Job::Meet(path.clone(), other.clone()));
            let shutdown = async {
                exists_soon(&path).await;
                let mut queued = join_all((0..10).map(|_| pool.run(Job::ProcessId)));
                assert!((&mut queued).now_or_never().is_none(), "they wait for the worker");
                pool.close(Queued::Cancel);
                let queued = queued.await;
                File::create(&other).unwrap();
                pool.shutdown(Queued::Cancel).await;
                queued
            };
            let (running, queued) = soon(async { tokio::join!(running, shutdown) }).await;
            assert!(!exists(&running.unwrap()));
            assert!(queued.iter().all(|outcome| matches!(outcome, Err(JobError::ShutDown))));
        }

        /// asyncio: `shutdown(wait=False)`. Here: the workers end with the last job, also if nobody waits.
        #[tokio::test]
        async fn without_waiting_ends_the_workers_with_the_last_job() {
            let (pool, (_folder, path)) = (pool(2, Options::default()), file());
            let other = path.with_extension("other");
            let running = pool.run(Job::Meet(path.clone(), other.clone()));
            let closed = async {
                exists_soon(&path).await;
                let idle = pool.run(Job::ProcessId).await.unwrap();
                pool.close(Queued::Finish);
                File::create(&other).unwrap();
                idle
            };
            let (running, idle) = soon(async { tokio::join!(running, closed) }).await;
            let running = running.unwrap();
            until(|| !exists(&running) && !exists(&idle)).await;
        }

        #[tokio::test]
        async fn of_an_unused_pool_returns_at_once_and_so_does_the_second() {
            let pool = pool(2, Options::default());
            for queued in [Queued::Finish, Queued::Cancel] {
                assert!(pool.shutdown(queued).now_or_never().is_some());
            }
        }

        /// An idle worker has the time to put its state away.
        #[tokio::test]
        async fn lets_a_worker_put_its_things_away() {
            let (_folder, path) = file();
            let mut command = worker("a worker");
            command.env(FILE, &path);
            let pool = Pool::new(command, Options::default()).unwrap();
            soon(pool.run(Job::ProcessId)).await.unwrap();
            assert!(!path.exists());
            soon(pool.shutdown(Queued::Finish)).await;
            assert_eq!(fs::read_to_string(&path).unwrap(), "put away");
        }

        /// And so has one that gives way to a new one.
        #[tokio::test]
        async fn is_not_the_only_end_at_which_a_worker_puts_its_things_away() {
            let (_folder, path) = file();
            let mut command = worker("a worker");
            command.env(FILE, &path);
            let pool =
                Pool::new(command, Options { max_jobs_per_worker: Some(ONE), ..Options::default() }).unwrap();
            soon(pool.run(Job::ProcessId)).await.unwrap();
            exists_soon(&path).await;
        }

        /// One that does not end by itself is killed.
        #[tokio::test]
        async fn kills_a_worker_that_does_not_end() {
            let (clock, pool) = (Frozen::clock(), pool(1, Options::default()));
            let process = soon(pool.run(Job::ProcessId)).await.unwrap();
            stop(&process).await;
            let shutdown = pool.shutdown(Queued::Finish);
            tokio::pin!(shutdown);
            assert!(shutdown.as_mut().now_or_never().is_none());
            // The task that looks after the process hears of it, and waits.
            yield_now().await;
            clock.advance(ms(999)).await;
            yield_now().await;
            assert!(exists(&process), "it has a second");
            clock.advance(ms(1) + TIMER).await;
            soon(shutdown).await;
            assert!(!exists(&process));
        }

        /// Dropped anywhere, it has closed the pool, and the next one waits for the same end.
        #[tokio::test]
        async fn dropped_anywhere_can_be_awaited_again() {
            for suspension in 0..3 {
                for woken in [false, true] {
                    let pool = pool(1, Options::default());
                    let process = soon(pool.run(Job::ProcessId)).await.unwrap();
                    let ended = drop_at(pool.shutdown(Queued::Finish), At { suspension, woken }).await;
                    assert_eq!(
                        pool.run(Job::ProcessId).await.is_ok(),
                        suspension == 0,
                        "closed, if it was polled"
                    );
                    soon(pool.shutdown(Queued::Finish)).await;
                    assert!(!exists(&process));
                    assert_eq!(ended.is_some(), suspension == 2);
                }
            }
        }
    }

    /// Four tasks of four threads share two workers; jobs crash, fail, panic, hang and are given up, each round from its
    /// own seed. Each job that is awaited has its own answer, and at the end there is no process.
    #[test]
    fn many_threads_and_many_rounds_lose_no_job_and_leave_no_process() {
        async fn ask(pool: &Pool, mut random: Rng) -> Vec<Value> {
            let mut processes = Vec::new();
            for number in 0..8 {
                // Killed by a SIGKILL of this lesson, whoever sent it.
                let killed = |error: &JobError| matches!(error, JobError::Crashed(Some(status)) if status.signal() == Some(9));
                match random.u8(..10) {
                    0 => {
                        let error = pool.run(Job::Exit(7)).await.unwrap_err();
                        let exited =
                            matches!(error, JobError::Crashed(Some(status)) if status.code() == Some(7));
                        assert!(exited || killed(&error), "{error:?}");
                    }
                    1 => {
                        let error = pool.run(Job::Fail).await.unwrap_err();
                        assert!(matches!(error, JobError::Failed(_)) || killed(&error), "{error:?}");
                    }
                    2 => {
                        let error = pool.run(Job::Panic(None)).await.unwrap_err();
                        assert!(matches!(error, JobError::Failed(_)) || killed(&error), "{error:?}");
                    }
                    3 => {
                        let at = At { suspension: random.usize(..6), woken: random.bool() };
                        drop(drop_at(pool.run(Job::ProcessId), at).await);
                    }
                    other => match pool.run(Job::Add(number, 1)).await {
                        Ok(result) => {
                            assert_eq!(result[0], number + 1);
                            if other == 4 {
                                let command = &mut process::Command::new("kill");
                                let command = command.args(["-KILL", &result[1].to_string()]);
                                drop(command.stderr(Stdio::null()).status());
                            }
                            processes.push(result[1].clone());
                        }
                        Err(error) => assert!(killed(&error), "{error:?}"),
                    },
                }
            }
            processes
        }

        let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        runtime.block_on(async {
            for seed in 0..5 {
                let mut random = Rng::with_seed(seed);
                let options =
                    Options { on_crash: OnCrash::FailJob { limit: some(1000) }, ..Options::default() };
                let (pool, mut tasks) = (Arc::new(pool(2, options)), JoinSet::new());
                for _ in 0..4 {
                    let (pool, random) = (pool.clone(), random.fork());
                    tasks.spawn(async move { ask(&pool, random).await });
                }
                let processes = soon(tasks.join_all()).await.concat();
                soon(pool.shutdown(Queued::Finish)).await;
                assert!(processes.iter().all(|process| !exists(process)), "seed {seed}");
            }
        });
    }
}

/// A caller may itself be a task of a runtime with many threads: each pattern's future is `Send`.
#[tokio::test]
async fn every_pattern_can_run_inside_a_spawned_task() {
    let all = tokio::spawn(async {
        let calls = executors::blocking::Blocking::at_most(ONE);
        assert_eq!(calls.run(|| 1).await.unwrap(), 1);

        let pool = executors::thread_pool::ThreadPool::new(ONE, "lesson");
        assert_eq!(pool.submit(|| 2).unwrap().await, Ok(2));
        pool.shutdown(executors::thread_pool::Queued::Finish).await.unwrap();

        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(executors::cpu::compute(&pool, |_| 3).await, Ok(3));

        #[cfg(unix)]
        {
            use executors::process_pool::{Options, ProcessPool, Queued};
            let command = tokio::process::Command::new("true");
            let pool = ProcessPool::<u8, u8>::new(command, Options::default()).unwrap();
            assert!(pool.run(4).await.is_err());
            pool.shutdown(Queued::Cancel).await;
        }
    });
    soon(all).await.unwrap();
}

/// The recipe's own program.
#[cfg(unix)]
mod program {
    use super::*;
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Child, Command, Stdio};

    use expect_test::expect_file;

    fn executors(arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_executors"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The lines of a log, without the times of real time.
    fn without_times(log: &str) -> String {
        log.lines()
            .map(|line| format!("{}\n", line.split_once("s  ").map_or(line, |(_, line)| line)))
            .collect()
    }

    /// What a picture says of each lane, without its times.
    fn lanes(picture: &str) -> Vec<&str> {
        let titles = picture.lines().filter_map(|line| line.strip_prefix("<title>")?.split_once(" after "));
        let mut lanes: Vec<_> = titles.map(|(lane, _times)| lane).collect();
        lanes.sort_unstable();
        lanes
    }

    /// The log is that of the asyncio program. The picture in the chapter is one of a run on real time: what it shows is
    /// what every run does, in times of its own.
    #[test]
    fn prints_the_transcript_and_draws_what_the_picture_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timeline.svg");
        let program = executors(&["--no-timeline", "--svg", path.to_str().unwrap()]);
        let output = soon_on_a_thread(|| program.wait_with_output().unwrap());
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
        let log = String::from_utf8(output.stdout).unwrap();
        expect_file!["../recipes/executors/transcript.txt"].assert_eq(&without_times(&log));

        let drawn = std::fs::read_to_string(path).unwrap();
        let shown = expect_file!["../recipes/executors/timeline.svg"];
        match std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/timeline.svg")) {
            Ok(picture) if lanes(&picture) == lanes(&drawn) => {}
            _ => shown.assert_eq(&drawn),
        }
    }

    /// Ctrl-C ends it with its usual code, after each line that it prints; and no worker of its is left, for each of them
    /// holds the pipe that is read here to its end.
    #[test]
    fn ends_on_ctrl_c_and_leaves_no_process_behind() {
        let transcript = include_str!("../recipes/executors/transcript.txt");
        for seen in transcript.lines().filter(|line| !line.starts_with("  ")) {
            let mut program = executors(&["--no-timeline"]);
            let id = program.id();
            let (mut log, mut errors) =
                (BufReader::new(program.stdout.take().unwrap()), program.stderr.take().unwrap());
            let (log, errors, status) = soon_on_a_thread(move || {
                let mut lines = String::new();
                while !lines.lines().any(|line| line.ends_with(seen)) {
                    log.read_line(&mut lines).unwrap();
                }
                assert!(Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap().success());
                let mut told = String::new();
                log.read_to_string(&mut lines).unwrap();
                errors.read_to_string(&mut told).unwrap();
                (lines, told, program.wait().unwrap())
            });
            assert_eq!(errors, "", "after {seen}");
            // The last section may be over before the signal is there.
            let is_over = without_times(&log) == transcript;
            assert_eq!(status.code(), Some(if is_over { 0 } else { 130 }), "after {seen}");
        }
    }

    /// `| head -1`: the reader is gone after the first line.
    #[test]
    fn ends_quietly_when_its_output_is_closed() {
        let mut program = executors(&[]);
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("run_in_executor"), "{line}");
        let output = soon_on_a_thread(|| program.wait_with_output().unwrap());
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    }
}
