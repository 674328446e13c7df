//! Lessons of the pattern `callbacks`.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use event_loop::callbacks::{Callbacks, Closed, RunError};
use fastrand::Rng;
use futures::{FutureExt, StreamExt};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::real_time::soon_on_a_thread;
use crate::support::{Count, Entries, OnDrop, PanicsWhenDropped, ends, ms};
use crate::work::callbacks::adds;
use crate::work::{HOUR, many_threads, text, us};

type Dated = Vec<(&'static str, Duration)>;

/// Schedules, runs until a stop after an hour, and returns the log with times.
async fn logged(schedule: impl FnOnce(&Callbacks, &dyn Fn(&'static str) -> Call)) -> Dated {
    let (callbacks, log, start) = (Callbacks::new(), Entries::new(), Instant::now());
    let entries = log.clone();
    schedule(&callbacks, &move |name| {
        let entries = entries.clone();
        Box::new(move || entries.add((name, start.elapsed())))
    });
    callbacks.call_at(start + HOUR, stops(&callbacks)).unwrap();
    assert_eq!(ends(callbacks.run(|panic| resume_unwind(panic))).await, Ok(()));
    log.take()
}

type Call = Box<dyn FnOnce() + Send>;

fn stops(callbacks: &Callbacks) -> impl FnOnce() + Send + use<> {
    let callbacks = callbacks.clone();
    move || callbacks.stop()
}

/// Runs one turn, with the callbacks that are due now.
async fn turn(callbacks: &Callbacks) {
    callbacks.stop();
    assert_eq!(ends(callbacks.run(|panic| resume_unwind(panic))).await, Ok(()));
}

/// asyncio: `call_soon` keeps the order. Tokio: `spawn` does so on one thread, and not on many.
#[tokio::test(start_paused = true)]
async fn soon_ones_are_called_in_the_order_in_which_they_were_scheduled() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
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

/// The hazard: Tokio's timers count milliseconds. Timers of the same millisecond end in the order in which they were
/// set.
#[tokio::test(start_paused = true)]
async fn but_sleeps_of_one_millisecond_end_in_the_order_in_which_they_were_set() {
    let log = Entries::new();
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

/// The hazard: `tokio_util`'s `DelayQueue` returns timers of one millisecond last one first, even if they have the same
/// deadline.
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

/// asyncio promises no order for callbacks of one deadline; eight of them came as 0, 2, 6, 5, 7, 1, 3, 4. Here they
/// come in the order in which they were scheduled.
#[tokio::test(start_paused = true)]
async fn of_one_deadline_the_first_scheduled_is_the_first_called() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    let deadline = Instant::now() + ms(100);
    for number in 0..1_000 {
        callbacks.call_at(deadline, adds(&log, number)).unwrap();
    }
    callbacks.call_later(ms(200), stops(&callbacks)).unwrap();
    ends(callbacks.run(|_| {})).await.unwrap();
    assert_eq!(log.take(), (0..1_000).collect::<Vec<_>>());
}

/// asyncio: callbacks for soon come before those that are due, and a callback that a callback schedules waits for the
/// next turn.
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

/// asyncio: the loop sleeps until its earliest timer. Here: a new timer, earlier than all, wakes the run.
#[tokio::test(start_paused = true)]
async fn an_earlier_deadline_wakes_a_run_that_waits_for_a_later_one() {
    let (callbacks, log, start) = (Callbacks::new(), Entries::new(), Instant::now());
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
    let (ran, ()) = ends(async { tokio::join!(callbacks.run(|_| {}), schedules) }).await;
    assert_eq!(ran, Ok(()));
    assert_eq!((log.take(), start.elapsed()), (vec![ms(150), ms(200), ms(400)], ms(500)));
}

/// asyncio: a handle that is cancelled in time is not called. `cancel` gives no answer there; here it does.
#[tokio::test(start_paused = true)]
async fn a_cancelled_callback_is_not_called_and_the_answer_tells_whether_it_was_in_time() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    let late = callbacks.call_soon(adds(&log, "soon")).unwrap();
    let soon_on_a_thread = callbacks.call_later(ms(100), adds(&log, "never")).unwrap();
    assert_eq!((late.when(), soon_on_a_thread.when()), (None, Some(Instant::now() + ms(100))));
    turn(&callbacks).await;
    assert_eq!((late.cancel(), soon_on_a_thread.cancel(), soon_on_a_thread.cancel()), (false, true, false));
    sleep(ms(200)).await;
    turn(&callbacks).await;
    assert_eq!((log.take(), callbacks.is_empty()), (vec!["soon"], true));
}

/// asyncio: a callback may cancel another one that was to be called in the same turn.
#[tokio::test(start_paused = true)]
async fn one_callback_may_cancel_the_next_of_its_turn() {
    for delay in [None, Some(ms(100))] {
        let (callbacks, log) = (Callbacks::new(), Entries::new());
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

/// asyncio: `cancel()` in its own callback changes nothing. Here: the same, and it returns false.
#[tokio::test(start_paused = true)]
async fn a_callback_that_cancels_itself_is_too_late() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
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

/// asyncio rebuilds its heap when more than half of it is cancelled. Here a cancelled callback is dropped at once, with
/// its values.
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
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    callbacks.call_soon(|| panic!("division by zero")).unwrap();
    callbacks.call_soon(adds(&log, "the next".to_owned())).unwrap();
    callbacks.call_later(ms(100), || panic!("{} fails", "a timer")).unwrap();
    callbacks.call_later(ms(200), stops(&callbacks)).unwrap();
    let ran = ends(callbacks.run(|panic| log.add(format!("handler: {}", text(&*panic))))).await;
    assert_eq!(ran, Ok(()));
    assert_eq!(log.take(), ["handler: division by zero", "the next", "handler: a timer fails"]);
}

/// A panic's payload may be a value whose destructor panics: in a callback, whose payload the handler drops, and in a
/// handler.
#[tokio::test(start_paused = true)]
async fn a_panic_whose_drop_panics_ends_nothing() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    for name in ["one", "other"] {
        callbacks.call_soon(|| std::panic::panic_any(PanicsWhenDropped)).unwrap();
        callbacks.call_soon(adds(&log, name)).unwrap();
    }
    let end = callbacks.clone();
    callbacks.call_later(ms(1), move || end.stop()).unwrap();
    let mut is_first = true;
    let handler = |panic| match std::mem::take(&mut is_first) {
        true => drop(panic),
        false => {
            // Two panics at once would end the process.
            std::mem::forget(panic);
            std::panic::panic_any(PanicsWhenDropped)
        }
    };
    assert_eq!(ends(callbacks.run(handler)).await, Ok(()));
    assert_eq!(log.take(), ["one", "other"]);
}

/// asyncio: a handler that raises is logged, and the loop goes on. Here the panic hook logs it.
#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_ends_nothing() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    callbacks.call_soon(|| panic!("division by zero")).unwrap();
    callbacks.call_soon(adds(&log, "the next")).unwrap();
    callbacks.stop();
    assert_eq!(ends(callbacks.run(|_| panic!("the handler"))).await, Ok(()));
    assert_eq!(log.take(), ["the next"]);
}

/// asyncio: a `stop` before `run_forever` lets it make one turn. Callbacks scheduled in that turn wait for the next
/// run.
#[tokio::test(start_paused = true)]
async fn a_stop_before_the_run_lets_it_make_one_turn() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
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
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    callbacks.call_soon(stops(&callbacks)).unwrap();
    callbacks.call_soon(adds(&log, "of the same turn")).unwrap();
    callbacks.call_later(ms(100), adds(&log, "later")).unwrap();
    let start = Instant::now();
    assert_eq!(ends(callbacks.run(|_| {})).await, Ok(()));
    assert_eq!((log.take(), start.elapsed()), (vec!["of the same turn"], ms(0)));
    assert_eq!(callbacks.len(), 1, "it waits for the next run");
}

/// asyncio: `call_soon_threadsafe(loop.stop)` wakes a loop that waits. Here: `stop` itself wakes it.
#[tokio::test(start_paused = true)]
async fn a_stop_wakes_a_run_that_waits() {
    let (callbacks, start) = (Callbacks::new(), Instant::now());
    let stops = async {
        sleep(ms(100)).await;
        callbacks.stop();
    };
    let (ran, ()) = ends(async { tokio::join!(callbacks.run(|_| {}), stops) }).await;
    assert_eq!((ran, start.elapsed()), (Ok(()), ms(100)));
}

/// asyncio: "This event loop is already running".
#[tokio::test(start_paused = true)]
async fn a_second_run_is_an_error_while_the_first_lasts() {
    let callbacks = Callbacks::new();
    let mut first = Box::pin(callbacks.run(|_| {}));
    assert_eq!(first.as_mut().now_or_never(), None);
    assert_eq!(ends(callbacks.run(|_| {})).await, Err(RunError::Running));
    callbacks.close();
    assert_eq!(ends(callbacks.run(|_| {})).await, Err(RunError::Running), "it has not ended yet");
    assert_eq!(ends(first).await, Ok(()));
    assert_eq!(ends(callbacks.run(|_| {})).await, Err(RunError::Closed));

    let callbacks = Callbacks::new();
    assert_eq!(callbacks.run(|_| {}).now_or_never(), None);
    turn(&callbacks).await;
}

/// asyncio: `close` drops the scheduled callbacks, and `call_soon` raises `RuntimeError` from then on.
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
        assert_eq!(ends(other.run(|_| {})).await, Err(RunError::Closed));
    }
}

/// asyncio: `close` in a running loop raises `RuntimeError`. Here it ends the run after the callback that it is
/// in.
#[tokio::test(start_paused = true)]
async fn a_close_within_a_turn_ends_it_at_once() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    let closing = callbacks.clone();
    callbacks.call_soon(move || closing.close()).unwrap();
    callbacks.call_soon(adds(&log, "never")).unwrap();
    assert_eq!(ends(callbacks.run(|_| {})).await, Ok(()));
    assert_eq!(log.take(), [""; 0]);
}

/// asyncio: `close` of a running loop raises `RuntimeError`. Here: it ends the run.
#[tokio::test(start_paused = true)]
async fn a_close_wakes_a_run_that_waits() {
    let (callbacks, start) = (Callbacks::new(), Instant::now());
    callbacks.call_later(HOUR, || unreachable!()).unwrap();
    let closes = async {
        sleep(ms(100)).await;
        callbacks.close();
    };
    let (ran, ()) = ends(async { tokio::join!(callbacks.run(|_| {}), closes) }).await;
    assert_eq!((ran, start.elapsed()), (Ok(()), ms(100)));
}

/// A value that a callback owns may use the schedule in its destructor: at a cancel, at a close, or when it is refused.
#[test]
fn a_destructor_of_a_callback_may_schedule_and_cancel() {
    soon_on_a_thread(|| {
        let (callbacks, answers) = (Callbacks::new(), Entries::new());
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

/// asyncio: a callback that schedules itself forever lets other tasks have turns. Here: the same.
#[tokio::test(start_paused = true)]
async fn other_tasks_have_their_turn_although_callbacks_schedule_callbacks_without_end() {
    fn again(callbacks: &Callbacks, delay: Option<Duration>, calls: Count) {
        let next = callbacks.clone();
        let call = move || {
            calls.add();
            assert!(calls.get() < 10_000, "no other task has had a turn");
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
            ends(async { tokio::join!(callbacks.run(|panic| resume_unwind(panic)), other) }).await;
        assert_eq!(ran, Ok(()));
        assert!((1..100).contains(&calls.get()), "{}", calls.get());
    }
}

/// asyncio: `call_later(inf, ...)` never fires, and others do. Here: the same for `Duration::MAX`.
#[tokio::test(start_paused = true)]
async fn a_delay_without_end_is_no_trouble() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    let never = callbacks.call_later(Duration::MAX, adds(&log, "never")).unwrap();
    callbacks.call_later(ms(100), adds(&log, "after 100 ms")).unwrap();
    callbacks.call_later(HOUR, stops(&callbacks)).unwrap();
    assert_eq!(ends(callbacks.run(|_| {})).await, Ok(()));
    assert_eq!((log.take(), never.cancel()), (vec!["after 100 ms"], true));
}

/// asyncio: another thread has to use `call_soon_threadsafe`. Here every thread uses the same functions.
#[test]
fn another_thread_may_schedule_and_a_run_that_waits_hears_of_it() {
    soon_on_a_thread(|| {
        let (callbacks, log) = (Callbacks::new(), Entries::new());
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

/// asyncio: `run_forever` without callbacks waits until `stop`. Here: the same.
#[tokio::test(start_paused = true)]
async fn of_nothing_a_run_waits_and_a_turn_is_over_at_once() {
    let callbacks = Callbacks::new();
    assert_eq!(timeout(HOUR, callbacks.run(|_| {})).await.ok(), None);
    turn(&callbacks).await;
}

/// The delays come in scrambled order: the heap loses no callback and calls none twice.
#[tokio::test(start_paused = true)]
async fn thirty_thousand_are_called_each_once() {
    let (callbacks, called) = (Callbacks::new(), Count::default());
    for number in 0..30_000_u64 {
        let called = called.clone();
        let delay = us(number.wrapping_mul(7_919) % 50_000);
        callbacks.call_later(delay, move || called.add()).unwrap();
    }
    callbacks.call_later(ms(100), stops(&callbacks)).unwrap();
    ends(callbacks.run(|_| {})).await.unwrap();
    assert_eq!((called.get(), callbacks.len()), (30_000, 0));
}

/// Threads schedule and cancel, runs are stopped and dropped. Each callback is called or cancelled, and never both. The
/// callbacks that one thread wanted soon are called in its order.
#[test]
fn from_many_threads_each_is_called_or_cancelled() {
    const EACH: usize = 40;

    async fn schedule(
        callbacks: Callbacks,
        who: usize,
        mut random: Rng,
        log: Entries<(usize, usize, bool)>,
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
        let (callbacks, log) = (Callbacks::new(), Entries::new());
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

    soon_on_a_thread(|| {
        many_threads().build().unwrap().block_on(async {
            for seed in 0..100 {
                tokio::spawn(round(seed)).await.unwrap();
            }
        });
    });
}
