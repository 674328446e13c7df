//! Lessons of `recipes/create_task`: what asyncio's `create_task` and its `Task` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::pending;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Takes `millis`; ends as the name says.
async fn load((name, millis): (&'static str, u64)) -> Result<&'static str, String> {
    sleep(ms(millis)).await;
    match name {
        "panics" => panic!("{name} after {millis}"),
        "bad" => Err(format!("{name} after {millis}")),
        _ => Ok(name),
    }
}

/// What happened, in its order, told from many places.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn add(&self, entry: &'static str) {
        self.0.lock().unwrap().push(entry);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Adds the entry when the returned value is dropped.
    fn on_drop(&self, entry: &'static str) -> impl Drop + Send + use<> {
        struct OnDrop(Log, &'static str);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.add(self.1);
            }
        }
        OnDrop(self.clone(), entry)
    }
}

/// A lesson that would wait for ever fails instead.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(ms(60_000), work).await.expect("it ends")
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

mod spawn {
    use super::*;
    use cancel_sweep::At;
    use cancel_sweep::Outcome::{Cancelled, Finished};
    use create_task::spawn::{Failure, alongside, collect};
    use tokio::runtime::Builder;

    /// asyncio: awaiting the task gives its result. Tokio: so does awaiting the handle, in a `Result` of its own.
    #[tokio::test(start_paused = true)]
    async fn awaiting_a_task_gives_its_result() {
        let start = Instant::now();
        let task = tokio::spawn(load(("a", 100)));
        assert_eq!(task.await.unwrap(), Ok("a"));
        assert_eq!(start.elapsed(), ms(100));
    }

    /// asyncio: a task has not started before its creator yields. Tokio: the same on one thread.
    #[tokio::test]
    async fn a_task_has_not_started_when_spawn_returns() {
        let log = Log::default();
        let task = tokio::spawn({
            let log = log.clone();
            async move { log.add("started") }
        });
        assert!(log.take().is_empty());
        task.await.unwrap();
        assert_eq!(log.take(), ["started"]);
    }

    /// The hazard: on a multi-thread runtime the task starts on another thread while its creator goes on. Here the
    /// creator does not yield until it has heard from the task.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn but_on_many_threads_it_starts_while_its_creator_goes_on() {
        let (started, hear) = std::sync::mpsc::channel();
        let task = tokio::spawn(async move { started.send("started").unwrap() });
        assert_eq!(hear.recv(), Ok("started"));
        task.await.unwrap();
    }

    /// asyncio: tasks start in the order in which they were created. Tokio: the same on one thread.
    #[tokio::test]
    async fn tasks_start_in_the_order_in_which_they_were_spawned() {
        assert_eq!(order_of_starts().await, ["1", "2", "3", "4"]);
    }

    /// The hazard: a worker of the multi-thread runtime takes the task spawned last first, for its data is still in
    /// the cache. With one worker nobody else can take one before.
    #[test]
    fn but_a_worker_of_many_starts_the_last_one_first() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let order = runtime.block_on(async { tokio::spawn(order_of_starts()).await.unwrap() });
        assert_eq!(order, ["4", "1", "2", "3"]);
    }

    async fn order_of_starts() -> Vec<&'static str> {
        let log = Log::default();
        let tasks = ["1", "2", "3", "4"].map(|name| {
            let log = log.clone();
            tokio::spawn(async move { log.add(name) })
        });
        for task in tasks {
            task.await.unwrap();
        }
        log.take()
    }

    /// asyncio and Tokio: a task runs whether or not anybody awaits it; a coroutine or future does not.
    #[tokio::test(start_paused = true)]
    async fn a_task_makes_progress_while_its_creator_does_something_else() {
        let start = Instant::now();
        let (result, meanwhile) = alongside(load(("a", 300)), sleep(ms(200)).map(|()| "done")).await;
        assert_eq!((result, meanwhile, start.elapsed()), (Ok("a"), "done", ms(300)));

        let start = Instant::now();
        let not_spawned = load(("a", 300));
        sleep(ms(200)).await;
        assert_eq!(not_spawned.await, Ok("a"));
        assert_eq!(start.elapsed(), ms(500), "one after the other");
    }

    /// asyncio: an exception, a bug and a cancellation are exceptions of different classes. Tokio: an `Err` inside,
    /// or a `JoinError` that is a panic or an abort.
    #[tokio::test(start_paused = true)]
    async fn an_error_a_panic_and_an_abort_are_told_apart() {
        let error = |text: &str| Failure::Error(text.to_owned());
        assert_eq!(collect(tokio::spawn(load(("bad", 100)))).await, Err(error("bad after 100")));

        let panicked = |text: &str| Failure::Panicked(text.to_owned());
        assert_eq!(collect(tokio::spawn(load(("panics", 100)))).await, Err(panicked("panics after 100")));
        let panics = tokio::spawn(async { if true { panic!("plain") } else { load(("a", 0)).await } });
        assert_eq!(collect(panics).await, Err(panicked("plain")));
        let panics =
            tokio::spawn(async { if true { std::panic::panic_any(7) } else { load(("a", 0)).await } });
        assert_eq!(collect(panics).await, Err(panicked("a value that is not text")));

        let aborted = tokio::spawn(load(("a", 100)));
        aborted.abort();
        assert_eq!(collect(aborted).await, Err(Failure::Cancelled));
    }

    /// asyncio: a `CancelledError` of the awaited task goes up through whoever awaits it. Tokio: it is a value, and
    /// `unwrap` makes a panic of it.
    #[tokio::test(start_paused = true)]
    async fn awaiting_an_aborted_task_does_not_cancel_the_one_who_awaits() {
        let inner = tokio::spawn(pending::<Result<(), String>>());
        let abort = inner.abort_handle();
        let outer = tokio::spawn(async { collect(inner).await });
        let unwraps = tokio::spawn(pending::<()>());
        unwraps.abort();
        let unwraps = tokio::spawn(async { unwraps.await.unwrap() });
        sleep(ms(100)).await;
        abort.abort();
        assert_eq!(outer.await.unwrap(), Err(Failure::Cancelled));
        assert!(unwraps.await.unwrap_err().is_panic());
    }

    /// asyncio: `cancel()` is a request, and `done()` is still false after it. Tokio: the same; but `abort()` does
    /// not tell whether there was anything to abort.
    #[tokio::test]
    async fn an_abort_is_a_request_and_the_task_is_not_finished_yet() {
        let task = tokio::spawn(pending::<()>());
        yield_now().await;
        task.abort();
        assert!(!task.is_finished());
        yield_now().await;
        assert!(task.is_finished());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    /// asyncio: `cancel()` of a task that is done returns `False` and changes nothing. Tokio: changes nothing too.
    #[tokio::test(start_paused = true)]
    async fn an_abort_of_a_finished_task_changes_nothing() {
        let task = tokio::spawn(load(("a", 100)));
        sleep(ms(200)).await;
        task.abort();
        assert_eq!(collect(task).await, Ok("a"));
    }

    /// asyncio and Tokio: the body of a task that is cancelled before it started never runs.
    #[tokio::test]
    async fn a_task_aborted_before_it_starts_never_runs() {
        let log = Log::default();
        let task = tokio::spawn({
            let log = log.clone();
            let guard = log.on_drop("dropped");
            async move {
                let _guard = guard;
                log.add("started");
            }
        });
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["dropped"], "what it was given is cleaned up all the same");
    }

    /// asyncio: `cancel()` takes effect at an await. Tokio: so does `abort()`: work between two awaits is not
    /// interrupted, and a task that comes to its end before another await has a value.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn an_abort_does_not_interrupt_work_that_does_not_await() {
        let (entered, has_entered) = std::sync::mpsc::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel();
        let task = tokio::spawn(async move {
            entered.send(()).unwrap();
            may_go_on.recv().unwrap()
        });
        has_entered.recv().unwrap();
        task.abort();
        go_on.send("value").unwrap();
        assert_eq!(task.await.unwrap(), "value");
    }

    /// asyncio: an exception that nobody retrieves is at least logged when the task is collected. Tokio: an `Err`
    /// in a handle that was dropped is gone without a trace; the panic hook prints a panic.
    #[tokio::test(start_paused = true)]
    async fn an_error_that_nobody_collects_is_lost() {
        let log = Log::default();
        tokio::spawn({
            let log = log.clone();
            async move { load(("bad", 100)).await.inspect_err(|_| log.add("only the task itself knows")) }
        });
        sleep(ms(200)).await;
        assert_eq!((log.take(), alive_tasks()), (vec!["only the task itself knows"], 0));
    }

    /// asyncio: cancelling a task that awaits another cancels the other. Tokio: a bare handle lets it run on.
    #[tokio::test(start_paused = true)]
    async fn an_awaited_task_runs_on_when_the_one_who_awaits_is_aborted() {
        let outer = tokio::spawn(async { tokio::spawn(load(("a", 300))).await });
        sleep(ms(100)).await;
        outer.abort();
        assert!(outer.await.unwrap_err().is_cancelled());
        assert_eq!(alive_tasks(), 1);

        let outer = tokio::spawn(alongside(load(("a", 300)), async {}));
        sleep(ms(250)).await;
        assert_eq!(alive_tasks(), 2, "the first has ended by now; these are outer and inner");
        outer.abort();
        assert!(outer.await.unwrap_err().is_cancelled());
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    /// Dropped while it works meanwhile or while it collects: the task ends with it, wherever it stands.
    #[test]
    fn a_cancelled_caller_takes_its_task_along() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let work = {
                    let log = log.clone();
                    async move {
                        let _guard = log.on_drop("dropped");
                        log.add("started");
                        sleep(ms(300)).await;
                        log.add("finished");
                        Ok::<_, String>(())
                    }
                };
                (log, alongside(work, sleep(ms(100))))
            },
            |log, outcome| {
                let expected: &[_] = match outcome {
                    Cancelled(At { suspension: 0, .. } | At { suspension: 1, woken: false }) => &[],
                    Cancelled(At { suspension: 1, .. } | At { suspension: 2, woken: false }) => {
                        &["started", "dropped"]
                    }
                    // Done just before its caller was dropped.
                    Cancelled(_) | Finished(_) => &["started", "finished", "dropped"],
                };
                assert_eq!(log.take(), expected);
            },
        );
        assert_eq!(swept.points, 2);
    }

    /// A result that `collect` did not get to take is still in the handle.
    #[test]
    fn a_cancelled_collect_loses_no_result() {
        cancel_sweep::sweep_with(
            || {
                let handle = Arc::new(tokio::sync::Mutex::new(tokio::spawn(load(("a", 100)))));
                (handle.clone(), async move { collect(&mut *handle.lock().await).await })
            },
            |handle, outcome| {
                if let Cancelled(_) = outcome {
                    let mut handle = handle.try_lock().unwrap();
                    assert_eq!(collect(&mut *handle).now_or_never(), Some(Ok("a")));
                }
            },
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_thousand_tasks_sleep_as_long_as_one() {
        let start = Instant::now();
        let tasks: Vec<_> =
            (0..100_000_usize).map(|n| tokio::spawn(sleep(ms(100)).map(move |()| n))).collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
        }
        assert_eq!(start.elapsed(), ms(100));
    }
}

mod named {
    use super::*;
    use create_task::named::{Names, State};
    use tokio_util::task::JoinMap;

    fn running(names: &Names) -> Vec<String> {
        names.running().iter().map(ToString::to_string).collect()
    }

    /// asyncio: `task.get_name()` gives the name, done or not. Tokio: names need an unstable build; here they do not.
    #[tokio::test(start_paused = true)]
    async fn a_task_tells_its_name_before_and_after_its_end() {
        let mut task = Names::default().spawn("loader", load(("a", 100)));
        assert_eq!(&*task.name(), "loader");
        task.result().await.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(&*task.name(), "loader");
    }

    /// asyncio: `done()`, `cancelled()` and `exception()` tell a task's state without awaiting it.
    #[tokio::test(start_paused = true)]
    async fn the_state_tells_how_a_task_is_doing_and_how_it_ended() {
        let names = Names::default();
        let mut tasks = ["good", "bad", "panics", "aborted"].map(|name| names.spawn(name, load((name, 100))));
        assert_eq!(tasks.each_mut().map(|task| task.state()), [State::Running; 4]);
        sleep(ms(50)).await;
        tasks[3].abort();
        assert_eq!(tasks[3].state(), State::Running, "an abort is a request");
        sleep(ms(100)).await;
        let expected = [State::Finished, State::Finished, State::Panicked, State::Cancelled];
        assert_eq!(tasks.each_mut().map(|task| task.state()), expected);
    }

    /// A caller that has used up its turn is told that it must yield, not that the task still runs.
    #[tokio::test]
    async fn the_state_is_true_for_a_caller_that_has_used_up_its_turn() {
        let mut task = Names::default().spawn("quick", async {});
        yield_now().await;
        while tokio::task::coop::consume_budget().now_or_never().is_some() {}
        assert_eq!(task.state(), State::Finished);
    }

    /// asyncio: `task.result()` can be asked for again and again. Tokio: a handle is good for one await, and panics
    /// at the second.
    #[tokio::test(start_paused = true)]
    async fn the_result_can_be_asked_for_again_and_that_of_a_bare_handle_cannot() {
        let mut task = Names::default().spawn("loader", load(("a", 100)));
        assert_eq!(task.result().await.as_ref().unwrap(), &Ok("a"));
        assert_eq!((task.state(), task.result().await.as_ref().unwrap()), (State::Finished, &Ok("a")));

        let twice = tokio::spawn(async {
            let mut handle = tokio::spawn(load(("a", 100)));
            let _first = (&mut handle).await;
            (&mut handle).await
        });
        assert!(twice.await.unwrap_err().is_panic());
    }

    /// asyncio: `all_tasks()` has the tasks that are not done, as a set. Here they stand in the order of their start.
    #[tokio::test(start_paused = true)]
    async fn only_tasks_that_run_are_listed() {
        let names = Names::default();
        let tasks = ["good", "bad", "panics", "aborted"].map(|name| names.spawn(name, load((name, 100))));
        let last = names.spawn("last", load(("a", 300)));
        assert_eq!(running(&names), ["good", "bad", "panics", "aborted", "last"]);
        tasks[3].abort();
        assert_eq!(running(&names), ["good", "bad", "panics", "aborted", "last"], "an abort is a request");
        yield_now().await;
        assert_eq!(running(&names), ["good", "bad", "panics", "last"], "ended before it began");
        sleep(ms(200)).await;
        assert_eq!((running(&names), alive_tasks()), (vec!["last".to_owned()], 1));
        last.abort();
        yield_now().await;
        assert!(running(&names).is_empty());
    }

    /// asyncio: the loop has only weak references; a task without another one may vanish from the list and from
    /// life. Tokio: it runs on, and is listed.
    #[tokio::test(start_paused = true)]
    async fn a_task_whose_handle_was_dropped_is_listed_until_it_ends() {
        let names = Names::default();
        drop(names.spawn("detached", load(("a", 100))));
        sleep(ms(50)).await;
        assert_eq!(running(&names), ["detached"]);
        sleep(ms(100)).await;
        assert!(running(&names).is_empty());
    }

    /// asyncio: names need not be unique. Here neither.
    #[tokio::test(start_paused = true)]
    async fn two_tasks_may_share_a_name_and_a_name_may_be_used_again() {
        let names = Names::default();
        let mut first = names.spawn("worker", load(("a", 100)));
        let second = names.spawn("worker", load(("b", 300)));
        assert_eq!(running(&names), ["worker", "worker"]);
        sleep(ms(200)).await;
        assert_eq!(running(&names), ["worker"]);
        second.abort();
        yield_now().await;
        let third = names.clone().spawn("worker", load(("c", 100)));
        assert_eq!(running(&names), ["worker"], "clones share one list");
        assert_eq!(first.result().await.as_ref().unwrap(), &Ok("a"), "each keeps the result that is its own");
        drop(third);
    }

    /// The hazard next door: in a `JoinMap` the second task of a name aborts the first, and only the key of a task
    /// that was joined is gone.
    #[tokio::test(start_paused = true)]
    async fn but_a_join_map_has_one_task_for_a_key_and_lists_finished_ones() {
        let log = Log::default();
        let mut tasks = JoinMap::new();
        let guard = log.on_drop("first is gone");
        tasks.spawn("worker", async move {
            let _guard = guard;
            pending().await
        });
        tasks.spawn("worker", load(("b", 100)));
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["first is gone"]);
        assert_eq!(tasks.keys().collect::<Vec<_>>(), [&"worker"], "finished, and still listed");
        let (name, result) = tasks.join_next().await.unwrap();
        assert_eq!((name, result.unwrap()), ("worker", Ok("b")));
        assert_eq!(tasks.len(), 0);
    }

    /// asyncio: any task may ask for `all_tasks()`. Here too: the list can be cloned into it.
    #[tokio::test]
    async fn a_task_sees_itself_on_the_list() {
        let names = Names::default();
        let mut task = names.spawn("watcher", {
            let names = names.clone();
            async move { running(&names) }
        });
        assert_eq!(task.result().await.as_ref().unwrap(), &["watcher"]);
    }

    /// asyncio: `asyncio.run` cancels what is left. Tokio: the runtime drops what is left, and so does a spawn on a
    /// runtime that has shut down; the list follows.
    #[test]
    fn a_runtime_that_shuts_down_leaves_nothing_on_the_list() {
        let names = Names::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        let mut left = runtime.block_on(async { names.spawn("left", pending::<()>()) });
        assert_eq!(running(&names), ["left"]);
        drop(runtime);
        assert!(running(&names).is_empty());
        assert_eq!(left.state(), State::Cancelled);

        let _context = handle.enter();
        let mut late = names.spawn("late", async {});
        assert_eq!((running(&names).len(), late.state()), (0, State::Cancelled));
    }

    #[tokio::test]
    async fn the_list_of_a_hundred_thousand_tasks_is_empty_after_their_end() {
        let names = Names::default();
        for _ in 0..100_000 {
            names.spawn("short", async {});
        }
        assert_eq!(names.running().len(), 100_000);
        yield_now().await;
        while alive_tasks() > 0 {
            yield_now().await;
        }
        assert!(names.running().is_empty());
    }

    /// A wait for the result that was given up can be made again.
    #[test]
    fn a_cancelled_wait_loses_no_result() {
        let swept = cancel_sweep::sweep_with(
            || {
                let task =
                    Arc::new(tokio::sync::Mutex::new(Names::default().spawn("loader", load(("a", 100)))));
                (task.clone(), async move { task.lock().await.result().await.is_ok() })
            },
            |task, _| {
                let mut task = task.try_lock().unwrap();
                assert_eq!(task.state(), State::Finished);
                assert_eq!(task.result().now_or_never().unwrap().as_ref().unwrap(), &Ok("a"));
            },
        );
        assert_eq!(swept.points, 1);
    }
}

mod owner {
    use super::*;
    use create_task::owner::{Outbox, Refreshed};
    use tokio::task::JoinSet;
    use tokio_util::task::{AbortOnDropHandle, TaskTracker};

    /// Works for 100 ms; tells how far it came.
    async fn work(log: Log) {
        let _guard = log.on_drop("dropped");
        sleep(ms(100)).await;
        log.add("finished");
    }

    /// asyncio: a task that nobody refers to may be destroyed half way by the garbage collector. Tokio: it is
    /// detached, and runs on.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_join_handle_lets_the_task_run_on() {
        let log = Log::default();
        drop(tokio::spawn(work(log.clone())));
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["finished", "dropped"]);
    }

    /// asyncio and Tokio: a task does not end with the task that started it.
    #[tokio::test(start_paused = true)]
    async fn a_task_outlives_the_task_that_started_it() {
        let log = Log::default();
        tokio::spawn({
            let log = log.clone();
            async move { drop(tokio::spawn(work(log))) }
        })
        .await
        .unwrap();
        assert_eq!((log.take(), alive_tasks()), (vec![], 1));
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["finished", "dropped"]);
    }

    /// asyncio: `asyncio.run` cancels what is left and waits for it. Tokio: the runtime drops what is left where it
    /// stands, without another await.
    #[test]
    fn a_detached_task_ends_where_it_stands_when_the_runtime_does() {
        let log = Log::default();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            tokio::spawn(work(log.clone()));
            sleep(ms(50)).await;
        });
        assert!(log.take().is_empty());
        drop(runtime);
        assert_eq!(log.take(), ["dropped"]);
    }

    /// asyncio: `try: ... finally: task.cancel()`. Tokio: the handle does it; when it has been dropped, the task
    /// has been asked to end, and ends at its next turn.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_abort_on_drop_handle_asks_the_task_to_end() {
        let log = Log::default();
        let task = AbortOnDropHandle::new(tokio::spawn(work(log.clone())));
        sleep(ms(50)).await;
        drop(task);
        assert!(log.take().is_empty(), "not yet");
        yield_now().await;
        assert_eq!(log.take(), ["dropped"]);
    }

    /// asyncio: `task.cancel()`, then `await task`. Tokio: the same two steps when the task has to be gone.
    #[tokio::test(start_paused = true)]
    async fn abort_and_await_to_know_that_a_task_is_gone() {
        let log = Log::default();
        let task = AbortOnDropHandle::new(tokio::spawn(work(log.clone())));
        sleep(ms(50)).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["dropped"]);
    }

    /// Tokio: a dropped `JoinSet` aborts its tasks; `shutdown` waits until they are gone; `detach_all` lets them go.
    #[tokio::test(start_paused = true)]
    async fn a_join_set_ends_its_tasks_unless_they_are_detached() {
        let log = Log::default();
        let set = || -> JoinSet<()> { (0..2).map(|_| work(log.clone())).collect() };

        let dropped = set();
        sleep(ms(50)).await;
        drop(dropped);
        assert!(log.take().is_empty(), "not yet");
        yield_now().await;
        assert_eq!(log.take(), ["dropped", "dropped"]);

        let mut shut_down = set();
        sleep(ms(50)).await;
        shut_down.shutdown().await;
        assert_eq!(log.take(), ["dropped", "dropped"], "at once");

        let mut detached = set();
        detached.detach_all();
        drop(detached);
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["finished", "dropped", "finished", "dropped"]);
    }

    /// Tokio: a `TaskTracker` owns nothing and ends nothing. It knows how many are left, from every clone.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_tracker_lets_its_tasks_run_on_and_a_clone_can_wait_for_them() {
        let log = Log::default();
        let (tracker, start) = (TaskTracker::new(), Instant::now());
        tracker.spawn(work(log.clone()));
        let clone = tracker.clone();
        drop(tracker);
        assert_eq!(clone.len(), 1);
        clone.close();
        soon(clone.wait()).await;
        assert_eq!((log.take(), start.elapsed()), (vec!["finished", "dropped"], ms(100)));
    }

    /// The hazard: a tracker that was not closed may get more tasks, so `wait` does not end, even when it is empty.
    #[tokio::test(start_paused = true)]
    async fn but_a_tracker_that_was_not_closed_is_waited_for_without_end() {
        let tracker = TaskTracker::new();
        assert!(timeout(ms(3_600_000), tracker.wait()).await.is_err());
        tracker.close();
        soon(tracker.wait()).await;
    }

    /// The hazard: closing a tracker refuses nothing. [`Outbox::close`] takes the outbox away, so nobody can try.
    #[tokio::test(start_paused = true)]
    async fn but_a_closed_tracker_still_takes_tasks() {
        let log = Log::default();
        let tracker = TaskTracker::new();
        tracker.close();
        tracker.wait().await;
        tracker.spawn(work(log.clone()));
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["finished", "dropped"]);
    }

    /// A value with a counter in it: each load takes 50 ms and counts one up.
    fn refreshed(log: &Log) -> Refreshed<u32> {
        let (log, mut version) = (log.clone(), 0);
        Refreshed::new(0, ms(100), move || {
            version += 1;
            let log = log.clone();
            async move {
                let _guard = log.on_drop("load ended");
                sleep(ms(50)).await;
                assert!(version < 4, "there are three versions");
                version
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_kept_fresh_by_its_task() {
        let log = Log::default();
        let value = refreshed(&log);
        let mut seen = Vec::new();
        for millis in [149, 2, 148, 2] {
            sleep(ms(millis)).await;
            seen.push(value.get());
        }
        assert_eq!(seen, [0, 1, 1, 2], "a load of 50 ms, 100 ms after the one before");
        assert!(value.is_kept_fresh());
    }

    /// asyncio: the task holds a reference to its object and keeps both alive. Tokio: the task is a field.
    #[tokio::test(start_paused = true)]
    async fn the_task_ends_with_the_value_that_it_keeps_fresh() {
        let log = Log::default();
        let value = refreshed(&log);
        sleep(ms(120)).await;
        drop(value);
        yield_now().await;
        assert_eq!((log.take(), alive_tasks()), (vec!["load ended"], 0), "in the middle of a load");
    }

    /// The hazard of every background task: it may have ended long ago. Somebody has to ask.
    #[tokio::test(start_paused = true)]
    async fn after_a_panic_the_value_is_stale_and_says_so() {
        let value = refreshed(&Log::default());
        sleep(ms(599)).await;
        assert_eq!((value.get(), value.is_kept_fresh()), (3, true));
        sleep(ms(2)).await;
        assert_eq!((value.get(), value.is_kept_fresh()), (3, false));
    }

    #[tokio::test(start_paused = true)]
    async fn closing_an_outbox_waits_for_every_delivery_also_one_that_panics() {
        let start = Instant::now();
        let outbox = Outbox::default();
        for delivery in [("a", 100), ("panics", 200), ("b", 300)] {
            outbox.send(async move {
                let _answer = load(delivery).await;
            });
        }
        soon(outbox.close()).await;
        assert_eq!((start.elapsed(), alive_tasks()), (ms(300), 0));
    }

    #[tokio::test]
    async fn an_empty_outbox_closes_at_once() {
        assert_eq!(Outbox::default().close().now_or_never(), Some(()));
    }

    /// A shutdown with a limit: what is not delivered by then goes on for as long as the runtime does.
    #[tokio::test(start_paused = true)]
    async fn a_limit_on_closing_ends_the_wait_and_not_the_delivery() {
        let log = Log::default();
        let outbox = Outbox::default();
        outbox.send(work(log.clone()));
        assert!(timeout(ms(50), outbox.close()).await.is_err());
        assert!(log.take().is_empty());
        sleep(ms(100)).await;
        assert_eq!(log.take(), ["finished", "dropped"]);
    }

    /// Dropped at any point, closing loses no letter.
    #[test]
    fn a_cancelled_close_loses_no_delivery() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (log, outbox) = (Log::default(), Outbox::default());
                outbox.send(work(log.clone()));
                outbox.send(work(log.clone()));
                (log, outbox.close())
            },
            |log, _| assert_eq!(log.take(), ["finished", "dropped", "finished", "dropped"]),
        );
        assert!(swept.points >= 1);
    }
}

mod context {
    use super::*;
    use create_task::context::{inherit, inherit_blocking};
    use tokio::task::spawn_blocking;

    tokio::task_local! {
        static REQUEST: &'static str;
        static SHARED: Log;
    }

    fn request() -> Option<&'static str> {
        REQUEST.try_get().ok()
    }

    /// asyncio: `create_task` copies the context. Tokio: `spawn` and `spawn_blocking` start without any.
    #[tokio::test]
    async fn a_spawned_task_sees_none_of_its_parents_task_locals() {
        let seen = REQUEST.scope("request-1", async {
            (
                request(),
                tokio::spawn(async { request() }).await.unwrap(),
                spawn_blocking(request).await.unwrap(),
            )
        });
        assert_eq!(seen.await, (Some("request-1"), None, None));
    }

    /// asyncio: the child sees what the parent had set; with `to_thread` the thread does too.
    #[tokio::test]
    async fn a_child_that_inherits_sees_its_parents_value() {
        let seen = REQUEST.scope("request-1", async {
            let task = tokio::spawn(inherit(&REQUEST, async { request() }));
            let blocking = spawn_blocking(inherit_blocking(&REQUEST, request));
            (task.await.unwrap(), blocking.await.unwrap())
        });
        assert_eq!(seen.await, (Some("request-1"), Some("request-1")));
    }

    /// asyncio: what the child sets, the parent does not see; its own children do.
    #[tokio::test]
    async fn what_a_child_sets_its_children_see_and_its_parent_does_not() {
        let seen = REQUEST.scope("request-1", async {
            let child = tokio::spawn(inherit(&REQUEST, async {
                let before = request();
                let within = REQUEST.scope("request-1/child", async {
                    let grandchild = tokio::spawn(inherit(&REQUEST, async { request() }));
                    (request(), grandchild.await.unwrap())
                });
                (before, within.await, request())
            }));
            (child.await.unwrap(), request())
        });
        let inner = Some("request-1/child");
        let outer = Some("request-1");
        assert_eq!(seen.await, ((outer, (inner, inner), outer), outer));
    }

    /// asyncio: the copy is made by `create_task`, so what the parent sets later the child does not see.
    #[tokio::test]
    async fn the_snapshot_is_taken_when_the_child_is_made_not_when_it_starts() {
        let child = REQUEST.sync_scope("first", || inherit(&REQUEST, async { request() }));
        let seen = REQUEST.scope("second", async { tokio::spawn(child).await.unwrap() });
        assert_eq!(seen.await, Some("first"));
        let blocking = REQUEST.sync_scope("first", || inherit_blocking(&REQUEST, request));
        assert_eq!(REQUEST.scope("second", spawn_blocking(blocking)).await.unwrap(), Some("first"));
    }

    /// asyncio: the copy is shallow: a list in a `ContextVar` is the same list. Tokio: so is what an `Arc` holds.
    #[tokio::test]
    async fn what_is_shared_in_the_value_stays_shared() {
        let log = Log::default();
        SHARED
            .scope(log.clone(), async {
                tokio::spawn(inherit(&SHARED, async { SHARED.with(|log| log.add("child")) })).await.unwrap();
            })
            .await;
        assert_eq!(log.take(), ["child"]);
    }

    /// asyncio: `get()` of a variable that was never set raises `LookupError`. Tokio: `get` panics, `try_get` does
    /// not. A child of a parent without a value has none, and that is no error.
    #[tokio::test]
    async fn without_a_value_there_is_nothing_to_inherit() {
        assert_eq!(tokio::spawn(inherit(&REQUEST, async { request() })).await.unwrap(), None);
        assert_eq!(spawn_blocking(inherit_blocking(&REQUEST, request)).await.unwrap(), None);
        let gets = tokio::spawn(async { REQUEST.get() });
        assert!(gets.await.unwrap_err().is_panic());
    }

    /// asyncio and Tokio: what is awaited on the same task needs no help.
    #[tokio::test]
    async fn what_is_awaited_inside_the_scope_sees_the_value() {
        let both =
            REQUEST.scope("request-1", async { tokio::join!(async { request() }, async { request() }) });
        assert_eq!(both.await, (Some("request-1"), Some("request-1")));
    }

    /// Clean-up runs in the context, wherever the task is dropped: also before its first poll.
    #[test]
    fn the_clean_up_of_a_cancelled_child_sees_the_context() {
        struct TellOnDrop(Arc<Mutex<Option<&'static str>>>);
        impl Drop for TellOnDrop {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = request();
            }
        }
        let swept = cancel_sweep::sweep_with(
            || {
                let seen = Arc::default();
                let guard = TellOnDrop(Arc::clone(&seen));
                let child = async move {
                    let _guard = guard;
                    sleep(ms(100)).await;
                };
                (seen, REQUEST.sync_scope("request-1", || inherit(&REQUEST, child)))
            },
            |seen, _| assert_eq!(*seen.lock().unwrap(), Some("request-1")),
        );
        assert_eq!(swept.points, 1);
    }
}

mod done_callback {
    use super::*;
    use create_task::done_callback::Announced;
    use tokio::task::JoinError;

    type Outcome = Result<Result<&'static str, String>, JoinError>;

    fn describe(outcome: &Outcome) -> &'static str {
        match outcome {
            Ok(Ok(_)) => "value",
            Ok(Err(_)) => "error",
            Err(error) if error.is_panic() => "panic",
            Err(_) => "cancelled",
        }
    }

    /// A callback that logs how the task ended.
    fn tells(log: &Log) -> impl FnOnce(&Outcome) + Send + 'static {
        let log = log.clone();
        move |outcome| log.add(describe(outcome))
    }

    /// asyncio: a done callback is called once, with the finished task, however it ended.
    #[tokio::test(start_paused = true)]
    async fn it_is_called_once_however_the_task_ended() {
        let log = Log::default();
        for (name, told) in [("a", "value"), ("bad", "error"), ("panics", "panic")] {
            let task = Announced::new(tokio::spawn(load((name, 100))));
            task.add_done_callback(tells(&log));
            sleep(ms(200)).await;
            assert_eq!(log.take(), [told]);
            drop(task);
            yield_now().await;
            assert!(log.take().is_empty());
        }
    }

    /// asyncio: also when it is cancelled, and also when it was cancelled before it began.
    #[tokio::test(start_paused = true)]
    async fn it_is_called_for_an_aborted_task_also_for_one_that_never_began() {
        let log = Log::default();
        for millis in [0, 50] {
            let task = Announced::new(tokio::spawn(load(("a", 100))));
            task.add_done_callback(tells(&log));
            if millis > 0 {
                sleep(ms(millis)).await;
            }
            task.abort();
            assert!(log.take().is_empty(), "an abort is a request");
            assert!(task.join().await.unwrap_err().is_cancelled());
            assert_eq!(log.take(), ["cancelled"]);
        }
    }

    /// The hazard: code after the work in the same task is not run when the work panics or is aborted.
    #[tokio::test(start_paused = true)]
    async fn but_code_after_the_await_is_left_out_by_a_panic_and_an_abort() {
        let log = Log::default();
        for name in ["a", "panics", "aborted"] {
            let log = log.clone();
            let task = tokio::spawn(async move {
                let _result = load((name, 100)).await;
                log.add(name);
            });
            if name == "aborted" {
                task.abort();
            }
        }
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["a"]);
    }

    /// asyncio: an exception that nobody retrieves is logged when the task is collected. Tokio: an `Err` in a
    /// dropped handle is lost; a callback hears it.
    #[tokio::test(start_paused = true)]
    async fn an_error_that_nobody_waits_for_is_heard() {
        let log = Log::default();
        let task = Announced::new(tokio::spawn(load(("bad", 100))));
        task.add_done_callback(tells(&log));
        drop(task);
        sleep(ms(200)).await;
        assert_eq!((log.take(), alive_tasks()), (vec!["error"], 0));
    }

    /// asyncio: callbacks are called by `call_soon` in the order in which they were added, before the task that
    /// awaits goes on. Here: all of them before `join` returns.
    #[tokio::test(start_paused = true)]
    async fn callbacks_are_called_in_their_order_and_before_join_returns() {
        let log = Log::default();
        let task = Announced::new(tokio::spawn(load(("a", 100))));
        for entry in ["first", "second", "third"] {
            let log = log.clone();
            task.add_done_callback(move |_| log.add(entry));
        }
        assert_eq!(task.join().await.unwrap(), Ok("a"));
        log.add("joined");
        assert_eq!(log.take(), ["first", "second", "third", "joined"]);
    }

    /// On many threads too: they are called by one task, one after the other.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_thousand_callbacks_are_called_in_their_order_on_many_threads() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let (go_on, may_go_on) = oneshot::channel();
        let task = Announced::new(tokio::spawn(may_go_on));
        let mut go_on = Some(go_on);
        for n in 0..1_000 {
            let called = called.clone();
            task.add_done_callback(move |_| called.lock().unwrap().push(n));
            if n == 500 {
                // The rest is added while callbacks are being called.
                go_on.take().unwrap().send(()).unwrap();
            }
        }
        task.join().await.unwrap().unwrap();
        assert!(called.lock().unwrap().iter().copied().eq(0..1_000));
    }

    /// asyncio: `add_done_callback` on a task that is done calls it soon, not at once.
    #[tokio::test]
    async fn for_a_task_that_is_done_it_is_called_soon_and_not_at_once() {
        let log = Log::default();
        let task = Announced::new(tokio::spawn(async { Ok("a") }));
        yield_now().await;
        for _ in 0..2 {
            task.add_done_callback(tells(&log));
            assert!(log.take().is_empty());
            yield_now().await;
            assert_eq!(log.take(), ["value"]);
        }
    }

    /// asyncio: `remove_done_callback` tells how many it removed; none after the call.
    #[tokio::test(start_paused = true)]
    async fn a_removed_callback_is_not_called_and_a_called_one_cannot_be_removed() {
        let log = Log::default();
        let task = Announced::new(tokio::spawn(load(("a", 100))));
        let removed = task.add_done_callback(|_| unreachable!("it was removed"));
        let called = task.add_done_callback(tells(&log));
        assert!(removed.remove());
        task.join().await.unwrap().unwrap();
        assert_eq!(log.take(), ["value"]);
        assert!(!called.remove());
    }

    /// asyncio: an exception in a callback goes to the loop's exception handler, and the next one is called. Tokio:
    /// the panic hook is the handler.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_a_callback_does_not_keep_the_next_from_being_called() {
        let log = Log::default();
        let task = Announced::new(tokio::spawn(load(("a", 100))));
        task.add_done_callback(|_| panic!("in the callback"));
        task.add_done_callback(tells(&log));
        assert_eq!(task.join().await.unwrap(), Ok("a"));
        assert_eq!(log.take(), ["value"]);
    }

    /// A callback may start a task of its own.
    #[tokio::test(start_paused = true)]
    async fn a_callback_runs_inside_the_runtime() {
        let (answer, hear) = oneshot::channel();
        let task = Announced::new(tokio::spawn(load(("a", 100))));
        task.add_done_callback(|_| {
            tokio::spawn(async { answer.send("from a task of the callback") });
        });
        assert_eq!(hear.await, Ok("from a task of the callback"));
        drop(task);
    }

    /// asyncio: what is left when the loop is closed is not called. Tokio: nor here; it is dropped.
    #[test]
    fn a_callback_that_was_not_called_is_dropped_with_the_runtime() {
        let log = Log::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let task = runtime.block_on(async { Announced::new(tokio::spawn(pending::<()>())) });
        let (guard, called) = (log.on_drop("dropped"), log.clone());
        drop(task.add_done_callback(move |_| {
            let _guard = guard;
            called.add("called");
        }));
        drop(runtime);
        assert_eq!(log.take(), ["dropped"]);
        task.add_done_callback(|_| unreachable!("there is no runtime"));
    }

    /// A join that was given up takes no callback with it.
    #[test]
    fn a_cancelled_join_leaves_every_callback_to_be_called_once() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let task = Announced::new(tokio::spawn(load(("a", 100))));
                task.add_done_callback(tells(&log));
                (log, task.join())
            },
            |log, _| assert_eq!(log.take(), ["value"]),
        );
        assert_eq!(swept.points, 1);
    }
}

mod eager {
    use super::*;
    use create_task::context::inherit;
    use create_task::eager::{Eager, start};
    use futures::future::join_all;
    use std::future::poll_fn;
    use std::task::{Poll, Waker};
    use tokio::sync::{Notify, Semaphore, mpsc};

    /// asyncio 3.12: a task whose body does not wait is done when `create_task` returns. Tokio: `spawn` only queues.
    #[tokio::test]
    async fn work_that_does_not_wait_is_done_when_start_returns() {
        let eager = start(async { "value" });
        assert!(matches!(eager, Eager::Done("value")));
        assert_eq!((eager.is_finished(), alive_tasks()), (true, 0));
        assert!(!tokio::spawn(async {}).is_finished());
    }

    /// asyncio 3.12: a cancel after eager completion returns `False` and changes nothing.
    #[tokio::test]
    async fn an_abort_of_work_that_is_done_changes_nothing() {
        let eager = start(async { "value" });
        eager.abort();
        assert_eq!(eager.join().await.unwrap(), "value");
    }

    /// asyncio 3.12: the body runs up to its first wait before `create_task` returns.
    #[tokio::test(start_paused = true)]
    async fn work_that_waits_has_come_to_its_first_wait_and_becomes_a_task() {
        let (log, begun) = (Log::default(), Instant::now());
        let eager = start({
            let log = log.clone();
            async move {
                log.add("first part");
                sleep(ms(100)).await;
                log.add("second part");
                "value"
            }
        });
        assert_eq!((log.take(), eager.is_finished(), alive_tasks()), (vec!["first part"], false, 1));
        assert_eq!(eager.join().await.unwrap(), "value");
        assert_eq!((log.take(), begun.elapsed()), (vec!["second part"], ms(100)));
    }

    /// asyncio 3.12: a task that is cancelled right after its start has run its first part, where a lazy one never
    /// begins.
    #[tokio::test(start_paused = true)]
    async fn an_abort_comes_after_the_first_part() {
        let log = Log::default();
        let eager = start({
            let log = log.clone();
            async move {
                let _guard = log.on_drop("dropped");
                log.add("first part");
                sleep(ms(100)).await;
                log.add("second part");
            }
        });
        eager.abort();
        assert!(eager.join().await.unwrap_err().is_cancelled());
        assert_eq!(log.take(), ["first part", "dropped"]);
    }

    /// asyncio 3.12: an exception in the first part is kept in the task. Tokio: a panic in a future that is polled
    /// by hand unwinds into whoever polls; here it is caught.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_either_part_is_an_error_of_the_task() {
        for millis in [0, 100] {
            let eager = start(async move {
                if millis > 0 {
                    sleep(ms(millis)).await;
                }
                std::panic::panic_any(millis);
            });
            let payload = eager.join().await.unwrap_err().into_panic();
            assert_eq!(payload.downcast_ref(), Some(&millis));
        }
    }

    /// The first poll is made without a waker, so what happens before the task's own first poll must not be lost.
    /// Each of these is made ready after the first poll and before the second.
    #[tokio::test(start_paused = true)]
    async fn a_wake_up_between_the_first_poll_and_the_second_is_not_lost() {
        let (send, receive) = oneshot::channel();
        let eager = start(receive);
        send.send("oneshot").unwrap();
        assert_eq!(soon(eager.join()).await.unwrap(), Ok("oneshot"));

        let (send, mut receive) = mpsc::channel(1);
        let eager = start(async move { receive.recv().await });
        send.try_send("mpsc").unwrap();
        assert_eq!(soon(eager.join()).await.unwrap(), Some("mpsc"));

        let notify = Arc::new(Notify::new());
        let eager = start(notify.clone().notified_owned());
        notify.notify_one();
        soon(eager.join()).await.unwrap();

        let permits = Arc::new(Semaphore::new(0));
        let eager = start(permits.clone().acquire_owned());
        permits.add_permits(1);
        drop(soon(eager.join()).await.unwrap().unwrap());
        assert_eq!(permits.available_permits(), 1);

        let eager = start(sleep(ms(100)));
        tokio::time::advance(ms(200)).await;
        soon(eager.join()).await.unwrap();

        // Futures that keep wakers of their own for the futures inside them.
        let (sends, receives): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel()).unzip();
        let eager = start(join_all(receives));
        for (n, send) in sends.into_iter().enumerate() {
            send.send(n).unwrap();
        }
        let received = soon(eager.join()).await.unwrap().into_iter().map(Result::unwrap);
        assert!(received.eq(0..100));
    }

    /// ... and what happens after the second poll reaches the task through the waker of that one.
    #[tokio::test(start_paused = true)]
    async fn a_wake_up_after_the_second_poll_reaches_the_task() {
        let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let ready = Arc::new(AtomicUsize::new(0));
        let eager = start({
            let (wakers, ready) = (wakers.clone(), ready.clone());
            poll_fn(move |cx| {
                wakers.lock().unwrap().push(cx.waker().clone());
                if ready.load(SeqCst) > 0 { Poll::Ready("woken") } else { Poll::Pending }
            })
        });
        sleep(ms(100)).await;
        ready.store(1, SeqCst);
        let latest = {
            let wakers = wakers.lock().unwrap();
            assert_eq!(wakers.len(), 2, "polled by start, and once as a task");
            wakers[1].clone()
        };
        latest.wake();
        assert_eq!(soon(eager.join()).await.unwrap(), "woken");
    }

    /// With the caller's waker in the first poll, what happens before the second would wake the caller for nothing.
    #[tokio::test(start_paused = true)]
    async fn the_caller_is_not_woken_by_the_work() {
        let mut polls = 0;
        let mut caller = Box::pin(async {
            let (send, receive) = oneshot::channel();
            let eager = start(receive);
            send.send(()).unwrap();
            sleep(ms(100)).await;
            eager.is_finished()
        });
        let done = poll_fn(|cx| {
            polls += 1;
            caller.as_mut().poll(cx)
        });
        assert!(done.await);
        assert_eq!(polls, 2, "once to begin, once after the sleep");
    }

    /// asyncio 3.12: an eager task has a context and an identity of its own from its first part on. Here the first
    /// part is the caller's: what it sees there is gone after the first wait, unless it was inherited.
    #[tokio::test]
    async fn the_first_part_sees_the_callers_context_and_the_rest_only_what_was_inherited() {
        tokio::task_local! {
            static REQUEST: &'static str;
        }
        async fn before_and_after() -> [Option<&'static str>; 2] {
            let before = REQUEST.try_get().ok();
            yield_now().await;
            [before, REQUEST.try_get().ok()]
        }
        let both = REQUEST.scope("request-1", async {
            let bare = start(before_and_after());
            let inherited = start(inherit(&REQUEST, before_and_after()));
            (bare.join().await.unwrap(), inherited.join().await.unwrap())
        });
        assert_eq!(both.await, ([Some("request-1"), None], [Some("request-1"), Some("request-1")]));
    }

    #[tokio::test]
    async fn a_hundred_thousand_that_do_not_wait_make_no_task() {
        for n in 0..100_000 {
            assert!(matches!(start(async move { n }), Eager::Done(value) if value == n));
        }
        assert_eq!(alive_tasks(), 0);
    }

    /// A caller that has used up its turn makes the work wait, and nothing is lost by it.
    #[tokio::test]
    async fn a_caller_that_has_used_up_its_turn_makes_a_task_of_it() {
        let permits = Arc::new(Semaphore::new(1));
        while tokio::task::coop::consume_budget().now_or_never().is_some() {}
        let eager = start(permits.acquire_owned());
        assert!(!eager.is_finished());
        assert!(eager.join().await.unwrap().is_ok());
    }

    /// As with `spawn`: whoever stops waiting does not stop the work.
    #[test]
    fn a_cancelled_join_lets_the_work_run_on() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let work = {
                    let log = log.clone();
                    async move {
                        sleep(ms(100)).await;
                        log.add("finished");
                    }
                };
                (log, start(work).join())
            },
            |log, _| assert_eq!(log.take(), ["finished"]),
        );
        assert_eq!(swept.points, 1);
    }
}

mod demo {
    use create_task::demo;
    use expect_test::expect_file;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/create_task/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/create_task/timeline.svg"].assert_eq(&rehearsal.timeline.svg("create_task"));
    }
}
