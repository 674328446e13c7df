//! Lessons of `recipes/event_loop`: what asyncio's event loop promises, and what Tokio's runtime does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "a lesson's own thread may wait, and few signals need no bound"
)]

use std::cell::RefCell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use futures::{FutureExt, StreamExt, stream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinSet, LocalSet, yield_now};
use tokio::time::{Instant, advance, sleep, timeout};
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(60 * 60);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// What happened, in its order, told from many places.
#[derive(Debug)]
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Log<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn add(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Counts what happens, from many places.
#[derive(Debug, Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Counts when the returned value is dropped.
    fn on_drop(&self) -> OnDrop<impl FnMut() + Send + use<>> {
        let count = self.clone();
        OnDrop(move || count.add())
    }
}

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A runtime of one thread, on virtual time.
fn paused() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true);
    builder
}

fn many_threads() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(4).enable_all();
    builder
}

/// A lesson on virtual time that would wait for ever fails instead.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(24 * HOUR, work).await.expect("it ends")
}

/// So does one on real time.
async fn in_half_a_minute<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), work).await.expect("it ends")
}

/// And one on real threads.
fn in_time<T: Send + 'static>(lesson: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _given_up = done.send(lesson());
    });
    match ended.recv_timeout(Duration::from_secs(30)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it waits for ever"),
        Err(mpsc::RecvTimeoutError::Disconnected) => resume_unwind(thread.join().unwrap_err()),
    }
}

/// The text of a panic.
fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned()
}

/// What Tokio has, and what goes wrong with it.
mod a_runtime {
    use super::*;

    /// asyncio: `get_running_loop` raises `RuntimeError` where no loop runs. Tokio: `Handle::current` panics, and
    /// `Handle::try_current` is an error.
    #[test]
    #[should_panic(
        expected = "there is no reactor running, must be called from the context of a Tokio 1.x runtime"
    )]
    fn outside_of_it_there_is_no_current_one() {
        assert!(Handle::try_current().is_err());
        Handle::current();
    }

    /// asyncio: one loop a thread, found by `get_running_loop`. Tokio: `enter` makes a runtime the current one, as
    /// each of its tasks finds it.
    #[test]
    fn inside_of_it_the_current_one_is_found() {
        let (one, other) = (paused().build().unwrap(), paused().build().unwrap());
        assert_eq!(one.block_on(async { Handle::current().id() }), one.handle().id());
        let entered = other.enter();
        assert_eq!(Handle::current().id(), other.handle().id());
        drop(entered);
        assert!(Handle::try_current().is_err());
    }

    /// The trap of a future that is made outside: `sleep` looks for its runtime when it is called, not when it is
    /// awaited.
    #[test]
    #[should_panic(expected = "there is no reactor running")]
    fn but_a_sleep_that_is_made_outside_panics() {
        let runtime = paused().build().unwrap();
        runtime.block_on(sleep(ms(1)));
    }

    /// asyncio: `run` inside `run` raises `RuntimeError`. Tokio: `block_on` inside `block_on` panics.
    #[test]
    #[should_panic(expected = "Cannot start a runtime from within a runtime")]
    fn block_on_inside_of_block_on_panics() {
        let (outer, inner) = (paused().build().unwrap(), paused().build().unwrap());
        outer.block_on(async { inner.block_on(async {}) });
    }

    /// The hazard next door: that of the futures crate does not know of Tokio. Nothing else runs meanwhile.
    #[test]
    fn but_another_crates_block_on_only_blocks() {
        paused().build().unwrap().block_on(async {
            let ran = Count::default();
            let other = tokio::spawn({
                let ran = ran.clone();
                async move { ran.add() }
            });
            let (answer, asked) = oneshot::channel();
            let thread = thread::spawn(move || answer.send("from a thread"));
            assert_eq!(futures::executor::block_on(asked), Ok("from a thread"));
            assert_eq!(ran.get(), 0, "a task that is ready has not run");
            thread.join().unwrap().unwrap();
            other.await.unwrap();
            assert_eq!(ran.get(), 1);
        });
    }

    /// asyncio: `loop.close` in a running loop raises `RuntimeError`. Tokio: to drop a runtime in one panics.
    #[test]
    #[should_panic(expected = "Cannot drop a runtime in a context where blocking is not allowed")]
    fn to_drop_one_inside_of_another_panics() {
        let (outer, inner) = (paused().build().unwrap(), paused().build().unwrap());
        outer.block_on(async { drop(inner) });
    }

    /// asyncio: `call_soon` on a closed loop raises `RuntimeError`. Tokio: a handle outlives its runtime, and what is
    /// spawned there is cancelled at once.
    #[test]
    fn what_is_spawned_on_one_that_has_ended_is_cancelled() {
        for mut builder in [paused(), many_threads()] {
            let runtime = builder.build().unwrap();
            let handle = runtime.handle().clone();
            drop(runtime);
            let (dropped, ran) = (Count::default(), Count::default());
            let (guard, runs) = (dropped.on_drop(), ran.clone());
            let task = handle.spawn(async move {
                let _guard = guard;
                runs.add();
            });
            let ended = futures::executor::block_on(task);
            assert!(ended.unwrap_err().is_cancelled());
            assert_eq!((dropped.get(), ran.get()), (1, 0));
        }
    }

    /// asyncio: a future that belongs to another loop raises `RuntimeError`. Tokio: timers and sockets belong to the
    /// runtime that they were made on. While it lives they work on any; once it has ended they do not.
    #[test]
    fn what_was_made_on_one_that_has_ended_works_on_no_other() {
        use tokio::net::TcpListener;
        let (one, other) = (paused().build().unwrap(), paused().build().unwrap());
        let listener = one.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let timer = {
            let _inside = one.enter();
            sleep(ms(1))
        };
        drop(one);

        let error = other.block_on(listener.accept()).unwrap_err();
        assert!(error.to_string().contains("it is being shutdown"), "{error}");
        let panic = catch_unwind(AssertUnwindSafe(|| other.block_on(timer))).unwrap_err();
        assert!(text(&*panic).contains("it is being shutdown"), "{}", text(&*panic));
    }

    /// asyncio: `asyncio.run` cancels the tasks that are left, and waits for their `finally`. Tokio: they are dropped
    /// where they stand, and what comes after an await does not run.
    #[test]
    fn its_tasks_are_dropped_where_they_stand_when_it_ends() {
        let (dropped, cleaned_up) = (Count::default(), Count::default());
        let runtime = paused().build().unwrap();
        runtime.block_on(async {
            let (guard, cleans_up) = (dropped.on_drop(), cleaned_up.clone());
            tokio::spawn(async move {
                let _guard = guard;
                sleep(HOUR).await;
                cleans_up.add();
            });
            yield_now().await;
        });
        assert_eq!(dropped.get(), 0, "between two mains it stands still");
        drop(runtime);
        assert_eq!((dropped.get(), cleaned_up.get()), (1, 0));
    }

    /// And a clean-up that a drop spawns then is too late: it never runs.
    #[test]
    fn but_a_clean_up_that_a_drop_spawns_at_the_end_never_runs() {
        let cleaned_up = Count::default();
        let runtime = paused().build().unwrap();
        runtime.block_on(async {
            let cleans_up = cleaned_up.clone();
            let guard = OnDrop(move || {
                let cleans_up = cleans_up.clone();
                tokio::spawn(async move { cleans_up.add() });
            });
            tokio::spawn(async move {
                let _guard = guard;
                sleep(HOUR).await;
            });
            yield_now().await;
        });
        drop(runtime);
        assert_eq!(cleaned_up.get(), 0);
    }
}

mod runner {
    use super::*;
    use event_loop::runner::{CloseError, Closing, Failure, RunError, Runner};

    type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

    /// A runner on virtual time, and what it reports.
    fn runner() -> (Runner, Log<String>) {
        with(&mut paused())
    }

    fn with(builder: &mut Builder) -> (Runner, Log<String>) {
        let log = Log::new();
        let reports = log.clone();
        let report = move |name: &str, failure: Failure| reports.add(format!("{name}: {failure}"));
        (Runner::new(builder, report).unwrap(), log)
    }

    /// asyncio: `run` gives back what `main` returns, and raises what it raises. Tokio: an error is a value.
    #[test]
    fn the_value_or_the_error_of_main_comes_out() {
        let (mut runner, _) = runner();
        let main = |page: &'static str| async move {
            sleep(ms(100)).await;
            page.parse::<u32>()
        };
        assert_eq!(runner.run(|| main("42")), Ok(Ok(42)));
        assert!(runner.run(|| main("forty-two")).unwrap().is_err());
    }

    /// asyncio: a `Runner` keeps its loop from `run` to `run`. Tokio: so does a `Runtime`.
    #[test]
    fn one_runtime_serves_many_mains() {
        let (mut runner, _) = runner();
        let first = runner.run(async || (Handle::current().id(), Instant::now())).unwrap();
        runner.run(|| sleep(ms(100))).unwrap();
        let last = runner.run(async || (Handle::current().id(), Instant::now())).unwrap();
        assert_eq!((first.0, first.1 + ms(100)), last, "the same runtime, and the same clock");
    }

    /// asyncio: a task that is left by one `run` goes on in the next. Tokio, on one thread: the same.
    #[test]
    fn a_task_that_is_left_stands_still_between_two_mains_and_goes_on_in_the_next() {
        let (mut runner, _) = runner();
        let (go_on, steps) = (Arc::new(Notify::new()), Count::default());
        let mut task = None;
        let first = runner.run(async || {
            let (waits, takes) = (go_on.clone(), steps.clone());
            task = Some(tokio::spawn(async move {
                takes.add();
                waits.notified().await;
                takes.add();
            }));
            yield_now().await;
            go_on.notify_one();
        });
        assert_eq!((first, steps.get()), (Ok(()), 1), "it could go on, and nobody lets it");
        runner.run(|| task.unwrap()).unwrap().unwrap();
        assert_eq!(steps.get(), 2);
    }

    /// asyncio has one thread. On many threads the tasks run on between two mains.
    #[test]
    fn but_on_many_threads_it_runs_on() {
        in_time(|| {
            let (mut runner, _) = with(&mut many_threads());
            let (told, tell) = mpsc::channel();
            let go_on = Arc::new(Notify::new());
            let waits = go_on.clone();
            runner
                .run(async || {
                    tokio::spawn(async move {
                        waits.notified().await;
                        told.send("between").unwrap();
                    });
                })
                .unwrap();
            go_on.notify_one();
            assert_eq!(tell.recv(), Ok("between"));
        });
    }

    /// asyncio: `Runner.get_loop`.
    #[test]
    fn its_handle_is_that_of_its_runtime_also_before_the_first_run() {
        let (mut runner, _) = runner();
        let task = runner.handle().spawn(async { Handle::current().id() });
        assert_eq!(runner.run(|| task).unwrap().unwrap(), runner.handle().id());
        runner.close(HOUR).unwrap();
        let late = futures::executor::block_on(runner.handle().spawn(async {}));
        assert!(late.unwrap_err().is_cancelled());
    }

    /// asyncio: after `close`, `run` raises `RuntimeError`, and a second `close` does nothing.
    #[test]
    fn after_the_close_a_run_is_an_error_and_a_second_close_does_nothing() {
        let (mut runner, _) = runner();
        assert_eq!(runner.close(ms(100)), Ok(()));
        assert_eq!(runner.run(async || {}), Err(RunError::Closed));
        assert_eq!(runner.close(ms(100)), Ok(()));
        assert_eq!(runner.tasks().spawn("late", |_| async { Ok(()) }), Err(Closing));
    }

    /// asyncio: `run` in a running loop raises `RuntimeError`. So does this, instead of a panic; it can be used
    /// afterwards.
    #[test]
    fn a_run_and_a_close_inside_of_a_run_are_errors() {
        let ((mut outer, _), (mut inner, _)) = (runner(), runner());
        let nested = outer.run(async || (inner.run(async || {}), inner.close(HOUR)));
        assert_eq!(nested, Ok((Err(RunError::Nested), Err(CloseError::Nested))));
        assert_eq!(inner.run(async || { 7 }), Ok(7));
    }

    /// A drop inside of a run does not panic, as that of a plain `Runtime` does.
    #[test]
    fn it_may_be_dropped_inside_of_a_run() {
        let ((mut outer, _), (inner, _)) = (runner(), runner());
        let dropped = Count::default();
        let guard = dropped.on_drop();
        let hold = |_| async {
            let _guard = guard;
            std::future::pending().await
        };
        inner.tasks().spawn("holds", hold).unwrap();
        outer.run(async || drop(inner)).unwrap();
        assert_eq!(dropped.get(), 1);
    }

    /// asyncio: `await to_thread(asyncio.run, main())` works. Here a thread of `spawn_blocking` counts as one of the
    /// runtime's; a thread of one's own does not.
    #[test]
    fn a_thread_of_ones_own_may_run_one_while_another_runs() {
        in_time(|| {
            let (mut outer, _) = runner();
            let answer = outer.run(async || {
                let (answer, asked) = oneshot::channel();
                thread::spawn(move || {
                    let (mut inner, _) = runner();
                    answer.send(inner.run(async || 5)).unwrap();
                });
                let pooled = tokio::task::spawn_blocking(|| runner().0.run(async || 5)).await;
                (asked.await.unwrap(), pooled.unwrap())
            });
            assert_eq!(answer, Ok((Ok(5), Err(RunError::Nested))));
        });
    }

    /// asyncio: what is left when `main` returns is cancelled, and waited for: its clean-up runs, and may await.
    #[test]
    fn what_is_left_is_cancelled_and_waited_for_at_the_close() {
        let (mut runner, reports) = runner();
        let (tasks, log) = (runner.tasks(), Log::new());
        for name in ["journal", "cache"] {
            let log = log.clone();
            let work = move |cancel: CancellationToken| async move {
                cancel.cancelled().await;
                sleep(ms(50)).await;
                log.add(name);
                Ok(())
            };
            tasks.spawn(name, work).unwrap();
        }
        runner.run(|| sleep(ms(100))).unwrap();
        assert_eq!(log.take(), [""; 0]);
        assert_eq!(runner.close(ms(100)), Ok(()));
        assert_eq!(log.take(), ["journal", "cache"]);
        assert_eq!(reports.take(), [""; 0]);
    }

    /// asyncio: an exception that a task raises while it is cancelled goes to the loop's exception handler.
    #[test]
    fn a_task_that_fails_while_it_is_cancelled_is_reported() {
        let (mut runner, reports) = runner();
        let tasks = runner.tasks();
        let fails = |cancel: CancellationToken| async move {
            cancel.cancelled().await;
            Err("disk full".into())
        };
        let panics = |cancel: CancellationToken| async move {
            cancel.cancelled().await;
            if cancel.is_cancelled() { panic!("no journal") } else { Ok(()) }
        };
        tasks.spawn("cache", fails).unwrap();
        tasks.spawn("journal", panics).unwrap();
        runner.run(yield_now).unwrap();
        assert_eq!(reports.take(), [""; 0]);
        assert_eq!(runner.close(HOUR), Ok(()));
        assert_eq!(reports.take(), ["cache: disk full", "journal: panicked: no journal"]);
    }

    /// asyncio: an exception that nobody retrieves is reported when its task is collected. Here, when it happens.
    #[test]
    fn a_task_that_fails_earlier_is_reported_then_and_once() {
        let (mut runner, reports) = runner();
        let tasks = runner.tasks();
        tasks.spawn("cache", |_| async { Err("disk full".into()) }).unwrap();
        tasks.spawn("journal", |_| -> std::future::Ready<Result> { panic!("no journal") }).unwrap();
        tasks.spawn("mail", |_| async { Ok(()) }).unwrap();
        runner.run(|| sleep(ms(1))).unwrap();
        assert_eq!(reports.take(), ["cache: disk full", "journal: panicked: no journal"]);
        assert_eq!(runner.close(HOUR), Ok(()));
        assert_eq!(reports.take(), [""; 0]);
    }

    /// asyncio waits for ever for a task that ignores its cancellation. Here the grace has an end, and then it is
    /// dropped.
    #[test]
    fn what_takes_longer_than_the_grace_is_cut_off_and_counted() {
        let (mut runner, reports) = runner();
        let (dropped, cleaned_up) = (Count::default(), Log::new());
        for millis in [99, 100, 101, 5_000] {
            let (guard, cleaned_up) = (dropped.on_drop(), cleaned_up.clone());
            let work = move |cancel: CancellationToken| async move {
                let _guard = guard;
                cancel.cancelled().await;
                sleep(ms(millis)).await;
                cleaned_up.add(millis);
                Ok(())
            };
            runner.tasks().spawn("slow", work).unwrap();
        }
        runner.run(|| sleep(ms(1))).unwrap();
        assert_eq!(runner.close(ms(100)), Err(CloseError::CutOff(2)));
        assert_eq!((cleaned_up.take(), dropped.get()), (vec![99, 100], 4));
        assert_eq!(reports.take(), [""; 0], "to be cut off is no failure of theirs");
    }

    #[test]
    fn of_ten_thousand_that_end_in_the_last_instant_none_is_cut_off() {
        let (mut runner, _) = runner();
        let ended = Count::default();
        for _ in 0..10_000 {
            let ended = ended.clone();
            let work = |cancel: CancellationToken| async move {
                cancel.cancelled().await;
                sleep(ms(100)).await;
                ended.add();
                Ok(())
            };
            runner.tasks().spawn("one of many", work).unwrap();
        }
        runner.run(|| sleep(ms(1))).unwrap();
        assert_eq!(runner.close(ms(100)), Ok(()));
        assert_eq!(ended.get(), 10_000);
    }

    #[test]
    fn no_grace_at_all_and_one_without_end_are_no_trouble() {
        in_time(|| {
            let work = |cancel: CancellationToken| async move {
                cancel.cancelled().await;
                sleep(HOUR).await;
                Ok(())
            };
            for (grace, closed) in [(Duration::ZERO, Err(CloseError::CutOff(1))), (Duration::MAX, Ok(()))] {
                let (mut runner, _) = runner();
                runner.tasks().spawn("takes an hour", work).unwrap();
                runner.run(|| sleep(ms(1))).unwrap();
                assert_eq!(runner.close(grace), closed);
            }
        });
    }

    /// asyncio: a task that a `finally` creates during the close is destroyed while it is pending. Here it is refused.
    #[test]
    fn a_clean_up_that_starts_another_task_is_told_that_it_is_too_late() {
        let (mut runner, reports) = runner();
        let tasks = runner.tasks();
        let starts_more = {
            let tasks = tasks.clone();
            |cancel: CancellationToken| async move {
                cancel.cancelled().await;
                tasks.spawn("too late", |_| async { unreachable!() })?;
                Ok(())
            }
        };
        tasks.spawn("starts more", starts_more).unwrap();
        runner.run(yield_now).unwrap();
        assert_eq!(runner.close(HOUR), Ok(()));
        assert_eq!(reports.take(), ["starts more: the runner is closing"]);
    }

    #[test]
    fn a_panic_of_main_goes_on_in_the_caller_and_the_runner_can_be_used_again() {
        let (mut runner, _) = runner();
        let panic = catch_unwind(AssertUnwindSafe(|| runner.run(async || panic!("main")))).unwrap_err();
        assert_eq!(text(&*panic), "main");
        assert_eq!(runner.run(async || { 7 }), Ok(7));
        assert_eq!(runner.close(HOUR), Ok(()));
    }

    /// asyncio (3.9+): `run` waits for the threads of the default executor. Here too, as long as the grace.
    #[test]
    fn the_close_waits_for_blocking_calls() {
        in_time(|| {
            let (mut runner, _) = runner();
            let (ended, may_end) = (Count::default(), mpsc::channel());
            let ends = ended.clone();
            runner
                .run(async || {
                    tokio::task::spawn_blocking(move || {
                        may_end.1.recv().unwrap();
                        ends.add();
                    });
                })
                .unwrap();
            may_end.0.send(()).unwrap();
            assert_eq!(runner.close(HOUR), Ok(()));
            assert_eq!(ended.get(), 1);
        });
    }

    /// A blocking call cannot be cut off. The close and the drop go on without it.
    #[test]
    fn but_one_that_never_ends_does_not_hold_up_the_close_or_the_drop() {
        in_time(|| {
            for closes in [true, false] {
                let (mut runner, _) = runner();
                let (ends, never) = mpsc::channel::<()>();
                runner.run(async || tokio::task::spawn_blocking(move || never.recv())).unwrap();
                if closes {
                    assert_eq!(runner.close(ms(1)), Ok(()));
                }
                drop(runner);
                ends.send(()).expect("it waits still");
            }
        });
    }

    #[test]
    fn one_that_is_dropped_cancels_and_waits_for_nothing() {
        let (runner, reports) = runner();
        let (tasks, dropped) = (runner.tasks(), Count::default());
        let (guard, token) = (dropped.on_drop(), Log::new());
        let tokens = token.clone();
        let work = move |cancel: CancellationToken| {
            tokens.add(cancel.clone());
            async move {
                let _guard = guard;
                cancel.cancelled().await;
                Err("nobody waits for this".into())
            }
        };
        tasks.spawn("left", work).unwrap();
        let mut runner = runner;
        runner.run(yield_now).unwrap();
        drop(runner);
        assert!(token.take()[0].is_cancelled());
        assert_eq!((dropped.get(), reports.take()), (1, vec![]));
        assert_eq!(tasks.spawn("late", |_| async { Ok(()) }), Err(Closing));
    }

    /// What is refused is dropped, and its drop may ask again.
    #[test]
    fn what_is_refused_is_dropped_outside_of_the_lock() {
        in_time(|| {
            let (mut runner, _) = runner();
            let tasks = runner.tasks();
            runner.close(HOUR).unwrap();
            let asks_again = {
                let tasks = tasks.clone();
                OnDrop(move || assert_eq!(tasks.spawn("again", |_| async { Ok(()) }), Err(Closing)))
            };
            let work = move |_| async move {
                let _moved = asks_again;
                Ok(())
            };
            assert_eq!(tasks.spawn("late", work), Err(Closing));
        });
    }

    #[test]
    fn thirty_thousand_left_over_tasks_are_all_waited_for() {
        let (mut runner, _) = runner();
        let cleaned_up = Count::default();
        for _ in 0..30_000 {
            let cleaned_up = cleaned_up.clone();
            let work = |cancel: CancellationToken| async move {
                cancel.cancelled().await;
                cleaned_up.add();
                Ok(())
            };
            runner.tasks().spawn("one of many", work).unwrap();
        }
        runner.run(yield_now).unwrap();
        assert_eq!(runner.close(ms(1)), Ok(()));
        assert_eq!(cleaned_up.get(), 30_000);
    }

    /// Threads that start tasks while it closes: each task is refused, and never runs, or it comes to its end.
    #[test]
    fn from_many_threads_each_task_is_refused_or_waited_for() {
        in_time(|| {
            for seed in 0..60 {
                let mut random = Rng::with_seed(seed);
                let (mut runner, reports) = with(&mut many_threads());
                let (begun, ended) = (Count::default(), Count::default());
                let ready = Arc::new(Barrier::new(5));
                let threads: Vec<_> = (0..4)
                    .map(|_| {
                        let (tasks, ready) = (runner.tasks(), ready.clone());
                        let (begun, ended, mut random) = (begun.clone(), ended.clone(), random.fork());
                        thread::spawn(move || {
                            ready.wait();
                            let mut accepted = 0;
                            for _ in 0..50 {
                                let (begun, ended, turns) = (begun.clone(), ended.clone(), random.u8(0..3));
                                let work = move |cancel: CancellationToken| async move {
                                    begun.add();
                                    for _ in 0..turns {
                                        yield_now().await;
                                    }
                                    if turns == 2 {
                                        cancel.cancelled().await;
                                    }
                                    ended.add();
                                    Ok(())
                                };
                                accepted += usize::from(tasks.spawn("one", work).is_ok());
                            }
                            accepted
                        })
                    })
                    .collect();
                ready.wait();
                for _ in 0..random.u32(0..2_000) {
                    std::hint::spin_loop();
                }
                assert_eq!(runner.close(HOUR), Ok(()), "seed {seed}");
                let (begun_at_close, ended_at_close) = (begun.get(), ended.get());
                let accepted: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
                assert_eq!((begun.get(), ended.get()), (accepted, accepted), "seed {seed}");
                assert_eq!((begun_at_close, ended_at_close), (accepted, accepted), "seed {seed}");
                assert_eq!(reports.take(), [""; 0]);
            }
        });
    }
}

mod callbacks {
    use super::*;
    use cancel_sweep::Outcome;
    use event_loop::callbacks::{Callbacks, Closed, RunError};

    type Entries = Vec<(&'static str, Duration)>;

    /// Schedules, runs until it is stopped after an hour, and gives back what was logged and when.
    async fn logged(schedule: impl FnOnce(&Callbacks, &dyn Fn(&'static str) -> Call)) -> Entries {
        let (callbacks, log, start) = (Callbacks::new(), Log::new(), Instant::now());
        let entries = log.clone();
        schedule(&callbacks, &move |name| {
            let entries = entries.clone();
            Box::new(move || entries.add((name, start.elapsed())))
        });
        callbacks.call_at(start + HOUR, stops(&callbacks)).unwrap();
        assert_eq!(soon(callbacks.run(|panic| resume_unwind(panic))).await, Ok(()));
        log.take()
    }

    type Call = Box<dyn FnOnce() + Send>;

    fn stops(callbacks: &Callbacks) -> impl FnOnce() + Send + use<> {
        let callbacks = callbacks.clone();
        move || callbacks.stop()
    }

    fn adds<T: Send + 'static>(log: &Log<T>, entry: T) -> impl FnOnce() + Send + use<T> {
        let log = log.clone();
        move || log.add(entry)
    }

    /// One turn: what is due now.
    async fn turn(callbacks: &Callbacks) {
        callbacks.stop();
        assert_eq!(soon(callbacks.run(|panic| resume_unwind(panic))).await, Ok(()));
    }

    /// asyncio: `call_soon` keeps the order. Tokio: `spawn` does so on one thread, and not on many.
    #[tokio::test(start_paused = true)]
    async fn soon_ones_are_called_in_the_order_in_which_they_were_scheduled() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        for number in 0..1_000 {
            callbacks.call_soon(adds(&log, number)).unwrap();
        }
        turn(&callbacks).await;
        assert_eq!(log.take(), (0..1_000).collect::<Vec<_>>());
    }

    /// asyncio: `call_later` and `call_at` call at their time, whichever was scheduled first.
    #[tokio::test(start_paused = true)]
    async fn each_is_called_at_its_time() {
        let start = Instant::now();
        let entries = logged(|callbacks, log| {
            callbacks.call_later(ms(300), log("after 300")).unwrap();
            callbacks.call_at(start + ms(200), log("at 200")).unwrap();
            callbacks.call_later(ms(100), log("after 100")).unwrap();
            callbacks.call_soon(log("soon")).unwrap();
        });
        let expected = [("soon", ms(0)), ("after 100", ms(100)), ("at 200", ms(200)), ("after 300", ms(300))];
        assert_eq!(entries.await, expected);
    }

    /// asyncio: the order is that of the deadlines, to the nanosecond. So it is here.
    #[tokio::test(start_paused = true)]
    async fn within_one_millisecond_the_deadline_decides() {
        let entries = logged(|callbacks, log| {
            callbacks.call_later(us(900), log("900")).unwrap();
            callbacks.call_later(us(300), log("300")).unwrap();
            callbacks.call_later(Duration::from_nanos(300_001), log("300.001")).unwrap();
            callbacks.call_later(us(600), log("600")).unwrap();
        });
        let at = ms(1);
        assert_eq!(entries.await, [("300", at), ("300.001", at), ("600", at), ("900", at)]);
    }

    /// The hazard: Tokio's timers count milliseconds. Those of one millisecond end in the order in which they were
    /// set.
    #[tokio::test(start_paused = true)]
    async fn but_sleeps_of_one_millisecond_end_in_the_order_in_which_they_were_set() {
        let log = Log::new();
        for micros in [900, 300, 600] {
            let log = log.clone();
            tokio::spawn(async move {
                sleep(us(micros)).await;
                log.add(micros);
            });
        }
        sleep(ms(5)).await;
        assert_eq!(log.take(), [900, 300, 600]);
    }

    /// And the timers of `tokio_util`'s `DelayQueue` come out last one first, those of one deadline too.
    #[tokio::test(start_paused = true)]
    async fn but_a_delay_queue_gives_those_of_one_millisecond_last_one_first() {
        let mut queue = tokio_util::time::DelayQueue::new();
        for name in ["first", "second", "third"] {
            queue.insert(name, us(300));
        }
        queue.insert("early", us(200));
        let order: Vec<_> = queue.map(|expired| expired.into_inner()).collect().await;
        assert_eq!(order, ["early", "third", "second", "first"]);
    }

    /// asyncio promises no order of those with one deadline; eight of them came as 0, 2, 6, 5, 7, 1, 3, 4. Here they
    /// come in that in which they were scheduled.
    #[tokio::test(start_paused = true)]
    async fn of_one_deadline_the_first_scheduled_is_the_first_called() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        let deadline = Instant::now() + ms(100);
        for number in 0..1_000 {
            callbacks.call_at(deadline, adds(&log, number)).unwrap();
        }
        callbacks.call_later(ms(200), stops(&callbacks)).unwrap();
        soon(callbacks.run(|_| {})).await.unwrap();
        assert_eq!(log.take(), (0..1_000).collect::<Vec<_>>());
    }

    /// asyncio: what is to run soon comes before what is due, and what a callback schedules waits for the next turn.
    #[tokio::test(start_paused = true)]
    async fn soon_comes_before_due_and_what_a_callback_schedules_waits_for_the_next_turn() {
        let entries = logged(|callbacks, log| {
            callbacks.call_later(Duration::ZERO, log("later by 0")).unwrap();
            callbacks.call_soon(log("soon")).unwrap();
            let (nested, more, overdue) = (callbacks.clone(), log("nested"), log("nested, and overdue"));
            let nesting = move || {
                nested.call_soon(more).unwrap();
                nested.call_at(Instant::now() - ms(1), overdue).unwrap();
            };
            callbacks.call_soon(nesting).unwrap();
            callbacks.call_soon(log("soon, too")).unwrap();
        });
        let names: Vec<_> = entries.await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["soon", "soon, too", "later by 0", "nested", "nested, and overdue"]);
    }

    /// asyncio: a deadline that is over, or a negative delay, is due at once.
    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_over_is_due_in_the_next_turn() {
        sleep(ms(100)).await;
        let now = Instant::now();
        let entries = logged(|callbacks, log| {
            callbacks.call_at(now - ms(1), log("over")).unwrap();
            callbacks.call_at(now - ms(2), log("long over")).unwrap();
            callbacks.call_at(now, log("now")).unwrap();
        });
        assert_eq!(entries.await, [("long over", ms(0)), ("over", ms(0)), ("now", ms(0))]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_deadline_wakes_a_run_that_waits_for_a_later_one() {
        let (callbacks, log, start) = (Callbacks::new(), Log::new(), Instant::now());
        callbacks.call_later(ms(500), stops(&callbacks)).unwrap();
        let schedules = async {
            sleep(ms(100)).await;
            for (millis, entries) in [(300, log.clone()), (50, log.clone())] {
                callbacks.call_later(ms(millis), move || entries.add(start.elapsed())).unwrap();
            }
            sleep(ms(100)).await;
            let entries = log.clone();
            callbacks.call_soon(move || entries.add(start.elapsed())).unwrap();
        };
        let (ran, ()) = soon(async { tokio::join!(callbacks.run(|_| {}), schedules) }).await;
        assert_eq!(ran, Ok(()));
        assert_eq!((log.take(), start.elapsed()), (vec![ms(150), ms(200), ms(400)], ms(500)));
    }

    /// asyncio: a handle that is cancelled in time is not called. `cancel` gives no answer there; here it does.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_callback_is_not_called_and_the_answer_tells_whether_it_was_in_time() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        let late = callbacks.call_soon(adds(&log, "soon")).unwrap();
        let in_time = callbacks.call_later(ms(100), adds(&log, "never")).unwrap();
        assert_eq!((late.when(), in_time.when()), (None, Some(Instant::now() + ms(100))));
        turn(&callbacks).await;
        assert_eq!((late.cancel(), in_time.cancel(), in_time.cancel()), (false, true, false));
        sleep(ms(200)).await;
        turn(&callbacks).await;
        assert_eq!((log.take(), callbacks.is_empty()), (vec!["soon"], true));
    }

    /// asyncio: a callback may cancel another one that was to be called in the same turn.
    #[tokio::test(start_paused = true)]
    async fn one_callback_may_cancel_the_next_of_its_turn() {
        for delay in [None, Some(ms(100))] {
            let (callbacks, log) = (Callbacks::new(), Log::new());
            let schedule = |call: Call| match delay {
                None => callbacks.call_soon(call).unwrap(),
                Some(delay) => callbacks.call_later(delay, call).unwrap(),
            };
            let (next, chosen) = mpsc::channel();
            let answers = log.clone();
            schedule(Box::new(move || {
                let handle: event_loop::callbacks::Scheduled = chosen.recv().unwrap();
                answers.add(format!("cancelled in time: {}", handle.cancel()));
            }));
            next.send(schedule(Box::new(adds(&log, "next".to_owned())))).unwrap();
            schedule(Box::new(adds(&log, "after that".to_owned())));
            sleep(ms(200)).await;
            turn(&callbacks).await;
            assert_eq!(log.take(), ["cancelled in time: true", "after that"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_callback_that_cancels_itself_is_too_late() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        let (own, answers) = (Arc::new(Mutex::new(None)), log.clone());
        let itself = own.clone();
        let cancels_itself = move || {
            let own: Option<event_loop::callbacks::Scheduled> = itself.lock().unwrap().take();
            answers.add(own.unwrap().cancel());
        };
        *own.lock().unwrap() = Some(callbacks.call_soon(cancels_itself).unwrap());
        turn(&callbacks).await;
        assert_eq!(log.take(), [false]);
    }

    /// asyncio rebuilds its heap when more than half of it is cancelled. Here each is dropped at once, with what it
    /// owns.
    #[tokio::test(start_paused = true)]
    async fn cancelled_timers_do_not_pile_up() {
        let (callbacks, owned) = (Callbacks::new(), Arc::new(()));
        callbacks.call_later(HOUR, || {}).unwrap();
        for _ in 0..100_000 {
            let moved = owned.clone();
            let handle = callbacks.call_later(ms(100), move || drop(moved)).unwrap();
            assert!(handle.cancel());
        }
        assert_eq!((callbacks.len(), Arc::strong_count(&owned)), (1, 1));
    }

    /// asyncio: the exception goes to the loop's exception handler, and the loop goes on.
    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_to_the_handler_and_the_next_is_called() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        callbacks.call_soon(|| panic!("division by zero")).unwrap();
        callbacks.call_soon(adds(&log, "the next".to_owned())).unwrap();
        callbacks.call_later(ms(100), || panic!("{} fails", "a timer")).unwrap();
        callbacks.call_later(ms(200), stops(&callbacks)).unwrap();
        let ran = soon(callbacks.run(|panic| log.add(format!("handler: {}", text(&*panic))))).await;
        assert_eq!(ran, Ok(()));
        assert_eq!(log.take(), ["handler: division by zero", "the next", "handler: a timer fails"]);
    }

    /// asyncio: a handler that raises is logged, and the loop goes on. Here the panic hook logs it.
    #[tokio::test(start_paused = true)]
    async fn a_handler_that_panics_ends_nothing() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        callbacks.call_soon(|| panic!("division by zero")).unwrap();
        callbacks.call_soon(adds(&log, "the next")).unwrap();
        callbacks.stop();
        assert_eq!(soon(callbacks.run(|_| panic!("the handler"))).await, Ok(()));
        assert_eq!(log.take(), ["the next"]);
    }

    /// asyncio: a `stop` before `run_forever` lets it make one turn. What is scheduled in that waits for the next run.
    #[tokio::test(start_paused = true)]
    async fn a_stop_before_the_run_lets_it_make_one_turn() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        let (nested, more) = (callbacks.clone(), adds(&log, "b"));
        let first = adds(&log, "a");
        let nesting = move || {
            first();
            nested.call_soon(more).unwrap();
        };
        callbacks.call_soon(nesting).unwrap();
        turn(&callbacks).await;
        assert_eq!(log.take(), ["a"]);
        turn(&callbacks).await;
        assert_eq!(log.take(), ["b"]);
    }

    /// asyncio: a `stop` ends the loop after the turn in which it is called.
    #[tokio::test(start_paused = true)]
    async fn a_stop_within_a_turn_ends_it_after_that_turn() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        callbacks.call_soon(stops(&callbacks)).unwrap();
        callbacks.call_soon(adds(&log, "of the same turn")).unwrap();
        callbacks.call_later(ms(100), adds(&log, "later")).unwrap();
        let start = Instant::now();
        assert_eq!(soon(callbacks.run(|_| {})).await, Ok(()));
        assert_eq!((log.take(), start.elapsed()), (vec!["of the same turn"], ms(0)));
        assert_eq!(callbacks.len(), 1, "it waits for the next run");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_wakes_a_run_that_waits() {
        let (callbacks, start) = (Callbacks::new(), Instant::now());
        let stops = async {
            sleep(ms(100)).await;
            callbacks.stop();
        };
        let (ran, ()) = soon(async { tokio::join!(callbacks.run(|_| {}), stops) }).await;
        assert_eq!((ran, start.elapsed()), (Ok(()), ms(100)));
    }

    /// asyncio: "This event loop is already running".
    #[tokio::test(start_paused = true)]
    async fn a_second_run_is_an_error_while_the_first_lasts() {
        let callbacks = Callbacks::new();
        let mut first = Box::pin(callbacks.run(|_| {}));
        assert_eq!(first.as_mut().now_or_never(), None);
        assert_eq!(soon(callbacks.run(|_| {})).await, Err(RunError::Running));
        callbacks.close();
        assert_eq!(soon(callbacks.run(|_| {})).await, Err(RunError::Running), "it has not ended yet");
        assert_eq!(soon(first).await, Ok(()));
        assert_eq!(soon(callbacks.run(|_| {})).await, Err(RunError::Closed));

        let callbacks = Callbacks::new();
        assert_eq!(callbacks.run(|_| {}).now_or_never(), None);
        turn(&callbacks).await;
    }

    /// asyncio: `close` forgets what is scheduled, and `call_soon` raises `RuntimeError` from then on.
    #[tokio::test(start_paused = true)]
    async fn after_the_close_nothing_is_called_and_nothing_is_accepted() {
        let (callbacks, dropped) = (Callbacks::new(), Count::default());
        let (guards, other) = ([(); 2].map(|()| dropped.on_drop()), callbacks.clone());
        let [soon_guard, late_guard] = guards;
        let handle = callbacks.call_soon(move || drop(soon_guard)).unwrap();
        callbacks.call_later(ms(100), move || drop(late_guard)).unwrap();
        callbacks.close();
        assert_eq!((dropped.get(), handle.cancel(), callbacks.len()), (2, false, 0));
        callbacks.close();
        assert_eq!(other.call_soon(|| {}).unwrap_err(), Closed);
        assert_eq!(other.call_later(ms(1), || {}).unwrap_err(), Closed);
        assert_eq!(other.call_at(Instant::now(), || {}).unwrap_err(), Closed);
        for _ in 0..2 {
            assert_eq!(soon(other.run(|_| {})).await, Err(RunError::Closed));
        }
    }

    /// asyncio: `close` in a running loop raises `RuntimeError`. Here it ends the run after the callback that it is
    /// in.
    #[tokio::test(start_paused = true)]
    async fn a_close_within_a_turn_ends_it_at_once() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        let closing = callbacks.clone();
        callbacks.call_soon(move || closing.close()).unwrap();
        callbacks.call_soon(adds(&log, "never")).unwrap();
        assert_eq!(soon(callbacks.run(|_| {})).await, Ok(()));
        assert_eq!(log.take(), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_close_wakes_a_run_that_waits() {
        let (callbacks, start) = (Callbacks::new(), Instant::now());
        callbacks.call_later(HOUR, || unreachable!()).unwrap();
        let closes = async {
            sleep(ms(100)).await;
            callbacks.close();
        };
        let (ran, ()) = soon(async { tokio::join!(callbacks.run(|_| {}), closes) }).await;
        assert_eq!((ran, start.elapsed()), (Ok(()), ms(100)));
    }

    /// What a callback owns may use the callbacks when it is dropped: by a cancel, by a close, or when it is refused.
    #[test]
    fn a_destructor_of_a_callback_may_schedule_and_cancel() {
        in_time(|| {
            let (callbacks, answers) = (Callbacks::new(), Log::new());
            let other = callbacks.call_later(HOUR, || {}).unwrap();
            let uses_them = || {
                let (callbacks, other, answers) = (callbacks.clone(), other.clone(), answers.clone());
                let guard = OnDrop(move || {
                    answers.add((callbacks.call_soon(|| {}).is_ok(), other.cancel()));
                });
                move || drop(guard)
            };
            assert!(callbacks.call_soon(uses_them()).unwrap().cancel());
            callbacks.call_soon(uses_them()).unwrap();
            callbacks.close();
            assert!(callbacks.call_soon(uses_them()).is_err());
            assert_eq!(answers.take(), [(true, true), (false, false), (false, false)]);
        });
    }

    /// asyncio: a callback that schedules itself for ever does not keep others from their turn. Nor does one here.
    #[tokio::test(start_paused = true)]
    async fn other_tasks_have_their_turn_although_callbacks_schedule_callbacks_without_end() {
        fn again(callbacks: &Callbacks, delay: Option<Duration>, calls: Count) {
            let next = callbacks.clone();
            let call = move || {
                calls.add();
                assert!(calls.get() < 10_000, "nobody else has had a turn");
                again(&next, delay, calls);
            };
            match delay {
                None => callbacks.call_soon(call).unwrap(),
                Some(delay) => callbacks.call_later(delay, call).unwrap(),
            };
        }
        for delay in [None, Some(Duration::ZERO)] {
            let (callbacks, calls) = (Callbacks::new(), Count::default());
            again(&callbacks, delay, calls.clone());
            let other = async {
                for _ in 0..10 {
                    yield_now().await;
                }
                callbacks.close();
            };
            let (ran, ()) =
                soon(async { tokio::join!(callbacks.run(|panic| resume_unwind(panic)), other) }).await;
            assert_eq!(ran, Ok(()));
            assert!((1..100).contains(&calls.get()), "{}", calls.get());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_without_end_is_no_trouble() {
        let (callbacks, log) = (Callbacks::new(), Log::new());
        let never = callbacks.call_later(Duration::MAX, adds(&log, "never")).unwrap();
        callbacks.call_later(ms(100), adds(&log, "after 100 ms")).unwrap();
        callbacks.call_later(HOUR, stops(&callbacks)).unwrap();
        assert_eq!(soon(callbacks.run(|_| {})).await, Ok(()));
        assert_eq!((log.take(), never.cancel()), (vec!["after 100 ms"], true));
    }

    /// asyncio: another thread has to use `call_soon_threadsafe`. Here there is one way for all.
    #[test]
    fn another_thread_may_schedule_and_a_run_that_waits_hears_of_it() {
        in_time(|| {
            let (callbacks, log) = (Callbacks::new(), Log::new());
            let thread = {
                let (callbacks, log) = (callbacks.clone(), log.clone());
                thread::spawn(move || {
                    for number in 0..100 {
                        callbacks.call_soon(adds(&log, number)).unwrap();
                    }
                    callbacks.call_later(ms(1), stops(&callbacks)).unwrap();
                })
            };
            let runtime = Builder::new_current_thread().enable_time().build().unwrap();
            assert_eq!(runtime.block_on(callbacks.run(|_| {})), Ok(()));
            thread.join().unwrap();
            assert_eq!(log.take(), (0..100).collect::<Vec<_>>());
        });
    }

    #[tokio::test(start_paused = true)]
    async fn of_nothing_a_run_waits_and_a_turn_is_over_at_once() {
        let callbacks = Callbacks::new();
        assert_eq!(timeout(HOUR, callbacks.run(|_| {})).await.ok(), None);
        turn(&callbacks).await;
    }

    #[tokio::test(start_paused = true)]
    async fn thirty_thousand_are_called_each_once() {
        let (callbacks, called) = (Callbacks::new(), Count::default());
        for number in 0..30_000_u64 {
            let called = called.clone();
            let delay = us(number.wrapping_mul(7_919) % 50_000);
            callbacks.call_later(delay, move || called.add()).unwrap();
        }
        callbacks.call_later(ms(100), stops(&callbacks)).unwrap();
        soon(callbacks.run(|_| {})).await.unwrap();
        assert_eq!((called.get(), callbacks.len()), (30_000, 0));
    }

    /// Cancelled at any point, a run has lost nothing and doubled nothing: the next one goes on with it, in order.
    #[test]
    fn a_cancelled_run_loses_no_callback() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (callbacks, log) = (Callbacks::new(), Log::new());
                for (name, millis) in [("c", 30), ("a", 10), ("b", 20)] {
                    callbacks.call_later(ms(millis), adds(&log, name)).unwrap();
                }
                callbacks.call_soon(adds(&log, "soon")).unwrap();
                let (later, more) = (callbacks.clone(), adds(&log, "from elsewhere"));
                tokio::spawn(async move {
                    sleep(ms(15)).await;
                    later.call_soon(more).unwrap();
                    sleep(ms(25)).await;
                    later.stop();
                });
                let runs = callbacks.clone();
                ((callbacks, log), async move { runs.run(|_| {}).await })
            },
            |(callbacks, log), outcome| {
                if let Outcome::Cancelled(_) = outcome {
                    callbacks.stop();
                    assert_eq!(callbacks.run(|_| {}).now_or_never(), Some(Ok(())));
                }
                let mut entries = log.take();
                let elsewhere = entries.iter().position(|entry| *entry == "from elsewhere").unwrap();
                entries.remove(elsewhere);
                assert_eq!(entries, ["soon", "a", "b", "c"]);
                assert_eq!(callbacks.len(), 0);
            },
        );
        assert!(swept.points >= 5, "{swept:?}");
    }

    /// Threads schedule and cancel, runs are stopped and dropped: each callback is called or cancelled, and never
    /// both; those that one thread wanted soon are called in its order.
    #[test]
    fn from_many_threads_each_is_called_or_cancelled() {
        const EACH: usize = 40;

        async fn schedule(
            callbacks: Callbacks,
            who: usize,
            mut random: Rng,
            log: Log<(usize, usize, bool)>,
        ) -> usize {
            let (mut handles, mut cancelled) = (Vec::new(), 0);
            for number in 0..EACH {
                let is_soon = random.bool();
                let call = adds(&log, (who, number, is_soon));
                let handle = match is_soon {
                    true => callbacks.call_soon(call),
                    false => callbacks.call_later(us(random.u64(0..1_000)), call),
                };
                handles.push(handle.unwrap());
                if random.u8(0..4) == 0 {
                    let chosen = random.usize(0..handles.len());
                    cancelled += usize::from(handles.swap_remove(chosen).cancel());
                }
                if random.u8(0..8) == 0 {
                    yield_now().await;
                }
            }
            cancelled
        }

        async fn round(seed: u64) {
            let mut random = Rng::with_seed(seed);
            let (callbacks, log) = (Callbacks::new(), Log::new());
            let mut threads = JoinSet::new();
            for who in 0..4 {
                threads.spawn(schedule(callbacks.clone(), who, random.fork(), log.clone()));
            }
            let mut cancelled = 0;
            while !threads.is_empty() || !callbacks.is_empty() {
                tokio::select! {
                    ran = callbacks.run(|panic| resume_unwind(panic)) => ran.unwrap(),
                    Some(ended) = threads.join_next() => cancelled += ended.unwrap(),
                    () = sleep(us(random.u64(0..500))) => {}
                }
                if random.bool() {
                    callbacks.stop();
                }
            }
            let called = log.take();
            assert_eq!(called.len() + cancelled, 4 * EACH, "seed {seed}");
            let mut distinct: Vec<_> = called.iter().map(|(who, number, _)| (*who, *number)).collect();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), called.len(), "seed {seed}: none is called twice");
            for who in 0..4 {
                let soon_ones = called.iter().filter(|(by, _, is_soon)| *by == who && *is_soon);
                assert!(soon_ones.map(|(_, number, _)| number).is_sorted(), "seed {seed}");
            }
        }

        in_time(|| {
            many_threads().build().unwrap().block_on(async {
                for seed in 0..100 {
                    tokio::spawn(round(seed)).await.unwrap();
                }
            });
        });
    }
}

mod from_a_thread {
    use super::*;
    use event_loop::from_a_thread::{submit, wait, wait_for};

    /// A runtime of one thread that runs on a thread of its own, as a loop with `run_forever` does. It ends when it is
    /// told to, or dropped.
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
        in_time(|| {
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

    #[test]
    fn a_panic_comes_back_as_an_error() {
        in_time(|| {
            let runtime = Elsewhere::start(paused());
            let error = wait(submit(&runtime.handle, async { panic!("no index") })).unwrap_err();
            assert_eq!(text(&*error.into_panic()), "no index");
        });
    }

    /// asyncio: `result(timeout)` raises `TimeoutError`, the coroutine runs on, and one may wait again.
    #[test]
    fn after_the_limit_the_work_runs_on_and_one_may_wait_again() {
        in_time(|| {
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
        in_time(|| {
            let runtime = Elsewhere::start(many_threads());
            let (told, dropped) = mpsc::channel();
            // Made here, so that it is dropped also with work that has not begun.
            let guard = OnDrop(move || told.send("dropped").unwrap());
            let work = async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            };
            let late = wait_for(submit(&runtime.handle, work), ms(1)).unwrap_err();
            drop(late);
            assert_eq!(dropped.recv(), Ok("dropped"));
        });
    }

    /// asyncio: a future that is dropped changes nothing. Tokio: nor does a `JoinHandle`. Here it takes a `detach`.
    #[test]
    fn but_a_detached_task_and_a_dropped_join_handle_run_on() {
        in_time(|| {
            let runtime = Elsewhere::start(many_threads());
            let (told, tell) = mpsc::channel();
            let (go_on, goes_on) = tokio::sync::watch::channel(false);
            let work = |name: &'static str| {
                let (told, mut goes_on) = (told.clone(), goes_on.clone());
                async move {
                    goes_on.wait_for(|go_on| *go_on).await.unwrap();
                    told.send(name).unwrap();
                }
            };
            let detached = wait_for(submit(&runtime.handle, work("detached")), Duration::ZERO).unwrap_err();
            drop(detached.detach());
            drop(runtime.handle.spawn(work("handle dropped")));
            go_on.send(true).unwrap();
            let mut names = [tell.recv().unwrap(), tell.recv().unwrap()];
            names.sort_unstable();
            assert_eq!(names, ["detached", "handle dropped"]);
        });
    }

    /// asyncio: `result(0)` gives what is done, and raises `TimeoutError` otherwise. So does this.
    #[test]
    fn no_limit_at_all_gives_what_is_done() {
        in_time(|| {
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

    #[test]
    fn a_limit_without_end_is_no_trouble() {
        in_time(|| {
            let runtime = Elsewhere::start(many_threads());
            assert_eq!(wait_for(submit(&runtime.handle, async { 7 }), Duration::MAX).unwrap().unwrap(), 7);
        });
    }

    /// asyncio: the limit is one of the thread, and not of the loop. Here too: it ends although the runtime is
    /// blocked.
    #[test]
    fn the_limit_ends_although_the_runtime_is_blocked() {
        in_time(|| {
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
    /// thread waits for ever. Here both are errors.
    #[test]
    fn after_the_end_of_the_runtime_it_is_an_error_and_not_a_hang() {
        in_time(|| {
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

    /// asyncio: in a loop that nobody runs nothing happens, and nobody is told.
    #[test]
    fn on_a_runtime_that_nobody_runs_nothing_happens() {
        let runtime = paused().build().unwrap();
        let task = wait_for(submit(runtime.handle(), async { 7 }), ms(1)).unwrap_err();
        runtime.block_on(yield_now());
        assert_eq!(wait(task).unwrap(), 7);
    }

    /// asyncio: `result()` in the thread of the loop waits for ever. Here it panics, as Tokio's own blocking calls do.
    #[test]
    #[should_panic(expected = "Cannot block the current thread from within a runtime")]
    fn to_wait_in_asynchronous_code_panics() {
        in_time(|| {
            let waits = async { wait(submit(&Handle::current(), async {})) };
            paused().build().unwrap().block_on(waits).unwrap();
        });
    }

    #[test]
    #[should_panic(expected = "Cannot block the current thread from within a runtime")]
    fn to_wait_there_with_a_limit_panics_too() {
        in_time(|| {
            let runtime = many_threads().build().unwrap();
            let waits = async { wait_for(submit(&Handle::current(), async {}), HOUR).is_ok() };
            let error = runtime.block_on(runtime.spawn(waits)).unwrap_err();
            resume_unwind(error.into_panic());
        });
    }

    /// asyncio: a thread of `to_thread` may wait. So may one of `spawn_blocking`.
    #[test]
    fn in_spawn_blocking_one_may_wait() {
        in_time(|| {
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

    /// A clock that is paused stands still while `spawn_blocking` is at work. The limit is one of the thread.
    #[test]
    fn the_limit_ends_although_the_clock_of_the_runtime_stands_still() {
        in_time(|| {
            let in_time = paused().build().unwrap().block_on(async {
                let runtime = Handle::current();
                let never = move || wait_for(submit(&runtime, std::future::pending::<()>()), ms(1)).is_ok();
                tokio::task::spawn_blocking(never).await
            });
            assert!(!in_time.unwrap());
        });
    }

    /// A thread may be woken for other reasons.
    #[test]
    fn a_wake_up_for_something_else_does_not_end_the_wait() {
        in_time(|| {
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

    /// The result of work that is not `Sync`, and a thread for each of a hundred.
    #[test]
    fn a_hundred_threads_each_get_their_own_result() {
        in_time(|| {
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

    /// Threads wait, give up and detach while the runtime ends: each work is dropped once, and nobody waits for ever.
    #[test]
    fn from_many_threads_each_work_ends_once_also_when_the_runtime_ends_meanwhile() {
        in_time(|| {
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
                // A task that a worker was running as it was told to end is dropped a moment later.
                while dropped.get() < begun.get() {
                    thread::yield_now();
                }
                assert_eq!((dropped.get(), begun.get()), (100, 100), "seed {seed}");
            }
        });
    }
}

/// Signals that come at these times, each named after its time.
fn signals_at<const N: usize>(millis: [u64; N]) -> impl futures::Stream<Item = u64> + Send {
    let start = Instant::now();
    stream::iter(millis).then(move |at| async move {
        tokio::time::sleep_until(start + ms(at)).await;
        at
    })
}

mod interrupt {
    use super::*;
    use cancel_sweep::Outcome;
    use event_loop::interrupt::{Ended, interruptible};

    /// Takes a second; when it is told to end, 50 ms more to clean up.
    async fn main(cancel: CancellationToken) -> &'static str {
        if cancel.run_until_cancelled(sleep(ms(1_000))).await.is_some() {
            return "done";
        }
        sleep(ms(50)).await;
        "cleaned up"
    }

    async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
        let start = Instant::now();
        (soon(work).await, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_signal_main_finishes() {
        let ended = timed(interruptible(signals_at([]), main)).await;
        assert_eq!(ended, (Ended::Finished("done"), ms(1_000)));
        let ended = timed(interruptible(stream::pending::<u64>(), main)).await;
        assert_eq!(ended, (Ended::Finished("done"), ms(1_000)));
        let late = timed(interruptible(signals_at([2_000]), main)).await;
        assert_eq!(late, (Ended::Finished("done"), ms(1_000)));
    }

    /// asyncio: at Ctrl-C the main task is cancelled, its clean-up may await, and then `KeyboardInterrupt` is raised.
    #[tokio::test(start_paused = true)]
    async fn at_the_first_signal_main_is_told_to_end_and_cleans_up() {
        let ended = timed(interruptible(signals_at([300]), main)).await;
        assert_eq!(ended, (Ended::Interrupted(300, "cleaned up"), ms(350)));
    }

    /// asyncio: a main that swallows its cancellation returns as if nothing had happened. Here both are told.
    #[tokio::test(start_paused = true)]
    async fn a_main_that_does_not_listen_runs_to_its_end() {
        let deaf = |_| async {
            sleep(ms(1_000)).await;
            "done"
        };
        let ended = timed(interruptible(signals_at([300]), deaf)).await;
        assert_eq!(ended, (Ended::Interrupted(300, "done"), ms(1_000)));
    }

    /// asyncio: a second Ctrl-C raises `KeyboardInterrupt` at once. Here main is dropped where it stands.
    #[tokio::test(start_paused = true)]
    async fn at_the_second_signal_main_is_dropped_where_it_stands() {
        let (dropped, cleaned_up) = (Count::default(), Count::default());
        let long_clean_up = |cancel: CancellationToken| {
            let (guard, cleans_up) = (dropped.on_drop(), cleaned_up.clone());
            async move {
                let _guard = guard;
                cancel.cancelled().await;
                sleep(HOUR).await;
                cleans_up.add();
            }
        };
        let ended = timed(interruptible(signals_at([300, 400]), long_clean_up)).await;
        assert_eq!(ended, (Ended::CutOff(400), ms(400)));
        assert_eq!((dropped.get(), cleaned_up.get()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn two_signals_in_one_instant_are_two() {
        let ended = timed(interruptible(signals_at([300, 300]), main)).await;
        assert_eq!(ended, (Ended::CutOff(300), ms(300)));
        let at_once = timed(interruptible(stream::iter([1, 2]), main)).await;
        assert_eq!(at_once, (Ended::CutOff(2), ms(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_main_that_ends_in_the_instant_of_the_signal_has_finished() {
        let ended = timed(interruptible(signals_at([1_000]), main)).await;
        assert_eq!(ended, (Ended::Finished("done"), ms(1_000)));
        let ready = timed(interruptible(stream::iter([1]), |_| async { "done" })).await;
        assert_eq!(ready, (Ended::Finished("done"), ms(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_of_main_goes_on_in_the_caller() {
        let panics = |cancel: CancellationToken| async move {
            cancel.cancelled().await;
            panic!("in the clean-up")
        };
        let ended = AssertUnwindSafe(interruptible::<_, (), _>(signals_at([300]), panics)).catch_unwind();
        assert_eq!(text(&*soon(ended).await.unwrap_err()), "in the clean-up");
    }

    /// What main has started with its token is told, too, when main is dropped, panics or returns.
    #[tokio::test(start_paused = true)]
    async fn its_token_is_cancelled_however_it_ends() {
        let tokens = Log::new();
        let hands_on = |cancel: CancellationToken| {
            tokens.add(cancel);
            std::future::pending::<()>()
        };
        assert!(timeout(ms(100), interruptible(signals_at([]), hands_on)).await.is_err());
        let returns = |cancel: CancellationToken| {
            tokens.add(cancel);
            std::future::ready(())
        };
        soon(interruptible(signals_at([]), returns)).await;
        let tokens = tokens.take();
        assert_eq!(tokens.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(), [true, true]);
    }

    /// Cancelled at any point: main is dropped, once, and what it has started is told to end.
    #[test]
    fn a_drop_of_it_drops_main_and_tells_the_rest() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (dropped, told) = (Count::default(), Count::default());
                let (guard, tells) = (dropped.on_drop(), told.clone());
                let started = |cancel: CancellationToken| async move {
                    let _guard = guard;
                    let child = cancel.clone();
                    tokio::spawn(async move {
                        child.cancelled().await;
                        tells.add();
                    });
                    main(cancel).await
                };
                ((dropped, told), async move { interruptible(signals_at([300]), started).await })
            },
            |(dropped, told), outcome| {
                let was_polled = match outcome {
                    Outcome::Finished(ended) => {
                        assert_eq!(ended, Ended::Interrupted(300, "cleaned up"));
                        true
                    }
                    Outcome::Cancelled(at) => at.suspension > 0,
                };
                assert_eq!((dropped.get(), told.get()), (1, usize::from(was_polled)));
            },
        );
        assert!(swept.points >= 2, "{swept:?}");
    }
}

mod shutdown {
    use super::*;
    use cancel_sweep::Outcome;
    use event_loop::shutdown::{Closed, End, Grace, Jobs, Stop, Summary, serve};

    type JobResult = Result<(), Box<dyn Error + Send + Sync>>;

    const GRACE: Grace = Grace { to_finish: ms(200), to_clean_up: ms(100) };

    /// What a job does in these lessons.
    #[derive(Debug, Clone, Copy)]
    enum Kind {
        /// It takes so long, and does not look at its token.
        Takes(u64),
        /// It waits until it is told to end, and takes so long to clean up.
        CleansUp(u64),
        /// It returns an error, after so long.
        Fails(u64),
        /// It panics, after so long.
        Panics(u64),
    }

    async fn job(kind: Kind, cancel: CancellationToken) -> JobResult {
        match kind {
            Kind::Takes(millis) => sleep(ms(millis)).await,
            Kind::CleansUp(millis) => {
                cancel.cancelled().await;
                sleep(ms(millis)).await;
            }
            Kind::Fails(millis) => {
                sleep(ms(millis)).await;
                return Err("disk full".into());
            }
            Kind::Panics(millis) => {
                sleep(ms(millis)).await;
                panic!("no index");
            }
        }
        Ok(())
    }

    /// Starts the jobs at once, and waits for more for ever.
    fn intake<const N: usize>(
        kinds: [(&'static str, Kind); N],
    ) -> impl FnOnce(Jobs) -> futures::future::BoxFuture<'static, ()> {
        move |jobs| {
            for (name, kind) in kinds {
                jobs.start(name, move |cancel| job(kind, cancel)).unwrap();
            }
            std::future::pending().boxed()
        }
    }

    /// Serves, and gives back the summary, how long it took, and the ends that were reported, with their times.
    async fn served<T, F: Future<Output = T>>(
        signals: impl futures::Stream<Item = u64>,
        intake: impl FnOnce(Jobs) -> F,
    ) -> (Summary<u64, T>, Duration, Vec<(String, Duration)>) {
        let (start, mut ends) = (Instant::now(), Vec::new());
        let report = |name: &str, end: &End| {
            let end = match end {
                End::Finished => "finished".to_owned(),
                End::Cancelled => "cancelled".to_owned(),
                End::Failed(error) => format!("failed: {error}"),
                End::Panicked(text) => format!("panicked: {text}"),
            };
            ends.push((format!("{name} {end}"), start.elapsed()));
        };
        let summary = soon(serve(signals, GRACE, intake, report)).await;
        (summary, start.elapsed(), ends)
    }

    fn summary<T>(stop: Stop<u64, T>, counts: [usize; 3], stragglers: &[&str]) -> Summary<u64, T> {
        let [finished, cancelled, failed] = counts;
        let stragglers = stragglers.iter().map(|name| (*name).to_owned()).collect();
        Summary { stop, forced: None, finished, cancelled, failed, stragglers }
    }

    fn ends<const N: usize>(expected: [(&str, u64); N]) -> Vec<(String, Duration)> {
        expected.map(|(end, millis)| (end.to_owned(), ms(millis))).into()
    }

    /// The whole: one job finishes before the signal, one while it may finish, one cleans up, one is left.
    #[tokio::test(start_paused = true)]
    async fn what_is_in_flight_may_finish_then_clean_up_and_what_is_left_is_named() {
        let kinds = [
            ("early", Kind::Takes(100)),
            ("in time", Kind::Takes(450)),
            ("told", Kind::CleansUp(50)),
            ("stubborn", Kind::Takes(10_000)),
        ];
        let served = served(signals_at([300]), intake(kinds)).await;
        let reported = ends([("early finished", 100), ("in time finished", 450), ("told cancelled", 550)]);
        assert_eq!(served, (summary(Stop::Signal(300), [2, 1, 0], &["stubborn"]), ms(600), reported));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_have_finished_nobody_waits_for_the_grace_to_end() {
        let served =
            served(signals_at([300]), intake([("a", Kind::Takes(350)), ("b", Kind::Takes(320))])).await;
        let reported = ends([("b finished", 320), ("a finished", 350)]);
        assert_eq!(served, (summary(Stop::Signal(300), [2, 0, 0], &[]), ms(350), reported));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_and_a_panic_of_a_job_are_its_own_and_are_counted() {
        let kinds = [
            ("fails", Kind::Fails(100)),
            ("panics", Kind::Panics(200)),
            ("fails late", Kind::Fails(400)),
            ("panics late", Kind::Panics(550)),
        ];
        let served = served(signals_at([300]), intake(kinds)).await;
        let reported = ends([
            ("fails failed: disk full", 100),
            ("panics panicked: no index", 200),
            ("fails late failed: disk full", 400),
            ("panics late panicked: no index", 550),
        ]);
        assert_eq!(served, (summary(Stop::Signal(300), [0, 0, 4], &[]), ms(550), reported));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_destructor_of_a_job_or_before_its_first_await_is_its_own_too() {
        let both = |jobs: Jobs| {
            let guard = OnDrop(|| panic!("in the destructor"));
            let with_guard = move |_| async move {
                let _guard = guard;
                JobResult::Ok(())
            };
            jobs.start("destructor", with_guard).unwrap();
            jobs.start("call", |_| -> std::future::Ready<JobResult> { panic!("in the call") }).unwrap();
            std::future::pending::<()>()
        };
        let served = served(signals_at([300]), both).await;
        let reported =
            ends([("destructor panicked: in the destructor", 0), ("call panicked: in the call", 0)]);
        assert_eq!(served, (summary(Stop::Signal(300), [0, 0, 2], &[]), ms(300), reported));
    }

    /// asyncio: a second Ctrl-C ends the program with what it is at. So does any signal after the stop.
    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_it_at_once() {
        for second in [310, 550] {
            let kinds =
                [("quick", Kind::Takes(100)), ("slow", Kind::Takes(9_000)), ("deaf", Kind::Takes(9_000))];
            let (summary, elapsed, _) = served(signals_at([300, second]), intake(kinds)).await;
            assert_eq!(
                (summary.stop, summary.forced, elapsed),
                (Stop::Signal(300), Some(second), ms(second))
            );
            assert_eq!(
                (summary.finished, summary.stragglers),
                (1, vec!["slow".to_owned(), "deaf".to_owned()])
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_signals_in_one_instant_are_two() {
        let (summary, elapsed, _) =
            served(stream::iter([1, 2]).chain(stream::pending()), intake([("a", Kind::Takes(1))])).await;
        assert_eq!((summary.stop, summary.forced, elapsed), (Stop::Signal(1), Some(2), ms(0)));
        assert_eq!(summary.stragglers, [""; 0], "the intake has never been polled");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_ended_by_then_is_counted() {
        let (signal, signals) = futures::channel::mpsc::unbounded();
        let three = |jobs: Jobs| {
            jobs.start("slow", |cancel| job(Kind::Takes(9_000), cancel)).unwrap();
            for name in ["one", "other"] {
                let signal = signal.clone();
                let signals_at_its_end = move |_| async move {
                    sleep(ms(10)).await;
                    signal.unbounded_send(10)?;
                    Ok(())
                };
                jobs.start(name, signals_at_its_end).unwrap();
            }
            signal.unbounded_send(0).unwrap();
            std::future::pending::<()>()
        };
        let (summary, elapsed, _) = served(signals, three).await;
        assert_eq!((summary.forced, summary.finished, elapsed), (Some(10), 2, ms(10)));
        assert_eq!(summary.stragglers, ["slow"]);
    }

    /// And what is left is aborted: it is dropped as soon as it is its turn, though somebody has kept a clone of the jobs.
    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_aborted() {
        for signals in [vec![300], vec![300, 310]] {
            let (dropped, token, clones) = (Count::default(), Log::new(), Log::new());
            let (guard, tokens, kept) = (dropped.on_drop(), token.clone(), clones.clone());
            let stubborn = move |jobs: Jobs| {
                let start = move |cancel: CancellationToken| async move {
                    let _guard = guard;
                    tokens.add(cancel);
                    sleep(HOUR).await;
                    JobResult::Ok(())
                };
                jobs.start("stubborn", start).unwrap();
                kept.add(jobs);
                std::future::pending::<()>()
            };
            let start = Instant::now();
            let signals = stream::iter(signals).then(move |at| async move {
                tokio::time::sleep_until(start + ms(at)).await;
                at
            });
            let (summary, ..) = served(signals, stubborn).await;
            assert_eq!(summary.stragglers, ["stubborn"]);
            yield_now().await;
            assert_eq!((dropped.get(), token.take()[0].is_cancelled()), (1, true));
        }
    }

    /// asyncio: nothing keeps a task from being created while the loop shuts down. Here it is an error.
    #[tokio::test(start_paused = true)]
    async fn after_the_stop_no_job_is_started() {
        let (escaped, ran) = (Log::new(), Count::default());
        let escapes = escaped.clone();
        let keeps_a_clone = |jobs: Jobs| {
            escapes.add(jobs.clone());
            let (later, runs) = (jobs.clone(), ran.clone());
            let starts_more = move |cancel: CancellationToken| async move {
                cancel.cancelled().await;
                let more = move |_| async move {
                    runs.add();
                    JobResult::Ok(())
                };
                assert_eq!(later.start("too late", more), Err(Closed));
                Ok(())
            };
            jobs.start("starts more", starts_more).unwrap();
            std::future::pending::<()>()
        };
        let (summary, ..) = served(signals_at([300]), keeps_a_clone).await;
        assert_eq!((summary.cancelled, summary.failed), (1, 0));
        let jobs = &escaped.take()[0];
        assert_eq!(jobs.start("after the end", |_| async { unreachable!() }), Err(Closed));
        assert_eq!((ran.get(), jobs.is_empty()), (0, true));
    }

    /// What is refused is dropped, and its drop may ask again.
    #[test]
    fn what_is_refused_is_dropped_outside_of_the_lock() {
        in_time(|| {
            let escaped = Log::new();
            let escapes = async |jobs| escaped.add(jobs);
            paused().build().unwrap().block_on(async { served(signals_at([1]), escapes).await });
            let jobs = escaped.take().remove(0);
            let again = jobs.clone();
            let asks_again =
                OnDrop(move || assert_eq!(again.start("again", |_| async { Ok(()) }), Err(Closed)));
            let refused = move |_| async move {
                let _moved = asks_again;
                Ok(())
            };
            assert_eq!(jobs.start("late", refused), Err(Closed));
        });
    }

    /// A connection that waits for its next request has nothing to finish: it asks for the stop, and not for the
    /// cancel.
    #[tokio::test(start_paused = true)]
    async fn a_job_may_end_when_the_intake_stops_and_not_only_when_it_is_cancelled() {
        let connection = |jobs: Jobs| {
            let closing = jobs.closing();
            let idle = move |cancel: CancellationToken| async move {
                closing.cancelled().await;
                assert!(!cancel.is_cancelled());
                Ok(())
            };
            jobs.start("idle", idle).unwrap();
            std::future::pending::<()>()
        };
        let served = served(signals_at([300]), connection).await;
        let reported = ends([("idle finished", 300)]);
        assert_eq!(served, (summary(Stop::Signal(300), [1, 0, 0], &[]), ms(300), reported));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_drops_the_intake_where_it_stands() {
        let dropped = Count::default();
        let guard = dropped.on_drop();
        let holds = |_jobs| async move {
            let _listener = guard;
            std::future::pending::<()>().await;
        };
        let (.., elapsed, _) = served(signals_at([300]), holds).await;
        assert_eq!((dropped.get(), elapsed), (1, ms(300)), "no job, no waiting");
    }

    #[tokio::test(start_paused = true)]
    async fn an_intake_that_returns_ends_it_as_a_signal_does() {
        let three = |jobs: Jobs| async move {
            for (name, kind) in
                [("a", Kind::Takes(100)), ("b", Kind::CleansUp(10)), ("c", Kind::Takes(9_000))]
            {
                jobs.start(name, move |cancel| job(kind, cancel)).unwrap();
                sleep(ms(10)).await;
            }
            "no more requests"
        };
        let served = served(signals_at([]), three).await;
        let reported = ends([("a finished", 100), ("b cancelled", 240)]);
        assert_eq!(served, (summary(Stop::Intake("no more requests"), [1, 1, 0], &["c"]), ms(330), reported));
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_after_that_ends_it_at_once() {
        let one = |jobs: Jobs| {
            jobs.start("a", |cancel| job(Kind::Takes(9_000), cancel)).unwrap();
            std::future::ready("no more requests")
        };
        let (summary, elapsed, _) = served(signals_at([50]), one).await;
        assert_eq!(
            (summary.stop, summary.forced, elapsed),
            (Stop::Intake("no more requests"), Some(50), ms(50))
        );
    }

    /// asyncio: an exception in `main` is raised when `asyncio.run` has cleaned up.
    #[tokio::test(start_paused = true)]
    async fn a_panic_of_the_intake_goes_on_after_the_shutdown() {
        let (start, ended) = (Instant::now(), Log::new());
        let panics = |jobs: Jobs| async move {
            jobs.start("a", |cancel| job(Kind::Takes(50), cancel)).unwrap();
            sleep(ms(10)).await;
            panic!("the listener is broken")
        };
        let report = |name: &str, _: &End| ended.add((name.to_owned(), start.elapsed()));
        let serving =
            AssertUnwindSafe(serve::<_, (), _>(signals_at([]), GRACE, panics, report)).catch_unwind();
        assert_eq!(text(&*soon(serving).await.unwrap_err()), "the listener is broken");
        assert_eq!(ended.take(), [("a".to_owned(), ms(50))]);
    }

    /// "By the deadline": a job that ends in the last instant has ended, whichever timer was set first.
    #[tokio::test(start_paused = true)]
    async fn a_job_that_ends_in_the_instant_of_a_deadline_is_in_time() {
        let kinds = [
            ("finishes", Kind::Takes(500)),
            ("cleans up", Kind::CleansUp(100)),
            ("too late to finish", Kind::Takes(501)),
            ("too late to clean up", Kind::CleansUp(101)),
        ];
        let served = served(signals_at([300]), intake(kinds)).await;
        let reported = ends([
            ("finishes finished", 500),
            ("too late to finish cancelled", 501),
            ("cleans up cancelled", 600),
        ]);
        assert_eq!(
            served,
            (summary(Stop::Signal(300), [1, 2, 0], &["too late to clean up"]), ms(600), reported)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_grace_at_all_and_one_without_end_are_no_trouble() {
        let grace = |to_finish, to_clean_up| Grace { to_finish, to_clean_up };
        for (grace, finished, cancelled, left) in [
            (grace(Duration::ZERO, Duration::ZERO), 1, 1, 2),
            (grace(Duration::ZERO, Duration::MAX), 1, 3, 0),
            (grace(ms(7_000), Duration::MAX), 2, 2, 0),
        ] {
            let kinds = [
                ("in the instant of the signal", Kind::Takes(300)),
                ("takes 6 s", Kind::Takes(6_000)),
                ("cleans up in no time", Kind::CleansUp(0)),
                ("takes 9 s to clean up", Kind::CleansUp(9_000)),
            ];
            let summary = soon(serve(signals_at([300]), grace, intake(kinds), |_, _| {})).await;
            assert_eq!(
                (summary.finished, summary.cancelled, summary.stragglers.len()),
                (finished, cancelled, left),
                "{grace:?}"
            );
        }
    }

    /// Ten thousand in flight, a signal: each is accounted for, by the deadline.
    #[tokio::test(start_paused = true)]
    async fn of_ten_thousand_each_has_finished_was_cancelled_or_is_left_by_the_deadline() {
        let many = |jobs: Jobs| {
            for number in 0..10_000_u64 {
                let kind = match number % 5 {
                    0 => Kind::Takes(number % 300),
                    1 => Kind::Takes(301 + number % 199),
                    2 => Kind::CleansUp(number % 101),
                    3 => Kind::Fails(number % 600),
                    _ => Kind::Takes(9_000),
                };
                jobs.start(format!("job-{number}"), move |cancel| job(kind, cancel)).unwrap();
            }
            assert_eq!((jobs.len(), jobs.is_empty()), (10_000, false));
            std::future::pending::<()>()
        };
        let (summary, elapsed, reported) = served(signals_at([300]), many).await;
        assert_eq!((summary.finished, summary.cancelled, summary.failed), (4_000, 2_000, 2_000));
        let left: Vec<_> =
            (0..10_000).filter(|number| number % 5 == 4).map(|number| format!("job-{number}")).collect();
        assert_eq!(summary.stragglers, left, "in the order of their start");
        assert_eq!((elapsed, reported.len()), (ms(600), 8_000));
    }

    /// A task gives way after 128 results: those of one instant are all counted for all that.
    #[tokio::test(start_paused = true)]
    async fn of_ten_thousand_that_end_in_the_last_instant_none_is_left() {
        for kind in [Kind::Takes(500), Kind::CleansUp(100)] {
            let many = move |jobs: Jobs| {
                for number in 0..10_000 {
                    jobs.start(format!("job-{number}"), move |cancel| job(kind, cancel)).unwrap();
                }
                std::future::pending::<()>()
            };
            let (summary, ..) = served(signals_at([300]), many).await;
            assert_eq!((summary.finished + summary.cancelled, summary.stragglers.len()), (10_000, 0));
            let in_a_task = tokio::spawn(serve(signals_at([300]), GRACE, many, |_, _| {}));
            let in_a_task = soon(in_a_task).await.unwrap();
            assert_eq!((in_a_task.finished + in_a_task.cancelled, in_a_task.stragglers.len()), (10_000, 0));
        }
    }

    /// A service runs for a long time: what has ended is not kept.
    #[tokio::test(start_paused = true)]
    async fn what_has_ended_is_not_kept_while_the_service_runs() {
        let reported = Count::default();
        let one_by_one = |jobs: Jobs| {
            let reported = reported.clone();
            async move {
                for number in 0..3_000_usize {
                    jobs.start("short", |cancel| job(Kind::Takes(1), cancel)).unwrap();
                    sleep(ms(2)).await;
                    assert_eq!((jobs.len(), reported.get()), (0, number + 1));
                }
            }
        };
        let summary = soon(serve(signals_at([]), GRACE, one_by_one, |_, _| reported.add())).await;
        assert_eq!(summary.finished, 3_000);
    }

    /// On four threads, at real time, at a real signal.
    #[test]
    #[cfg(unix)]
    fn under_load_each_of_ten_thousand_is_accounted_for_by_the_deadline() {
        use rustix::process::{Signal, getpid, kill_process};
        use tokio::signal::unix::{SignalKind, signal};
        in_time(|| {
            many_threads().build().unwrap().block_on(async {
                let mut hangup = signal(SignalKind::hangup()).unwrap();
                let signals = stream::poll_fn(move |context| hangup.poll_recv(context));
                let (ended, grace) = (Count::default(), Grace { to_finish: ms(30), to_clean_up: ms(30) });
                let load = |jobs: Jobs| {
                    for number in 0..10_000 {
                        let ended = ended.clone();
                        let job = move |cancel: CancellationToken| async move {
                            match number % 4 {
                                0 => sleep(us(number)).await,
                                1 => cancel.cancelled().await,
                                2 => {
                                    while !cancel.is_cancelled() {
                                        yield_now().await;
                                    }
                                }
                                _ => std::future::pending().await,
                            }
                            ended.add();
                            JobResult::Ok(())
                        };
                        jobs.start(format!("job-{number}"), job).unwrap();
                    }
                    kill_process(getpid(), Signal::HUP).unwrap();
                    std::future::pending::<()>()
                };
                let summary = serve(signals, grace, load, |_, _| {}).await;
                let accounted = summary.finished + summary.cancelled + summary.stragglers.len();
                assert_eq!((accounted, summary.failed, summary.forced), (10_000, 0, None));
                assert!(summary.stragglers.len() >= 2_500, "those that never end are left");
            });
        });
    }

    #[test]
    fn a_thread_may_start_jobs_too() {
        in_time(|| {
            let summary = many_threads().build().unwrap().block_on(async {
                let (signal, signals) = futures::channel::mpsc::unbounded();
                let intake = |jobs: Jobs| {
                    thread::spawn(move || {
                        for number in 0..100 {
                            jobs.start(format!("job-{number}"), |_| async { Ok(()) }).unwrap();
                        }
                        signal.unbounded_send(1).unwrap();
                    });
                    std::future::pending::<()>()
                };
                serve(signals, Grace { to_finish: HOUR, to_clean_up: HOUR }, intake, |_, _| {}).await
            });
            assert_eq!((summary.finished, summary.stragglers.len()), (100, 0));
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_that_panics_ends_it_and_aborts_the_rest() {
        let dropped = Count::default();
        let guard = dropped.on_drop();
        let two = move |jobs: Jobs| {
            jobs.start("quick", |cancel| job(Kind::Takes(100), cancel)).unwrap();
            let slow = move |_| async move {
                let _guard = guard;
                std::future::pending().await
            };
            jobs.start("slow", slow).unwrap();
            std::future::pending::<()>()
        };
        let report = |_: &str, _: &End| panic!("the log is full");
        let serving = AssertUnwindSafe(serve(signals_at([]), GRACE, two, report)).catch_unwind();
        assert_eq!(text(&*soon(serving).await.unwrap_err()), "the log is full");
        sleep(ms(1)).await;
        assert_eq!(dropped.get(), 1);
    }

    /// Cancelled at any point: every job that was started is reported or dropped, each once, and told to end.
    #[test]
    fn a_drop_of_it_aborts_the_jobs_and_loses_none() {
        #[derive(Clone)]
        struct Ledger {
            started: Count,
            dropped: Count,
            reported: Count,
            told: Count,
            jobs: Log<Jobs>,
        }
        let swept = cancel_sweep::sweep_with(
            || {
                let (started, dropped, reported, told) = <(Count, Count, Count, Count)>::default();
                let ledger = Ledger { started, dropped, reported, told, jobs: Log::new() };
                let books = ledger.clone();
                let intake = move |jobs: Jobs| async move {
                    books.jobs.add(jobs.clone());
                    for kind in [Kind::Takes(50), Kind::CleansUp(50), Kind::Panics(350), Kind::Takes(9_000)] {
                        let (guard, told) = (books.dropped.on_drop(), books.told.clone());
                        let start = move |cancel: CancellationToken| async move {
                            let _guard = guard;
                            let child = cancel.clone();
                            tokio::spawn(async move {
                                child.cancelled().await;
                                told.add();
                            });
                            job(kind, cancel).await
                        };
                        jobs.start("one", start).unwrap();
                        books.started.add();
                        sleep(ms(10)).await;
                    }
                    std::future::pending::<()>().await;
                };
                let reported = ledger.reported.clone();
                let serving =
                    async move { serve(signals_at([300]), GRACE, intake, move |_, _| reported.add()).await };
                (ledger, serving)
            },
            |ledger, outcome| {
                let (started, reported) = (ledger.started.get(), ledger.reported.get());
                assert_eq!(ledger.dropped.get(), started, "each is dropped, once");
                assert!(ledger.told.get() <= started);
                for jobs in ledger.jobs.take() {
                    assert_eq!(jobs.start("late", |_| async { Ok(()) }), Err(Closed));
                    assert!(jobs.closing().is_cancelled());
                }
                if let Outcome::Finished(summary) = outcome {
                    assert_eq!((started, reported, ledger.told.get()), (4, 3, 4));
                    assert_eq!((summary.finished, summary.cancelled, summary.failed), (1, 1, 1));
                    assert_eq!(summary.stragglers.len(), 1);
                }
            },
        );
        assert!(swept.points >= 8, "{swept:?}");
    }

    /// Many threads start jobs while signals come: each job is refused, and never runs, or is accounted for, once.
    #[test]
    fn from_many_threads_each_job_is_refused_or_accounted_for() {
        const GIVES_UP: Grace = Grace { to_finish: us(500), to_clean_up: us(500) };

        async fn round(seed: u64) {
            let mut random = Rng::with_seed(seed);
            let (signal, signals) = futures::channel::mpsc::unbounded();
            let (accepted, begun, reports) = (Count::default(), Count::default(), Count::default());
            let (starters, mut seeds) = (Arc::new(Mutex::new(JoinSet::new())), random.fork());
            let intake = |jobs: Jobs| {
                for _ in 0..4 {
                    let (jobs, mut random) = (jobs.clone(), seeds.fork());
                    let (accepted, begun) = (accepted.clone(), begun.clone());
                    starters.lock().unwrap().spawn(async move {
                        for number in 0..50 {
                            let (begun, fate) = (begun.clone(), random.u8(0..36));
                            let start = move |cancel: CancellationToken| async move {
                                begun.add();
                                match fate {
                                    0 => panic!("panics"),
                                    1..9 => yield_now().await,
                                    9..18 => cancel.cancelled().await,
                                    18..24 => return Err("fails".into()),
                                    24..30 => sleep(us(300)).await,
                                    _ => std::future::pending().await,
                                }
                                JobResult::Ok(())
                            };
                            if jobs.start(format!("job-{number}"), start).is_ok() {
                                accepted.add();
                            }
                            if random.u8(0..10) == 0 {
                                yield_now().await;
                            }
                        }
                    });
                }
                std::future::pending::<()>()
            };
            let signaller = tokio::spawn({
                let mut random = random.fork();
                async move {
                    for _ in 0..random.u8(1..3) {
                        sleep(us(random.u64(0..400))).await;
                        let _ended = signal.unbounded_send(());
                    }
                    signal
                }
            });
            let summary = serve(signals, GIVES_UP, intake, |_, _| reports.add()).await;
            let mut starters = std::mem::take(&mut *starters.lock().unwrap());
            while let Some(ended) = starters.join_next().await {
                ended.unwrap();
            }
            signaller.await.unwrap();
            let ended = summary.finished + summary.cancelled + summary.failed;
            assert_eq!(ended + summary.stragglers.len(), accepted.get(), "seed {seed}");
            assert_eq!(reports.get(), ended, "seed {seed}");
            assert!(begun.get() <= accepted.get(), "seed {seed}: what is refused never runs");
        }

        in_time(|| {
            many_threads().build().unwrap().block_on(async {
                for seed in 0..60 {
                    tokio::spawn(round(seed)).await.unwrap();
                }
            });
        });
    }
}

mod not_send {
    use super::*;
    use event_loop::not_send::word_counts;
    use std::collections::BTreeMap;
    use tokio_util::task::LocalPoolHandle;

    async fn load((text, millis): (&'static str, u64)) -> String {
        sleep(ms(millis)).await;
        match text {
            "panics" => panic!("{text} after {millis}"),
            _ => text.to_owned(),
        }
    }

    fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
        expected.map(|(word, count)| (word.to_owned(), count)).into()
    }

    /// asyncio: all tasks are of one thread, and share what they like. Tokio: tasks of `spawn_local` do, here on a
    /// runtime of `#[tokio::main(flavor = "local")]`.
    #[tokio::test(flavor = "local", start_paused = true)]
    async fn tasks_of_one_thread_share_a_table_without_a_lock() {
        let start = Instant::now();
        let pages = [("to be or not to be", 300), ("be quick", 100), ("", 200)];
        let counted = word_counts(pages, load).await.unwrap();
        assert_eq!(counted, counts([("be", 3), ("not", 1), ("or", 1), ("quick", 1), ("to", 2)]));
        assert_eq!(start.elapsed(), ms(300), "the loads overlap");
    }

    /// Inside of any other runtime a `LocalSet` is the place for them. A function of many threads may have one.
    #[tokio::test]
    async fn a_local_set_is_a_place_for_them_in_any_runtime() {
        let in_main = LocalSet::new().run_until(word_counts([("a b", 1), ("b", 1)], load)).await;
        assert_eq!(in_main.unwrap(), counts([("a", 1), ("b", 2)]));

        let on_many_threads = tokio::task::spawn_blocking(|| {
            let runtime = many_threads().build().unwrap();
            runtime.block_on(LocalSet::new().run_until(word_counts([("a b", 1), ("b", 1)], load)))
        });
        assert_eq!(on_many_threads.await.unwrap().unwrap(), counts([("a", 1), ("b", 2)]));
    }

    /// Where nothing keeps a task on its thread, `spawn_local` panics.
    #[tokio::test]
    #[should_panic(
        expected = "`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`"
    )]
    async fn but_without_such_a_place_it_panics() {
        word_counts([("a", 1)], load).await.unwrap();
    }

    /// `tokio_util` has a pool of threads for futures that are not `Send`: the closure goes there, its future stays.
    #[tokio::test]
    async fn a_pool_of_threads_runs_futures_that_are_not_send() {
        let pool = LocalPoolHandle::new(2);
        let counted = pool.spawn_pinned(|| word_counts([("a b", 1), ("b", 1)], load)).await.unwrap();
        assert_eq!(counted.unwrap(), counts([("a", 1), ("b", 2)]));
    }

    /// The hazard: a borrow that is kept over an await is found by the next task. In Python two tasks would both
    /// change the table, and lose something without a word.
    #[tokio::test(flavor = "local", start_paused = true)]
    #[expect(clippy::await_holding_refcell_ref, reason = "this is the hazard")]
    async fn but_a_borrow_that_is_kept_over_an_await_makes_the_next_one_panic() {
        let table = Rc::new(RefCell::new(0));
        let tasks = [(); 2].map(|()| {
            let table = table.clone();
            tokio::task::spawn_local(async move {
                let mut table = table.borrow_mut();
                sleep(ms(10)).await;
                *table += 1;
            })
        });
        let [first, second] = tasks;
        first.await.unwrap();
        assert!(second.await.unwrap_err().is_panic());
        assert_eq!(table.take(), 1);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_load_that_panics_is_the_error_and_the_others_are_dropped() {
        let (start, dropped) = (Instant::now(), Count::default());
        let counted = word_counts([("slow", 300), ("panics", 100)], |page| {
            let guard = dropped.on_drop();
            async move {
                let _guard = guard;
                load(page).await
            }
        });
        let error = counted.await.unwrap_err();
        assert_eq!((text(&*error.into_panic()), start.elapsed()), ("panics after 100".to_owned(), ms(100)));
        yield_now().await;
        assert_eq!(dropped.get(), 2);
    }

    #[tokio::test]
    async fn of_nothing_there_is_nothing_to_count_and_no_place_is_needed() {
        assert_eq!(word_counts([], load).now_or_never().unwrap().unwrap(), counts([]));
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn ten_thousand_pages_take_as_long_as_one() {
        let start = Instant::now();
        let counted = word_counts((0..10_000).map(|_| ("a b", 100)), load).await.unwrap();
        assert_eq!((counted, start.elapsed()), (counts([("a", 10_000), ("b", 10_000)]), ms(100)));
    }

    /// Cancelled at any point, every load is dropped, and none runs on.
    #[test]
    fn a_drop_of_it_drops_every_load() {
        let swept = cancel_sweep::sweep_with(
            || {
                let dropped = Count::default();
                let drops = dropped.clone();
                let counted = word_counts([("a", 100), ("b", 200)], move |page| {
                    let guard = drops.on_drop();
                    async move {
                        let _guard = guard;
                        load(page).await
                    }
                });
                (dropped, counted)
            },
            |dropped, outcome| {
                let made = match outcome {
                    cancel_sweep::Outcome::Cancelled(at) if at.suspension == 0 => 0,
                    _ => 2,
                };
                assert_eq!((dropped.get(), Handle::current().metrics().num_alive_tasks()), (made, 0));
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod owner {
    use super::*;
    use event_loop::owner::{CallError, Owner};
    use std::cell::Cell;
    use std::thread::ThreadId;

    /// It is not `Send`, and knows the thread that it was made on.
    struct Engine {
        made_on: ThreadId,
        calls: Rc<Cell<u32>>,
        waiting: Notify,
        _guard: OnDrop<Box<dyn FnMut()>>,
    }

    impl Engine {
        fn new(dropped: mpsc::Sender<ThreadId>) -> Self {
            let guard = OnDrop(Box::new(move || {
                let _ignored = dropped.send(thread::current().id());
            }) as Box<dyn FnMut()>);
            Self {
                made_on: thread::current().id(),
                calls: Rc::default(),
                waiting: Notify::new(),
                _guard: guard,
            }
        }

        fn count(&self) -> u32 {
            assert_eq!(thread::current().id(), self.made_on);
            self.calls.set(self.calls.get() + 1);
            self.calls.get()
        }
    }

    fn started() -> (Owner<Engine>, mpsc::Receiver<ThreadId>) {
        let (drops, dropped) = mpsc::channel();
        (Owner::start("engine", || Engine::new(drops)).unwrap(), dropped)
    }

    /// asyncio: what belongs to a loop is used through `run_coroutine_threadsafe`. Here the value never leaves its
    /// thread.
    #[tokio::test]
    async fn the_value_is_made_used_and_dropped_on_a_thread_of_its_own() {
        let (owner, dropped) = started();
        let name = owner.call(async |engine| {
            engine.count();
            (thread::current().name().map(str::to_owned), engine.made_on)
        });
        let (name, made_on) = in_half_a_minute(name).await.unwrap();
        assert_eq!(name.as_deref(), Some("engine"));
        assert_ne!(made_on, thread::current().id());
        in_half_a_minute(owner.close()).await;
        assert_eq!(dropped.try_recv(), Ok(made_on), "the close has waited for it");
    }

    /// The future of a call need not be `Send`: it may keep an `Rc` over an await.
    #[tokio::test]
    async fn a_call_may_keep_what_is_not_send_over_an_await() {
        let (owner, _dropped) = started();
        let call = owner.call(async |engine| {
            let calls = engine.calls.clone();
            yield_now().await;
            calls.set(calls.get() + 40);
            engine.count()
        });
        assert_eq!(in_half_a_minute(call).await, Ok(41));
    }

    /// Two calls that wait for each other: the second begins while the first awaits.
    #[tokio::test]
    async fn calls_run_at_the_same_time_where_they_await() {
        let (owner, _dropped) = started();
        let waits = owner.call(async |engine| {
            engine.waiting.notified().await;
            "was waited for"
        });
        let tells = owner.call(async |engine| engine.waiting.notify_one());
        assert_eq!(
            in_half_a_minute(async { tokio::join!(waits, tells) }).await,
            (Ok("was waited for"), Ok(()))
        );
    }

    #[tokio::test]
    async fn a_call_that_panics_is_an_error_and_the_next_one_works() {
        let (owner, _dropped) = started();
        let panics = owner.call(async |engine: &Engine| -> u32 { panic!("call {}", engine.count()) });
        assert_eq!(in_half_a_minute(panics).await, Err(CallError::Panicked("call 1".to_owned())));
        assert_eq!(in_half_a_minute(owner.call(async |engine| engine.count())).await, Ok(2));
    }

    #[tokio::test]
    async fn when_the_value_cannot_be_made_each_call_finds_the_owner_gone() {
        let owner = Owner::<Engine>::start("engine", || panic!("no licence")).unwrap();
        for _ in 0..2 {
            assert_eq!(
                in_half_a_minute(owner.call(async |engine| engine.count())).await,
                Err(CallError::Gone)
            );
        }
        in_half_a_minute(owner.close()).await;
    }

    /// asyncio: to cancel whoever awaits the wrapped future cancels the coroutine in the other thread.
    #[tokio::test]
    async fn a_call_that_nobody_waits_for_any_more_is_dropped() {
        let (owner, _dropped) = started();
        let (told, tell) = mpsc::channel();
        let (begins, begun) = oneshot::channel();
        let call = owner.call(async move |_| {
            let _guard = OnDrop(move || told.send("dropped").unwrap());
            begins.send(()).unwrap();
            std::future::pending::<()>().await;
        });
        in_half_a_minute(async {
            tokio::select! {
                _ = call => unreachable!(),
                begun = begun => begun.unwrap(),
            }
        })
        .await;
        in_half_a_minute(owner.close()).await;
        assert_eq!(tell.try_recv(), Ok("dropped"), "the close has waited for that, too");
    }

    /// One that has not begun, for the thread was busy, ends before the value does.
    #[test]
    fn the_close_waits_for_calls_that_were_given_up() {
        in_time(|| {
            let (owner, _dropped) = started();
            let (begins, begun) = mpsc::channel();
            let (free, busy) = mpsc::channel();
            let (drops, dropping) = mpsc::channel();
            let (go_on, goes_on) = mpsc::channel();
            let mut blocks = Box::pin(owner.call(async move |_| {
                begins.send(()).unwrap();
                busy.recv().unwrap();
            }));
            assert_eq!(blocks.as_mut().now_or_never(), None);
            begun.recv().unwrap();
            drop(blocks);
            let guard = OnDrop(move || {
                drops.send(()).unwrap();
                goes_on.recv().unwrap();
            });
            let given_up = owner.call(async move |_| drop(guard));
            assert_eq!(given_up.now_or_never(), None);

            let mut close = Box::pin(owner.close());
            assert_eq!(close.as_mut().now_or_never(), None);
            free.send(()).unwrap();
            dropping.recv().unwrap();
            assert_eq!(close.as_mut().now_or_never(), None, "the call is being dropped");
            go_on.send(()).unwrap();
            futures::executor::block_on(close);
        });
    }

    #[tokio::test]
    async fn a_drop_of_the_owner_waits_for_nothing_and_ends_the_thread() {
        let (owner, dropped) = started();
        in_half_a_minute(owner.call(async |engine| engine.count())).await.unwrap();
        drop(owner);
        assert!(dropped.recv().is_ok());
    }

    /// A caller may itself be a task of many threads.
    #[tokio::test]
    async fn a_call_can_run_inside_a_spawned_task() {
        let (owner, _dropped) = started();
        let task = tokio::spawn(async move { owner.call(async |engine| engine.count()).await });
        assert_eq!(in_half_a_minute(task).await.unwrap(), Ok(1));
    }

    /// Cancelled at any point: the call has been carried out, or has been dropped, or has never begun.
    #[test]
    fn a_cancelled_call_is_carried_out_or_dropped() {
        let swept = cancel_sweep::sweep_with(
            || {
                let ((begun, finished, dropped), calls) =
                    (<(Count, Count, Count)>::default(), Count::default());
                let (owner, served) = Owner::here(calls);
                tokio::task::spawn_local(served);
                let (guard, counts) = (dropped.on_drop(), (begun.clone(), finished.clone()));
                let call = async move {
                    // Busy with another call first, so that this one waits for its turn as well.
                    let (first, _) = tokio::join!(
                        biased;
                        owner.call(async move |calls: &Count| {
                            let _guard = guard;
                            counts.0.add();
                            sleep(ms(10)).await;
                            calls.add();
                            counts.1.add();
                        }),
                        owner.call(async |calls: &Count| calls.add()),
                    );
                    owner.close().await;
                    first
                };
                ((begun, finished, dropped), call)
            },
            |(begun, finished, dropped), outcome| {
                assert_eq!(dropped.get(), 1, "what the call owns is dropped, once");
                assert!(finished.get() <= begun.get());
                if let cancel_sweep::Outcome::Finished(result) = outcome {
                    assert_eq!((result, begun.get(), finished.get()), (Ok(()), 1, 1));
                }
            },
        );
        assert!(swept.points >= 2, "{swept:?}");
    }

    /// Tasks of many threads call, panic and give up: no call runs twice, none is lost, and the value is dropped at
    /// home.
    #[test]
    fn from_many_threads_each_call_is_carried_out_once() {
        in_time(|| {
            many_threads().build().unwrap().block_on(async {
                for seed in 0..40 {
                    let mut random = Rng::with_seed(seed);
                    let (owner, dropped) = started();
                    let (owner, mut tasks) = (Arc::new(owner), JoinSet::new());
                    for _ in 0..4 {
                        let (owner, mut random) = (owner.clone(), random.fork());
                        tasks.spawn(async move {
                            let (mut certain, mut perhaps) = (0, 0);
                            for _ in 0..25 {
                                match random.u8(0..32) {
                                    0 => {
                                        let panics = owner.call(async |engine: &Engine| -> () {
                                            panic!("{}", engine.count())
                                        });
                                        assert!(matches!(panics.await, Err(CallError::Panicked(_))));
                                        certain += 1;
                                    }
                                    1..9 => {
                                        let limit = us(random.u64(0..100));
                                        let _given_up =
                                            timeout(limit, owner.call(async |engine| engine.count())).await;
                                        perhaps += 1;
                                    }
                                    _ => {
                                        let yields = async |engine: &Engine| {
                                            yield_now().await;
                                            engine.count()
                                        };
                                        owner.call(yields).await.unwrap();
                                        certain += 1;
                                    }
                                }
                            }
                            (certain, perhaps)
                        });
                    }
                    let (mut certain, mut perhaps) = (0, 0);
                    while let Some(ended) = tasks.join_next().await {
                        let (mine, given_up) = ended.unwrap();
                        (certain, perhaps) = (certain + mine, perhaps + given_up);
                    }
                    let (calls, made_on) =
                        owner.call(async |engine| (engine.calls.get(), engine.made_on)).await.unwrap();
                    assert!((certain..=certain + perhaps).contains(&calls), "seed {seed}");
                    Arc::into_inner(owner).unwrap().close().await;
                    assert_eq!(dropped.try_recv(), Ok(made_on), "seed {seed}");
                }
            });
        });
    }
}

mod slow_polls {
    use super::*;
    use event_loop::slow_polls::report_slow_polls;

    /// Holds up its thread for so long: within one poll, the clock goes on.
    async fn computes(millis: u64) {
        assert_eq!(advance(ms(millis)).now_or_never(), None);
    }

    /// asyncio, in debug mode: "Executing ... took 0.200 seconds".
    #[tokio::test(start_paused = true)]
    async fn each_poll_that_takes_too_long_is_reported_with_its_time() {
        let mut reports = Vec::new();
        let work = async {
            computes(200).await;
            yield_now().await;
            computes(50).await;
            yield_now().await;
            computes(300).await;
            "done"
        };
        assert_eq!(report_slow_polls(ms(100), |took| reports.push(took), work).await, "done");
        assert_eq!(reports, [ms(200), ms(300)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_computed_between_two_awaits_counts_as_one() {
        let mut reports = Vec::new();
        let work = async {
            computes(60).await;
            computes(60).await;
        };
        report_slow_polls(ms(100), |took| reports.push(took), work).await;
        assert_eq!(reports, [ms(120)]);
    }

    #[tokio::test(start_paused = true)]
    async fn to_wait_is_not_to_block() {
        let start = Instant::now();
        report_slow_polls(ms(1), |took| panic!("{took:?}"), sleep(HOUR)).await;
        assert_eq!(start.elapsed(), HOUR);
    }

    /// asyncio: from `slow_callback_duration` on, that one too.
    #[tokio::test(start_paused = true)]
    async fn one_that_takes_as_long_as_the_limit_is_slow() {
        let mut reports = Vec::new();
        let work = async {
            computes(99).await;
            yield_now().await;
            computes(100).await;
        };
        report_slow_polls(ms(100), |took| reports.push(took), work).await;
        assert_eq!(reports, [ms(100)]);
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_limit_of_zero_every_poll_is_reported_and_with_one_without_end_none() {
        for (limit, expected) in [(Duration::ZERO, 3), (Duration::MAX, 0)] {
            let mut polls = 0;
            let work = async {
                yield_now().await;
                yield_now().await;
            };
            report_slow_polls(limit, |_| polls += 1, work).await;
            assert_eq!(polls, expected);
        }
    }

    /// The trap: around a `join!` the branches are one poll. Each one wrapped, it is known which it was.
    #[tokio::test(start_paused = true)]
    async fn but_around_a_join_the_branches_are_one() {
        let both = Log::new();
        report_slow_polls(ms(100), |took| both.add(took), async { tokio::join!(computes(60), computes(60)) })
            .await;
        assert_eq!(both.take(), [ms(120)]);

        let each = Log::new();
        let wrapped = |name: &'static str, millis| {
            let each = &each;
            report_slow_polls(ms(50), move |took| each.add((name, took)), computes(millis))
        };
        tokio::join!(wrapped("quick", 40), wrapped("slow", 60));
        assert_eq!(each.take(), [("slow", ms(60))]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_of_the_work_goes_on_in_the_caller() {
        let task = tokio::spawn(report_slow_polls(ms(100), |_| {}, async { panic!("no index") }));
        assert_eq!(text(&*task.await.unwrap_err().into_panic()), "no index");
    }

    #[test]
    fn a_drop_of_it_drops_the_work() {
        let swept = cancel_sweep::sweep_with(
            || {
                let dropped = Count::default();
                let guard = dropped.on_drop();
                let work = async move {
                    let _guard = guard;
                    sleep(ms(10)).await;
                    yield_now().await;
                };
                (dropped, report_slow_polls(HOUR, |_| {}, work))
            },
            |dropped, _| assert_eq!(dropped.get(), 1),
        );
        assert_eq!(swept.points, 2);
    }
}

mod watchdog {
    use super::*;
    use event_loop::watchdog::{Pulse, watch};

    type Pulses = (Box<dyn FnMut(Pulse) + Send>, mpsc::Receiver<Pulse>);

    fn pulses() -> Pulses {
        let (sender, receiver) = mpsc::channel();
        let report = move |pulse| {
            let _nobody_listens = sender.send(pulse);
        };
        (Box::new(report), receiver)
    }

    fn assert_back(pulse: Pulse, limit: Duration) {
        let Pulse::Back(after) = pulse else { panic!("{pulse:?}") };
        assert!(after >= limit, "{after:?}");
    }

    /// asyncio's debug mode logs a slow callback when it is over. This tells while it lasts, also if it never ends.
    #[test]
    fn a_runtime_that_is_blocked_is_noticed_while_it_is() {
        in_time(|| {
            for mut builder in [paused(), Builder::new_current_thread()] {
                let runtime = builder.build().unwrap();
                let (report, heard) = pulses();
                let _watchdog = watch(runtime.handle(), ms(2), report).unwrap();
                runtime.block_on(async {
                    for _ in 0..2 {
                        // It is blocked until that has been noticed.
                        assert_eq!(heard.recv(), Ok(Pulse::Blocked));
                        while heard.try_recv().map(|pulse| assert_back(pulse, ms(2))).is_err() {
                            yield_now().await;
                        }
                    }
                });
            }
        });
    }

    /// Of many threads, all have to be blocked.
    #[test]
    fn of_many_threads_it_notices_when_all_are_blocked() {
        in_time(|| {
            let runtime = many_threads().build().unwrap();
            let (report, heard) = pulses();
            let _watchdog = watch(runtime.handle(), ms(2), report).unwrap();
            let released = Arc::new(Barrier::new(5));
            for _ in 0..4 {
                let released = released.clone();
                runtime.spawn(async move { released.wait() });
            }
            assert_eq!(heard.recv(), Ok(Pulse::Blocked));
            released.wait();
            assert_back(heard.recv().unwrap(), ms(2));
        });
    }

    /// Its report is dropped with its thread.
    #[test]
    fn the_end_of_the_runtime_ends_it() {
        in_time(|| {
            for mut builder in [paused(), many_threads()] {
                let runtime = builder.build().unwrap();
                let (report, heard) = pulses();
                let _watchdog = watch(runtime.handle(), ms(1), report).unwrap();
                runtime.block_on(yield_now());
                drop(runtime);
                while heard.recv().is_ok() {}
            }
        });
    }

    #[test]
    fn a_drop_of_it_ends_it_while_the_runtime_runs() {
        in_time(|| {
            let runtime = many_threads().build().unwrap();
            let (report, heard) = pulses();
            drop(watch(runtime.handle(), ms(1), report).unwrap());
            while heard.recv().is_ok() {}
            drop(runtime);
        });
    }

    /// Also while the runtime is blocked, and for ever.
    #[test]
    fn a_drop_of_it_ends_it_while_the_runtime_is_blocked() {
        in_time(|| {
            let runtime = paused().build().unwrap();
            let (report, heard) = pulses();
            let watchdog = watch(runtime.handle(), ms(1), report).unwrap();
            assert_eq!(heard.recv(), Ok(Pulse::Blocked), "nobody runs it");
            drop(watchdog);
            assert!(heard.recv().is_err());
            runtime.block_on(yield_now());
        });
    }

    #[test]
    fn a_limit_of_zero_or_without_end_is_no_trouble() {
        in_time(|| {
            let runtime = paused().build().unwrap();
            let (report, heard) = pulses();
            let eager = watch(runtime.handle(), Duration::ZERO, report).unwrap();
            assert_eq!(heard.recv(), Ok(Pulse::Blocked), "nobody runs it");
            drop(eager);
            assert!(heard.recv().is_err());
            let (report, heard) = pulses();
            let patient = watch(runtime.handle(), Duration::MAX, report).unwrap();
            runtime.block_on(yield_now());
            drop((patient, runtime));
            assert!(heard.recv().is_err());
        });
    }

    /// A limit that is never reached.
    #[test]
    fn what_is_not_blocked_is_not_reported() {
        in_time(|| {
            for mut builder in [paused(), many_threads()] {
                let runtime = builder.build().unwrap();
                let (report, heard) = pulses();
                let watchdog = watch(runtime.handle(), HOUR, report).unwrap();
                runtime.block_on(yield_now());
                drop(watchdog);
                drop(runtime);
                assert!(heard.recv().is_err(), "its thread has ended, and has said nothing");
            }
        });
    }
}

/// Real processes that get real signals.
#[cfg(unix)]
mod processes {
    use super::*;
    use rustix::process::{Pid, Signal, kill_process, test_kill_process};
    use std::process::{ExitStatus, Stdio};
    use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
    use tokio::process::{Child, ChildStdin, Command};

    /// A process whose lines tell where it is. It is killed when the lesson fails.
    pub(crate) struct Process {
        child: Child,
        stdin: Option<ChildStdin>,
        lines: Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
        pid: Pid,
    }

    impl Process {
        /// Starts a program that tells on stdout.
        pub(crate) fn start(mut command: Command) -> Self {
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let stdout = child.stdout.take().unwrap();
            Self::told_by(child, Box::new(stdout))
        }

        fn told_by(mut child: Child, output: Box<dyn AsyncRead + Send + Unpin>) -> Self {
            let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
            Self { stdin: child.stdin.take(), child, lines: BufReader::new(output).lines(), pid }
        }

        pub(crate) fn signal(&self, signal: Signal) {
            kill_process(self.pid, signal).unwrap();
        }

        /// Waits for a line that ends like this, and gives back the lines up to it.
        pub(crate) async fn until(&mut self, wanted: &str) -> Vec<String> {
            let mut seen = Vec::new();
            loop {
                let line = in_half_a_minute(self.lines.next_line()).await.unwrap();
                let line = line.unwrap_or_else(|| panic!("it ended without {wanted:?}: {seen:?}"));
                let is_wanted = line.ends_with(wanted);
                seen.push(line);
                if is_wanted {
                    return seen;
                }
            }
        }

        /// Lets it go on from where it reads a line.
        pub(crate) async fn go_on(&mut self) {
            self.stdin.as_mut().unwrap().write_all(b"go on\n").await.unwrap();
        }

        /// Sends the signal until it ends.
        pub(crate) async fn signal_until_it_ends(&mut self, signal: Signal) {
            in_half_a_minute(async {
                while timeout(ms(20), self.child.wait()).await.is_err() {
                    self.signal(signal);
                }
            })
            .await;
        }

        /// Waits until it has ended, and gives back how, with the lines that were left. Nothing of it remains.
        pub(crate) async fn end(mut self) -> (ExitStatus, Vec<String>) {
            let mut rest = Vec::new();
            while let Some(line) = in_half_a_minute(self.lines.next_line()).await.unwrap() {
                rest.push(line);
            }
            let status = in_half_a_minute(self.child.wait()).await.unwrap();
            assert!(test_kill_process(self.pid).is_err(), "there is no such process any more");
            (status, rest)
        }

        /// What it has said on stderr, where that is not where it tells.
        pub(crate) async fn errors(mut self) -> (ExitStatus, String) {
            use tokio::io::AsyncReadExt;
            let mut errors = String::new();
            let mut stderr = self.child.stderr.take().unwrap();
            in_half_a_minute(stderr.read_to_string(&mut errors)).await.unwrap();
            (self.end().await.0, errors)
        }
    }

    /// Runs `lesson` with a process of its own, in which this very lesson is run once more, and calls `child`. What
    /// that says is read by the lesson; it exits with the code that it returns.
    pub(crate) fn with_a_process<F: Future<Output = ()>>(
        name: &str,
        child: impl FnOnce() -> u8,
        lesson: impl FnOnce(Process) -> F,
    ) {
        const CHILD: &str = "EVENT_LOOP_LESSON";
        if std::env::var_os(CHILD).is_some() {
            std::process::exit(child().into());
        }
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([name, "--exact", "--nocapture"]).env(CHILD, "1");
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            // On stdout the test runner has its own say.
            let stderr = child.stderr.take().unwrap();
            lesson(Process::told_by(child, Box::new(stderr))).await;
        });
    }

    /// What the child tells.
    pub(crate) fn say(line: &str) {
        eprintln!("{line}");
    }

    /// Blocks the child until the lesson lets it go on.
    pub(crate) fn wait_for_the_lesson() {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        assert_eq!(line, "go on\n");
    }
}

#[cfg(unix)]
mod signals {
    use super::processes::{say, wait_for_the_lesson, with_a_process};
    use super::*;
    use event_loop::signals::{Signal, exit_at_the_second, on_signal, signals};
    use rustix::process::{Signal as Kind, getpid, kill_process};
    use std::os::unix::process::ExitStatusExt;
    use tokio::signal::unix::SignalKind;

    fn runtime() -> tokio::runtime::Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    /// asyncio: Ctrl-C raises `KeyboardInterrupt`, and clean-ups run; SIGTERM ends the process. Here both do. (SIGTERM
    /// is sent, for a shell that runs the lessons in the background has them ignore SIGINT.)
    #[test]
    fn without_a_listener_a_signal_ends_the_process_and_no_destructor_runs() {
        with_a_process(
            "signals::without_a_listener_a_signal_ends_the_process_and_no_destructor_runs",
            || {
                let _guard = OnDrop(|| say("dropped"));
                say("ready");
                runtime().block_on(std::future::pending())
            },
            async |mut process| {
                process.until("ready").await;
                process.signal(Kind::TERM);
                let (status, rest) = process.end().await;
                assert_eq!((status.signal(), rest), (Some(15), vec![]));
            },
        );
    }

    /// asyncio: `add_signal_handler(SIGTERM, ...)`, and Ctrl-C by itself.
    #[test]
    fn a_stream_of_signals_lets_main_end_by_itself() {
        with_a_process(
            "signals::a_stream_of_signals_lets_main_end_by_itself",
            || {
                let _guard = OnDrop(|| say("dropped"));
                runtime().block_on(async {
                    let mut signals = signals().unwrap();
                    say("ready");
                    let first = signals.next().await.unwrap();
                    say(&first.to_string());
                    let second = signals.next().await.unwrap();
                    say(&second.to_string());
                    second.exit_code()
                })
            },
            async |mut process| {
                process.until("ready").await;
                process.signal(Kind::INT);
                process.until("SIGINT").await;
                process.signal(Kind::TERM);
                let (status, rest) = process.end().await;
                assert_eq!(
                    (status.code(), rest),
                    (Some(143), vec!["SIGTERM".to_owned(), "dropped".to_owned()])
                );
            },
        );
    }

    /// 128 and the number of the signal.
    #[test]
    fn each_has_the_exit_code_that_a_shell_reports() {
        for (signal, kind, name) in
            [(Signal::Interrupt, Kind::INT, "SIGINT"), (Signal::Terminate, Kind::TERM, "SIGTERM")]
        {
            assert_eq!(
                (signal.to_string().as_str(), i32::from(signal.exit_code())),
                (name, 128 + kind.as_raw())
            );
        }
        let ends_itself = "sh -c 'kill -TERM $$'; exit $?";
        let shell = std::process::Command::new("sh").args(["-c", ends_itself]).output().unwrap();
        assert_eq!(shell.status.code(), Some(Signal::Terminate.exit_code().into()));
    }

    /// asyncio: `remove_signal_handler` puts the default back. Tokio never does.
    #[test]
    fn but_when_the_listener_is_gone_ctrl_c_does_nothing() {
        with_a_process(
            "signals::but_when_the_listener_is_gone_ctrl_c_does_nothing",
            || {
                let runtime = runtime();
                runtime.block_on(async { drop(signals().unwrap()) });
                drop(runtime);
                say("ready");
                wait_for_the_lesson();
                say("still there");
                7
            },
            async |mut process| {
                process.until("ready").await;
                process.signal(Kind::INT);
                process.signal(Kind::TERM);
                process.go_on().await;
                let (status, rest) = process.end().await;
                assert_eq!((status.code(), rest), (Some(7), vec!["still there".to_owned()]));
            },
        );
    }

    /// asyncio: the second Ctrl-C gets through to a loop that is busy, as an exception. Here a runtime that is blocked
    /// sees none.
    #[test]
    fn but_a_runtime_that_is_blocked_sees_no_signal() {
        with_a_process(
            "signals::but_a_runtime_that_is_blocked_sees_no_signal",
            || {
                runtime().block_on(async {
                    let mut signals = signals().unwrap();
                    tokio::spawn(async move {
                        let signal = signals.next().await.unwrap();
                        say(&signal.to_string());
                        std::process::exit(signal.exit_code().into());
                    });
                    yield_now().await;
                    say("ready");
                    wait_for_the_lesson();
                    say("blocked until now");
                    std::future::pending().await
                })
            },
            async |mut process| {
                process.until("ready").await;
                process.signal(Kind::INT);
                process.go_on().await;
                let (status, rest) = process.end().await;
                assert_eq!(
                    (status.code(), rest),
                    (Some(130), vec!["blocked until now".to_owned(), "SIGINT".to_owned()])
                );
            },
        );
    }

    /// A thread of its own sees them all the same.
    #[test]
    fn the_second_signal_ends_a_process_whose_runtime_is_blocked() {
        with_a_process(
            "signals::the_second_signal_ends_a_process_whose_runtime_is_blocked",
            || {
                let _guard = OnDrop(|| say("dropped"));
                runtime().block_on(async {
                    exit_at_the_second(Duration::ZERO).unwrap();
                    say("ready");
                    loop {
                        thread::park();
                    }
                })
            },
            async |mut process| {
                process.until("ready").await;
                process.signal(Kind::INT);
                // Two that come too close are one, and it tells nobody when it has seen the first.
                process.signal_until_it_ends(Kind::INT).await;
                let (status, rest) = process.end().await;
                assert_eq!((status.code(), rest), (Some(130), vec![]));
            },
        );
    }

    /// And no third one is needed. What one listener has seen has reached the other too, so the next one is its second.
    #[test]
    fn two_signals_are_enough() {
        with_a_process(
            "signals::two_signals_are_enough",
            || {
                runtime().block_on(async {
                    exit_at_the_second(Duration::ZERO).unwrap();
                    let mut signals = signals().unwrap();
                    say("ready");
                    signals.next().await.unwrap();
                    say("first");
                    std::future::pending().await
                })
            },
            async |mut process| {
                process.until("ready").await;
                process.signal(Kind::INT);
                process.until("first").await;
                process.signal(Kind::TERM);
                assert_eq!(process.end().await.0.code(), Some(143));
            },
        );
    }

    #[test]
    fn a_process_that_ends_by_itself_within_the_grace_is_left_alone() {
        with_a_process(
            "signals::a_process_that_ends_by_itself_within_the_grace_is_left_alone",
            || {
                let _guard = OnDrop(|| say("dropped"));
                runtime().block_on(async {
                    exit_at_the_second(HOUR).unwrap();
                    let mut signals = signals().unwrap();
                    say("ready");
                    for number in ["first", "second"] {
                        signals.next().await.unwrap();
                        say(number);
                    }
                });
                7
            },
            async |mut process| {
                process.until("ready").await;
                process.signal(Kind::INT);
                process.until("first").await;
                process.signal(Kind::INT);
                let (status, rest) = process.end().await;
                assert_eq!((status.code(), rest), (Some(7), vec!["second".to_owned(), "dropped".to_owned()]));
            },
        );
    }

    /// asyncio: three signals make three calls of the handler. Tokio: those that come before a listener is polled are
    /// one.
    #[test]
    fn but_signals_that_come_before_the_listener_is_polled_count_as_one() {
        with_a_process(
            "signals::but_signals_that_come_before_the_listener_is_polled_count_as_one",
            || {
                let (listens, sees) = (runtime(), runtime());
                let _inside = listens.enter();
                let mut slow = std::pin::pin!(signals().unwrap());
                sees.block_on(async {
                    let mut quick = signals().unwrap();
                    say("ready");
                    for number in ["one", "two", "three"] {
                        quick.next().await.unwrap();
                        say(number);
                    }
                });
                listens.block_on(async {
                    assert_eq!(slow.next().await, Some(Signal::Interrupt));
                    assert_eq!(slow.next().now_or_never(), None);
                });
                7
            },
            async |mut process| {
                process.until("ready").await;
                for number in ["one", "two", "three"] {
                    process.signal(Kind::INT);
                    process.until(number).await;
                }
                assert_eq!(process.end().await.0.code(), Some(7));
            },
        );
    }

    /// The trap of a loop around `ctrl_c()`: each call listens anew, and what comes between two of them is lost.
    #[test]
    fn but_a_signal_between_two_calls_of_ctrl_c_is_lost() {
        with_a_process(
            "signals::but_a_signal_between_two_calls_of_ctrl_c_is_lost",
            || {
                runtime().block_on(async {
                    let mut stream = signals().unwrap();
                    let first = tokio::spawn(tokio::signal::ctrl_c());
                    yield_now().await;
                    say("ready");
                    first.await.unwrap().unwrap();
                    stream.next().await.unwrap();
                    say("one");
                    stream.next().await.unwrap();
                    assert!(tokio::signal::ctrl_c().now_or_never().is_none());
                });
                7
            },
            async |mut process| {
                process.until("ready").await;
                process.signal(Kind::INT);
                process.until("one").await;
                process.signal(Kind::INT);
                assert_eq!(process.end().await.0.code(), Some(7));
            },
        );
    }

    /// Sends a signal to this process. Each lesson has one of its own, for all lessons hear them.
    fn raise(kind: Kind) {
        kill_process(getpid(), kind).unwrap();
    }

    /// What counts its calls and tells of each.
    fn counts() -> (impl FnMut() + Send + use<>, Count, Arc<Notify>) {
        let (count, called) = (Count::default(), Arc::new(Notify::new()));
        let (counts, calls) = (count.clone(), called.clone());
        let callback = move || {
            counts.add();
            calls.notify_one();
        };
        (callback, count, called)
    }

    /// asyncio: `add_signal_handler(SIGUSR1, callback)`.
    #[tokio::test]
    async fn a_callback_is_called_for_each_signal() {
        let (callback, count, called) = counts();
        let _handler = on_signal(SignalKind::user_defined1(), callback).unwrap();
        for expected in 1..=3 {
            raise(Kind::USR1);
            in_half_a_minute(called.notified()).await;
            assert_eq!(count.get(), expected);
        }
    }

    /// asyncio: there is one handler for a signal, and a second one takes its place. Tokio: every listener hears it.
    #[tokio::test]
    async fn every_listener_hears_it_and_a_dropped_one_no_more() {
        let ((first, firsts, first_called), (second, _, second_called)) = (counts(), counts());
        let first = on_signal(SignalKind::user_defined2(), first).unwrap();
        let _second = on_signal(SignalKind::user_defined2(), second).unwrap();
        raise(Kind::USR2);
        in_half_a_minute(async { tokio::join!(first_called.notified(), second_called.notified()) }).await;
        drop(first);
        raise(Kind::USR2);
        in_half_a_minute(second_called.notified()).await;
        yield_now().await;
        assert_eq!(firsts.get(), 1);
    }

    /// asyncio: an exception in a handler goes to the loop's exception handler; the next signal calls it again.
    #[tokio::test]
    async fn a_callback_that_panics_is_called_again() {
        let (mut callback, count, called) = counts();
        let panics = move || {
            callback();
            panic!("in the handler")
        };
        let _handler = on_signal(SignalKind::window_change(), panics).unwrap();
        for expected in 1..=2 {
            raise(Kind::WINCH);
            in_half_a_minute(called.notified()).await;
            assert_eq!(count.get(), expected);
        }
    }

    /// asyncio: `RuntimeError` for a signal that cannot be caught, `ValueError` for one that there is not.
    #[tokio::test]
    async fn what_cannot_be_caught_is_an_error() {
        for number in [9, 4_242, -1] {
            assert!(on_signal(SignalKind::from_raw(number), || {}).is_err(), "{number}");
        }
    }

    /// asyncio: `add_signal_handler` in another thread raises `RuntimeError`. Tokio needs a runtime, and no special
    /// thread.
    #[test]
    #[should_panic(expected = "there is no reactor running")]
    fn outside_of_a_runtime_it_panics() {
        let _panics = signals();
    }
}

/// The recipe's own program.
#[cfg(unix)]
mod binary {
    use super::processes::Process;
    use rustix::process::Signal;
    use tokio::process::Command;

    fn event_loop(arguments: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_event_loop"));
        command.args(arguments).arg("--no-timeline").env("RUST_BACKTRACE", "0");
        Process::start(command)
    }

    /// Lines without their times.
    fn said(lines: &[String]) -> Vec<&str> {
        lines.iter().map(|line| line.split_once("s  ").map_or(line.as_str(), |(_, said)| said)).collect()
    }

    #[tokio::test]
    async fn ctrl_c_ends_the_demo() {
        let mut process = event_loop(&[]);
        process.until("soon").await;
        process.signal(Signal::INT);
        let (status, rest) = process.end().await;
        assert_eq!(status.code(), Some(130));
        assert!(!rest.iter().any(|line| line.contains("a service")), "{rest:?}");
    }

    /// SIGINT and SIGTERM: no new jobs, each that is in flight cleans up, and the exit code tells which it was.
    #[tokio::test]
    async fn a_signal_ends_the_service_in_order() {
        for (signal, name, code) in [(Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143)] {
            let mut process = event_loop(&["--serve", "--grace", "0.11"]);
            process.until("job-1 begins").await;
            process.signal(signal);
            let (status, rest) = process.end().await;
            assert_eq!(status.code(), Some(code));
            // The second may have begun meanwhile.
            let said = said(&rest);
            let said: Vec<_> = said.into_iter().filter(|line| !line.starts_with("job-2")).collect();
            let stop = format!("{name}: no new jobs; 110ms to finish, then 110ms to clean up");
            assert_eq!(said[..3], [&stop, "job-1 has cleaned up", "job-1 was cancelled"]);
            assert!(said[3].starts_with("0 finished, "), "{said:?}");
            assert_eq!(said.len(), 4, "none is left: {said:?}");
        }
    }

    /// asyncio: where the shell has Ctrl-C ignored, as for `program &` in a script, it stays ignored. A listener of
    /// Tokio's hears it all the same.
    #[tokio::test]
    async fn it_hears_a_signal_that_it_was_started_to_ignore() {
        let mut command = Command::new("sh");
        let ignores = "trap '' INT; exec \"$0\" --serve --grace 0 --no-timeline";
        command.args(["-c", ignores, env!("CARGO_BIN_EXE_event_loop")]);
        let mut process = Process::start(command);
        process.until("job-1 begins").await;
        process.signal(Signal::INT);
        assert_eq!(process.end().await.0.code(), Some(130));
    }

    #[tokio::test]
    async fn a_job_that_finishes_in_time_is_waited_for_and_no_longer() {
        let mut process = event_loop(&["--serve", "--grace", "60", "--jobs", "quick"]);
        process.until("job-1 begins").await;
        process.signal(Signal::TERM);
        let (status, rest) = process.end().await;
        assert_eq!(status.code(), Some(143));
        let said = said(&rest);
        assert!(said[1].ends_with(" has finished"), "{said:?}");
        assert!(said[said.len() - 1].ends_with(" finished, 0 cancelled"), "{said:?}");
    }

    #[tokio::test]
    async fn what_does_not_listen_is_named() {
        let mut process = event_loop(&["--serve", "--grace", "0.01", "--jobs", "stubborn"]);
        process.until("job-1 begins").await;
        process.signal(Signal::INT);
        let (status, rest) = process.end().await;
        assert_eq!(status.code(), Some(130));
        let said = said(&rest);
        assert!(said[said.len() - 1].starts_with("left: job-1"), "{said:?}");
    }

    /// The grace is two minutes, and nobody waits for it.
    #[tokio::test]
    async fn a_second_signal_ends_the_service_at_once() {
        let mut process = event_loop(&["--serve", "--grace", "60", "--jobs", "stubborn"]);
        process.until("job-1 begins").await;
        process.signal(Signal::INT);
        process.until("to clean up").await;
        process.signal(Signal::TERM);
        let (status, rest) = process.end().await;
        assert_eq!(status.code(), Some(143));
        let said = said(&rest);
        assert_eq!(said[..2], ["SIGTERM: at once", "0 finished, 0 cancelled"]);
        assert!(said[2].starts_with("left: job-1"), "{said:?}");
    }

    /// Its only thread is blocked, so it does not see the first. The second ends it.
    #[tokio::test]
    async fn a_service_that_is_blocked_ends_at_the_second_signal() {
        let mut process = event_loop(&["--serve", "--jobs", "blocking"]);
        process.until("job-1 begins").await;
        process.signal(Signal::INT);
        process.signal_until_it_ends(Signal::INT).await;
        let (status, rest) = process.end().await;
        assert_eq!((status.code(), rest), (Some(130), vec![]));
    }

    #[tokio::test]
    async fn wrong_flags_are_one_line_and_exit_code_2() {
        for (arguments, reason) in [
            (&["--serve", "--jobs", "lazy"][..], "invalid value 'lazy' for '--jobs <KIND>'"),
            (&["--jobs", "quick"], "the following required arguments were not provided: --serve"),
            (&["--serve", "--grace", "soon"], "it is not a number of seconds"),
            (&["--serve", "--grace=-1"], "invalid value '-1' for '--grace <SECONDS>'"),
            (&["--grace", "1"], "the following required arguments were not provided: --serve"),
            (&["--no-such-flag"], "unexpected argument '--no-such-flag' found"),
        ] {
            let (status, errors) = event_loop(arguments).errors().await;
            assert_eq!((status.code(), errors.lines().count()), (Some(2), 1), "{errors}");
            assert!(errors.replace("; ", " ").contains(reason), "{errors}");
        }
    }
}

mod demo {
    use event_loop::demo;
    use expect_test::expect_file;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/event_loop/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/event_loop/timeline.svg"].assert_eq(&rehearsal.timeline.svg("event_loop"));
    }
}
