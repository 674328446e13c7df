//! Lessons of the pattern `runner`.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use event_loop::runner::{CloseError, Closing, RunError, Runner, TaskFailure};
use fastrand::Rng;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::real_time::soon_on_a_thread;
use crate::support::{Count, Entries, OnDrop, PanicsWhenDropped, ms};
use crate::work::{HOUR, many_threads, paused, text};

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Makes a runner on virtual time, and the list of its reports.
fn runner() -> (Runner, Entries<String>) {
    with(&mut paused())
}

fn with(builder: &mut Builder) -> (Runner, Entries<String>) {
    let log = Entries::new();
    let reports = log.clone();
    let report = move |name: &str, failure: TaskFailure| reports.add(format!("{name}: {failure}"));
    (Runner::new(builder, report).unwrap(), log)
}

/// asyncio: `run` returns the value of `main`, or raises its exception. Tokio: an error is a value.
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

/// asyncio: a task that one `run` leaves behind goes on in the next. Tokio, on one thread: the same.
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
    assert_eq!((first, steps.get()), (Ok(()), 1), "it could go on, and no main runs it");
    runner.run(|| task.unwrap()).unwrap().unwrap();
    assert_eq!(steps.get(), 2);
}

/// asyncio has one thread. On many threads the tasks run on between two mains.
#[test]
fn but_on_many_threads_it_runs_on() {
    soon_on_a_thread(|| {
        let (mut runner, _) = with(&mut many_threads());
        let (sender, receiver) = mpsc::channel();
        let go_on = Arc::new(Notify::new());
        let waits = go_on.clone();
        runner
            .run(async || {
                tokio::spawn(async move {
                    waits.notified().await;
                    sender.send("between").unwrap();
                });
            })
            .unwrap();
        go_on.notify_one();
        assert_eq!(receiver.recv(), Ok("between"));
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

/// asyncio: `run` in a running loop raises `RuntimeError`. Here: it returns an error instead of a panic, and the runner
/// can be used afterwards.
#[test]
fn a_run_and_a_close_inside_of_a_run_are_errors() {
    let ((mut outer, _), (mut inner, _)) = (runner(), runner());
    let nested = outer.run(async || (inner.run(async || {}), inner.close(HOUR)));
    assert_eq!(nested, Ok((Err(RunError::Nested), Err(CloseError::Nested))));
    assert_eq!(inner.run(async || { 7 }), Ok(7));
}

/// Dropping it inside a run does not panic; dropping a plain `Runtime` there does.
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
/// runtime's; a thread of your own does not.
#[test]
fn a_thread_of_ones_own_may_run_one_while_another_runs() {
    soon_on_a_thread(|| {
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

/// asyncio: tasks that are left when `main` returns are cancelled and awaited: their clean-up runs, and may await.
#[test]
fn what_is_left_is_cancelled_and_waited_for_at_the_close() {
    let (mut runner, reports) = runner();
    let (tasks, log) = (runner.tasks(), Entries::new());
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

/// asyncio: an exception that is never retrieved is reported when its task is collected. Here it is reported when it
/// happens.
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

/// asyncio waits forever for a task that ignores its cancellation. Here the task is dropped at the end of the grace
/// period.
#[test]
fn what_takes_longer_than_the_grace_is_cut_off_and_counted() {
    let (mut runner, reports) = runner();
    let (dropped, cleaned_up) = (Count::default(), Entries::new());
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

/// Clean-ups that end in the instant in which the grace period ends are in time, all of them.
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

/// Any number of tasks is in time, even if each has two timers, or needs another turn.
#[test]
fn tasks_that_are_due_with_the_grace_have_their_turns() {
    let (mut runner, _) = runner();
    for _ in 0..1_000 {
        let work = |cancel: CancellationToken| async move {
            cancel.cancelled().await;
            sleep(ms(50)).await;
            sleep(ms(50)).await;
            yield_now().await;
            Ok(())
        };
        runner.tasks().spawn("one of many", work).unwrap();
    }
    runner.run(|| sleep(ms(1))).unwrap();
    assert_eq!(runner.close(ms(100)), Ok(()));
}

/// Tokio does not show whether a task that is due now still needs a turn, or two, or twenty.
#[test]
fn but_a_task_with_many_turns_in_that_instant_is_cut_off() {
    let (mut runner, _) = runner();
    for turns in [1, 20] {
        let work = move |cancel: CancellationToken| async move {
            cancel.cancelled().await;
            sleep(ms(100)).await;
            for _ in 0..turns {
                yield_now().await;
            }
            Ok(())
        };
        runner.tasks().spawn("turns", work).unwrap();
    }
    runner.run(|| sleep(ms(1))).unwrap();
    assert_eq!(runner.close(ms(100)), Err(CloseError::CutOff(1)));
}

/// A panic's payload may be a value whose destructor panics. It is reported as one failure.
#[test]
fn a_panic_whose_drop_panics_is_reported_and_ends_nothing() {
    let (mut runner, reports) = runner();
    runner.tasks().spawn("journal", |_| async { std::panic::panic_any(PanicsWhenDropped) }).unwrap();
    runner.run(|| sleep(ms(1))).unwrap();
    assert_eq!(reports.take(), ["journal: panicked: a value that is not text"]);
    assert_eq!(runner.close(ms(100)), Ok(()));
}

/// asyncio: `run` waits for a clean-up without end. Here: a grace period of zero cuts it off, and with the longest the
/// close waits.
#[test]
fn no_grace_at_all_and_one_without_end_are_no_trouble() {
    soon_on_a_thread(|| {
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

/// asyncio: a task that a `finally` creates during the close is destroyed while it is pending. Here the task is
/// refused.
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

/// asyncio: a `Runner` can run again after an exception of `main`. Here: after a panic too.
#[test]
fn a_panic_of_main_goes_on_in_the_caller_and_the_runner_can_be_used_again() {
    let (mut runner, _) = runner();
    let panic = catch_unwind(AssertUnwindSafe(|| runner.run(async || panic!("main")))).unwrap_err();
    assert_eq!(text(&*panic), "main");
    assert_eq!(runner.run(async || { 7 }), Ok(7));
    assert_eq!(runner.close(HOUR), Ok(()));
}

/// asyncio (3.9+): `run` waits for the threads of the default executor. Here: the close does too, for the grace period.
#[test]
fn the_close_waits_for_blocking_calls() {
    soon_on_a_thread(|| {
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
    soon_on_a_thread(|| {
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

/// asyncio: leaving `with Runner()` waits for tasks. Rust: a drop cannot wait; it cancels and drops the tasks.
#[test]
fn one_that_is_dropped_cancels_and_waits_for_nothing() {
    let (runner, reports) = runner();
    let (tasks, dropped) = (runner.tasks(), Count::default());
    let (guard, token) = (dropped.on_drop(), Entries::new());
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

/// A refused task is dropped, and its destructor may call `spawn` again.
#[test]
fn what_is_refused_is_dropped_outside_of_the_lock() {
    soon_on_a_thread(|| {
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

/// asyncio: `run` cancels and gathers all tasks that are left. Here: `close` does, whatever their number.
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

/// Threads start tasks while it closes: each task is refused and never runs, or it runs to its end.
#[test]
fn from_many_threads_each_task_is_refused_or_waited_for() {
    soon_on_a_thread(|| {
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
