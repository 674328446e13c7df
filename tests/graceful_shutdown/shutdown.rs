//! Lessons of the pattern `shutdown`.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use futures::{FutureExt, StreamExt, stream};
use graceful_shutdown::shutdown::{Grace, IntakeClosed, JobEnd, StopReason, Summary, serve};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::real_time::soon_on_a_thread;
use crate::support::{Count, Entries, OnDrop, PanicsWhenDropped, busy, ends, in_a_few_turns, ms, soon};
use crate::work::shutdown::{AnyError, GRACE, JobResult, Jobs, Kind, intake, job, summary};
use crate::work::{AN_HOUR, on_four_threads, signals_at};

/// Serves, and returns the summary, the time it took, and the reported ends with their times.
async fn served<T, F: Future<Output = T>>(
    signals: impl futures::Stream<Item = u64>,
    intake: impl FnOnce(Jobs) -> F,
) -> (Summary<u64, T>, Duration, Vec<(String, Duration)>) {
    let (start, mut ends) = (Instant::now(), Vec::new());
    let report = |name: &str, end: &JobEnd<AnyError>| {
        let end = match end {
            JobEnd::Finished => "finished".to_owned(),
            JobEnd::Cancelled => "cancelled".to_owned(),
            JobEnd::Failed(error) => format!("failed: {error}"),
            // Leaves out the number of the task, which comes first.
            JobEnd::Panicked(error) => error.to_string().splitn(3, ' ').nth(2).unwrap().to_owned(),
        };
        ends.push((format!("{name} {end}"), start.elapsed()));
    };
    let summary = crate::support::ends(serve(signals, GRACE, intake, report)).await;
    (summary, start.elapsed(), ends)
}

fn reports<const N: usize>(expected: [(&str, u64); N]) -> Vec<(String, Duration)> {
    expected.map(|(end, millis)| (end.to_owned(), ms(millis))).into()
}

/// A whole shutdown: one job finishes before the signal, one in the time to finish, one cleans up, one is left.
#[tokio::test(start_paused = true)]
async fn what_is_in_flight_may_finish_then_clean_up_and_what_is_left_is_named() {
    let kinds = [
        ("early", Kind::Takes(100)),
        ("in time", Kind::Takes(450)),
        ("told", Kind::CleansUp(50)),
        ("stubborn", Kind::Takes(10_000)),
    ];
    let served = served(signals_at([300]), intake(kinds)).await;
    let reported = reports([("early finished", 100), ("in time finished", 450), ("told cancelled", 550)]);
    assert_eq!(served, (summary(StopReason::Signal(300), [2, 1, 0], &["stubborn"]), ms(600), reported));
}

/// A grace period is a limit and no pause: the shutdown ends with the last job.
#[tokio::test(start_paused = true)]
async fn when_all_have_finished_nobody_waits_for_the_grace_to_end() {
    let served = served(signals_at([300]), intake([("a", Kind::Takes(350)), ("b", Kind::Takes(320))])).await;
    let reported = reports([("b finished", 320), ("a finished", 350)]);
    assert_eq!(served, (summary(StopReason::Signal(300), [2, 0, 0], &[]), ms(350), reported));
}

/// asyncio: an exception of one task leaves the others alone. Here: an error or a panic does, at any time.
#[tokio::test(start_paused = true)]
async fn an_error_and_a_panic_of_a_job_are_its_own_and_are_counted() {
    let kinds = [
        ("fails", Kind::Fails(100)),
        ("panics", Kind::Panics(200)),
        ("fails late", Kind::Fails(400)),
        ("panics late", Kind::Panics(550)),
    ];
    let served = served(signals_at([300]), intake(kinds)).await;
    let reported = reports([
        ("fails failed: disk full", 100),
        ("panics panicked with message \"no index\"", 200),
        ("fails late failed: disk full", 400),
        ("panics late panicked with message \"no index\"", 550),
    ]);
    assert_eq!(served, (summary(StopReason::Signal(300), [0, 0, 4], &[]), ms(550), reported));
}

/// Code of a job that runs outside its future may panic: that is a failure of the job as well.
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
    let reported = reports([
        ("destructor panicked with message \"in the destructor\"", 0),
        ("call panicked with message \"in the call\"", 0),
    ]);
    assert_eq!(served, (summary(StopReason::Signal(300), [0, 0, 2], &[]), ms(300), reported));
}

/// asyncio: a second Ctrl-C interrupts the program at once. Here: so does any signal after the stop.
#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_it_at_once() {
    for second in [310, 550] {
        let kinds = [("quick", Kind::Takes(100)), ("slow", Kind::Takes(9_000)), ("deaf", Kind::Takes(9_000))];
        let (summary, elapsed, _) = served(signals_at([300, second]), intake(kinds)).await;
        assert_eq!(
            (summary.stop, summary.forced, elapsed),
            (StopReason::Signal(300), Some(second), ms(second))
        );
        assert_eq!((summary.finished, summary.stragglers), (1, vec!["slow".to_owned(), "deaf".to_owned()]));
    }
}

/// Two signals that are ready at once count as two: no grace period begins.
#[tokio::test(start_paused = true)]
async fn two_signals_in_one_instant_are_two() {
    let (summary, elapsed, _) =
        served(stream::iter([1, 2]).chain(stream::pending()), intake([("a", Kind::Takes(1))])).await;
    assert_eq!((summary.stop, summary.forced, elapsed), (StopReason::Signal(1), Some(2), ms(0)));
    assert_eq!(summary.stragglers, [""; 0], "the intake has never been polled");
}

/// A forced end drops the rest: jobs that ended in that instant are still counted as finished.
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

/// The remaining jobs are aborted: each is dropped at its next turn, even if a clone of the jobs is kept.
#[tokio::test(start_paused = true)]
async fn what_is_left_is_aborted() {
    for signals in [vec![300], vec![300, 310]] {
        let (dropped, token, clones) = (Count::default(), Entries::new(), Entries::new());
        let (guard, tokens, kept) = (dropped.on_drop(), token.clone(), clones.clone());
        let stubborn = move |jobs: Jobs| {
            let start = move |cancel: CancellationToken| async move {
                let _guard = guard;
                tokens.add(cancel);
                sleep(AN_HOUR).await;
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

/// asyncio: a task can be created while the loop shuts down. Here that is an error.
#[tokio::test(start_paused = true)]
async fn after_the_stop_no_job_is_started() {
    let (escaped, ran) = (Entries::new(), Count::default());
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
            assert_eq!(later.start("too late", more), Err(IntakeClosed));
            Ok(())
        };
        jobs.start("starts more", starts_more).unwrap();
        std::future::pending::<()>()
    };
    let (summary, ..) = served(signals_at([300]), keeps_a_clone).await;
    assert_eq!((summary.cancelled, summary.failed), (1, 0));
    let jobs = &escaped.take()[0];
    assert_eq!(jobs.start("after the end", |_| async { unreachable!() }), Err(IntakeClosed));
    assert_eq!((ran.get(), jobs.is_empty()), (0, true));
}

/// A refused job is dropped, and its destructor may call `start` again.
#[test]
fn what_is_refused_is_dropped_outside_of_the_lock() {
    soon_on_a_thread(|| {
        let escaped = Entries::new();
        let escapes = async |jobs| escaped.add(jobs);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async { served(signals_at([1]), escapes).await });
        let jobs = escaped.take().remove(0);
        let again = jobs.clone();
        let asks_again =
            OnDrop(move || assert_eq!(again.start("again", |_| async { Ok(()) }), Err(IntakeClosed)));
        let refused = move |_| async move {
            let _moved = asks_again;
            Ok(())
        };
        assert_eq!(jobs.start("late", refused), Err(IntakeClosed));
    });
}

/// A connection that waits for its next request has no work to finish: it watches for the stop, and not for the
/// cancellation.
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
    let reported = reports([("idle finished", 300)]);
    assert_eq!(served, (summary(StopReason::Signal(300), [1, 0, 0], &[]), ms(300), reported));
}

/// The intake owns the listener: its drop closes the port, and no request comes in any more.
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

/// A service may run out of requests: the jobs in flight have the same two grace periods.
#[tokio::test(start_paused = true)]
async fn an_intake_that_returns_ends_it_as_a_signal_does() {
    let three = |jobs: Jobs| async move {
        for (name, kind) in [("a", Kind::Takes(100)), ("b", Kind::CleansUp(10)), ("c", Kind::Takes(9_000))] {
            jobs.start(name, move |cancel| job(kind, cancel)).unwrap();
            sleep(ms(10)).await;
        }
        "no more requests"
    };
    let served = served(signals_at([]), three).await;
    let reported = reports([("a finished", 100), ("b cancelled", 240)]);
    assert_eq!(
        served,
        (summary(StopReason::Intake("no more requests"), [1, 1, 0], &["c"]), ms(330), reported)
    );
}

/// During the shutdown a first signal is enough: the intake has ended already.
#[tokio::test(start_paused = true)]
async fn a_signal_after_that_ends_it_at_once() {
    let one = |jobs: Jobs| {
        jobs.start("a", |cancel| job(Kind::Takes(9_000), cancel)).unwrap();
        std::future::ready("no more requests")
    };
    let (summary, elapsed, _) = served(signals_at([50]), one).await;
    assert_eq!(
        (summary.stop, summary.forced, elapsed),
        (StopReason::Intake("no more requests"), Some(50), ms(50))
    );
}

/// asyncio: an exception in `main` is raised after `asyncio.run` has cleaned up.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_intake_goes_on_after_the_shutdown() {
    let (start, ended) = (Instant::now(), Entries::new());
    let panics = |jobs: Jobs| async move {
        jobs.start("a", |cancel| job(Kind::Takes(50), cancel)).unwrap();
        sleep(ms(10)).await;
        panic!("the listener is broken")
    };
    let report = |name: &str, _: &JobEnd<AnyError>| ended.add((name.to_owned(), start.elapsed()));
    let serving =
        AssertUnwindSafe(serve::<_, (), _, _>(signals_at([]), GRACE, panics, report)).catch_unwind();
    let panic = ends(serving).await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the listener is broken"));
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
    let reported = reports([
        ("finishes finished", 500),
        ("too late to finish cancelled", 501),
        ("cleans up cancelled", 600),
    ]);
    assert_eq!(
        served,
        (summary(StopReason::Signal(300), [1, 2, 0], &["too late to clean up"]), ms(600), reported)
    );
}

/// Any number of jobs is in time, even if each has two timers, or needs another turn.
#[tokio::test(start_paused = true)]
async fn jobs_that_are_due_with_the_deadline_have_their_turns() {
    let many = |jobs: Jobs| {
        for number in 0..1_000 {
            let two_timers_and_a_turn = |_| async move {
                sleep(ms(450)).await;
                sleep(ms(50)).await;
                yield_now().await;
                JobResult::Ok(())
            };
            jobs.start(format!("job-{number}"), two_timers_and_a_turn).unwrap();
        }
        std::future::pending::<()>()
    };
    let (summary, elapsed, _) = served(signals_at([300]), many).await;
    assert_eq!((summary.finished, summary.cancelled, elapsed), (1_000, 0, ms(500)));
}

/// Tokio does not show whether a task that is due now still needs a turn, or two, or twenty.
#[tokio::test(start_paused = true)]
async fn but_a_job_with_many_turns_in_that_instant_is_late() {
    let turns = |turns: usize| {
        move |_| async move {
            sleep(ms(500)).await;
            for _ in 0..turns {
                yield_now().await;
            }
            JobResult::Ok(())
        }
    };
    let both = |jobs: Jobs| {
        jobs.start("one turn", turns(1)).unwrap();
        jobs.start("many turns", turns(20)).unwrap();
        std::future::pending::<()>()
    };
    let (summary, elapsed, reported) = served(signals_at([300]), both).await;
    assert_eq!((summary.finished, summary.cancelled, elapsed), (1, 1, ms(500)));
    assert_eq!(reported, reports([("one turn finished", 500), ("many turns cancelled", 500)]));
}

/// Each of a thousand jobs starts the next one and ends, so there is always an end to handle. The intake still has its
/// turns.
#[tokio::test(start_paused = true)]
async fn jobs_that_start_the_next_do_not_starve_the_intake() {
    const TICKS: usize = 200;

    fn start_next(jobs: Jobs, started: Count) {
        started.add();
        assert!(started.get() < 2_000 * TICKS, "the intake has no turn");
        let next = jobs.clone();
        let job = move |_| async move {
            start_next(next, started);
            JobResult::Ok(())
        };
        // Refused at the end.
        let _started = jobs.start("one of a chain", job);
    }

    let (ticks, mut ticked) = tokio::sync::mpsc::channel(TICKS);
    (0..TICKS).for_each(|_| ticks.try_send(()).unwrap());
    let receives = async move |jobs: Jobs| {
        let started = Count::default();
        (0..1_000).for_each(|_| start_next(jobs.clone(), started.clone()));
        for _ in 0..TICKS {
            ticked.recv().await.unwrap();
            yield_now().await;
        }
    };
    // As a task, it shares the thread with the jobs, turn by turn.
    let signals = stream::pending::<()>();
    let serving = tokio::spawn(async move { serve(signals, GRACE, receives, |_, _| {}).await });
    let summary = soon(serving).await.unwrap();
    assert_eq!((summary.stop, summary.failed), (StopReason::Intake(()), 0));
}

/// Each of five hundred reports takes a millisecond, and the jobs have fifty milliseconds to finish. After fifty
/// reports the remaining jobs are cancelled, and the reports go on.
#[test]
fn reports_that_take_time_do_not_hold_up_the_deadline() {
    let grace = Grace { to_finish: ms(50), to_clean_up: ms(50) };
    let tokens = Entries::new();
    let escapes = tokens.clone();
    let many = move |jobs: Jobs| async move {
        let slow = move |cancel: CancellationToken| async move {
            escapes.add(cancel.clone());
            cancel.cancelled().await;
            JobResult::Ok(())
        };
        jobs.start("slow", slow).unwrap();
        for number in 0..500 {
            let closing = jobs.closing();
            let idle = move |_| async move {
                closing.cancelled().await;
                JobResult::Ok(())
            };
            jobs.start(format!("job-{number}"), idle).unwrap();
        }
        yield_now().await;
    };
    let (mut reports, mut before) = (0, 0);
    let report = |_: &str, _: &JobEnd<AnyError>| {
        let start = Instant::now();
        while start.elapsed() < ms(1) {
            std::hint::spin_loop();
        }
        reports += 1;
        let token = tokens.0.lock().unwrap()[0].clone();
        before += usize::from(!token.is_cancelled());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let summary = runtime.block_on(serve(stream::pending::<()>(), grace, many, report));
    assert_eq!((summary.finished, summary.cancelled, summary.stragglers.len()), (500, 1, 0));
    assert_eq!(reports, 501);
    assert!(before <= 50, "{before} reports of a millisecond in 50 ms");
}

/// asyncio: an exception may have a `__del__` that raises, which is printed. Here the payload of a panic, or an error,
/// may have such a destructor, and it may call `Jobs`.
#[tokio::test(start_paused = true)]
async fn a_panic_or_an_error_whose_drop_panics_ends_nothing() {
    #[derive(Debug)]
    struct Fails(Jobs);

    impl std::fmt::Display for Fails {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("disk full")
        }
    }

    impl std::error::Error for Fails {}

    impl Drop for Fails {
        fn drop(&mut self) {
            panic!("{} in flight", self.0.len());
        }
    }

    let three = |jobs: Jobs| {
        let (asks, fails) = (jobs.clone(), jobs.clone());
        jobs.start("panics", |_| async { std::panic::panic_any(PanicsWhenDropped) }).unwrap();
        jobs.start("asks", |_| async { std::panic::panic_any(Fails(asks)) }).unwrap();
        jobs.start("fails", |_| async { Err(Fails(fails).into()) }).unwrap();
        std::future::pending::<()>()
    };
    let served = served(signals_at([300]), three).await;
    let reported = reports([("panics panicked", 0), ("asks panicked", 0), ("fails failed: disk full", 0)]);
    assert_eq!(served, (summary(StopReason::Signal(300), [0, 0, 3], &[]), ms(300), reported));
}

/// The bounds of both grace periods: zero ends at once, and the longest waits for every job.
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
        let summary = crate::support::ends(serve(signals_at([300]), grace, intake(kinds), |_, _| {})).await;
        assert_eq!(
            (summary.finished, summary.cancelled, summary.stragglers.len()),
            (finished, cancelled, left),
            "{grace:?}"
        );
    }
}

/// Ten thousand jobs are in flight at the signal: each is accounted for by the deadline.
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

/// A task must yield after 128 results. All results of one instant are counted nevertheless.
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
        let in_a_task = ends(in_a_task).await.unwrap();
        assert_eq!((in_a_task.finished + in_a_task.cancelled, in_a_task.stragglers.len()), (10_000, 0));
    }
}

/// A service runs for a long time: it does not keep ended jobs.
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
    let summary = crate::support::ends(serve(signals_at([]), GRACE, one_by_one, |_, _| reported.add())).await;
    assert_eq!(summary.finished, 3_000);
}

/// Runs on four threads, in real time, with a real signal.
#[test]
#[cfg(unix)]
fn under_load_each_of_ten_thousand_is_accounted_for_by_the_deadline() {
    use rustix::process::{Signal, getpid, kill_process};
    use tokio::signal::unix::{SignalKind, signal};
    soon_on_a_thread(|| {
        on_four_threads().block_on(async {
            let mut hangup = signal(SignalKind::hangup()).unwrap();
            let signals = stream::poll_fn(move |context| hangup.poll_recv(context));
            let (ended, grace) = (Count::default(), Grace { to_finish: ms(30), to_clean_up: ms(30) });
            let load = |jobs: Jobs| {
                for number in 0..10_000 {
                    let ended = ended.clone();
                    let job = move |cancel: CancellationToken| async move {
                        match number % 4 {
                            0 => sleep(Duration::from_micros(number)).await,
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

/// asyncio: a thread needs `run_coroutine_threadsafe`. Here: `start` works from any thread.
#[test]
fn a_thread_may_start_jobs_too() {
    soon_on_a_thread(|| {
        let summary = on_four_threads().block_on(async {
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
            serve(signals, Grace { to_finish: AN_HOUR, to_clean_up: AN_HOUR }, intake, |_, _| {}).await
        });
        assert_eq!((summary.finished, summary.stragglers.len()), (100, 0));
    });
}

/// The report is the caller's code: its panic resumes in the caller, and leaves no job behind.
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
    let report = |_: &str, _: &JobEnd<AnyError>| panic!("the log is full");
    let serving = AssertUnwindSafe(serve(signals_at([]), GRACE, two, report)).catch_unwind();
    let panic = ends(serving).await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the log is full"));
    sleep(ms(1)).await;
    assert_eq!(dropped.get(), 1);
}

/// Many threads start jobs while signals come: each job is refused and never runs, or it is accounted for once.
#[test]
fn from_many_threads_each_job_is_refused_or_accounted_for() {
    const GIVES_UP: Grace =
        Grace { to_finish: Duration::from_micros(500), to_clean_up: Duration::from_micros(500) };

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
                                24..30 => sleep(Duration::from_micros(300)).await,
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
                    sleep(Duration::from_micros(random.u64(0..400))).await;
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

    soon_on_a_thread(|| {
        on_four_threads().block_on(async {
            for seed in 0..60 {
                tokio::spawn(round(seed)).await.unwrap();
            }
        });
    });
}

/// asyncio: a task may raise any exception. Here: the error type of the jobs is a parameter, such as `io::Error` or
/// `anyhow::Error`.
#[tokio::test(start_paused = true)]
async fn the_error_of_a_job_is_the_callers_own_type() {
    use std::io;
    let mut kinds = Vec::new();
    let one = async |jobs: graceful_shutdown::shutdown::Jobs<io::Error>| -> io::Result<()> {
        jobs.start("one", async |_| Err(io::ErrorKind::BrokenPipe.into()))?;
        Ok(())
    };
    let report = |_: &str, end: &JobEnd<io::Error>| {
        if let JobEnd::Failed(error) = end {
            kinds.push(error.kind());
        }
    };
    let summary = crate::support::ends(serve(signals_at([]), GRACE, one, report)).await;
    assert_eq!((summary.failed, kinds), (1, vec![io::ErrorKind::BrokenPipe]));

    let mut causes = Vec::new();
    let one = async |jobs: graceful_shutdown::shutdown::Jobs<anyhow::Error>| -> anyhow::Result<()> {
        jobs.start("one", async |_| anyhow::bail!("disk full"))?;
        Ok(())
    };
    let report = |_: &str, end: &JobEnd<anyhow::Error>| {
        if let JobEnd::Failed(error) = end {
            causes.push(error.root_cause().to_string());
        }
    };
    let summary = crate::support::ends(serve(signals_at([]), GRACE, one, report)).await;
    assert_eq!((summary.failed, causes), (1, vec!["disk full".to_owned()]));
}

/// asyncio: an exception in `start_server`'s accept loop is logged. Here `?` ends the loop, and the jobs have their
/// grace periods.
#[tokio::test(start_paused = true)]
async fn an_error_of_the_accept_loop_ends_it_and_the_jobs_finish() {
    use std::io;
    let mut sockets = vec![Ok(1), Ok(2), Err(io::Error::from(io::ErrorKind::ConnectionAborted))].into_iter();
    let mut accept = async || sockets.next().unwrap();
    let accepts = async |jobs: Jobs| -> io::Result<()> {
        loop {
            let socket = accept().await?;
            jobs.start(format!("socket {socket}"), |cancel| job(Kind::Takes(100), cancel))?;
        }
    };
    let (summary, elapsed, _) = served(signals_at([300]), accepts).await;
    let StopReason::Intake(Err(error)) = summary.stop else { panic!("it ends by an error") };
    assert_eq!((error.kind(), summary.finished, elapsed), (io::ErrorKind::ConnectionAborted, 2, ms(100)));
}

/// In code that returns `io::Error`, `?` converts the error of a late start.
#[test]
fn closed_is_an_io_error_too() {
    let error = std::io::Error::from(IntakeClosed);
    assert_eq!((error.kind(), error.to_string()), (std::io::ErrorKind::Other, IntakeClosed.to_string()));
}

/// asyncio: a done callback is called although the intake only yields, again and again. Here: the end is reported,
/// although the intake uses up its budget each time.
#[tokio::test]
async fn a_busy_intake_keeps_no_end_from_the_report() {
    let (reported, report) = tokio::sync::oneshot::channel();
    let mut reported = Some(reported);
    let intake = async |jobs: Jobs| {
        jobs.start("quick", |_| async { Ok(()) }).unwrap();
        busy::<()>().await
    };
    let report_end = move |_: &str, _: &JobEnd<AnyError>| {
        let _heard = reported.take().map(|reported| reported.send(()));
    };
    let serving = async move { serve(stream::pending::<()>(), GRACE, intake, report_end).await };
    let service = tokio::task::LocalSet::new();
    service.spawn_local(serving);
    let heard = service.run_until(async { in_a_few_turns(tokio::task::spawn_local(report)).await });
    heard.await.unwrap();
}

/// Jobs that end faster than they are reported, and an intake that uses up its turns, hide no signal. asyncio: a signal
/// is heard when the loop comes round, and callbacks do not keep it from that.
#[test]
fn ends_without_an_end_do_not_hide_a_signal() {
    const MOST: usize = 10_000;
    let summary = soon_on_a_thread(|| {
        on_four_threads().block_on(async {
            let (signal, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
            let signals = stream::poll_fn(move |context| arrivals.poll_recv(context));
            let (ran, kept, reported) = (Count::default(), Arc::new(Mutex::new(None)), Count::default());
            let start = {
                let ran = ran.clone();
                move |jobs: &Jobs| {
                    let ran = ran.clone();
                    jobs.start("quick", async move |_| {
                        ran.add();
                        Ok(())
                    })
                    .is_ok()
                }
            };
            let keeps = kept.clone();
            let starts = start.clone();
            let intake = async move |jobs: Jobs| {
                (0..100).for_each(|_| assert!(starts(&jobs)));
                keeps.lock().unwrap().replace(jobs);
                busy::<()>().await
            };
            let report = |_: &str, _: &JobEnd<AnyError>| {
                reported.add();
                if reported.get() == 10 {
                    signal.send(7).unwrap();
                }
                let jobs = kept.lock().unwrap().clone().unwrap();
                if reported.get() < MOST && start(&jobs) {
                    // The next ones have ended before this report has.
                    while ran.get() < reported.get() + 50 {
                        thread::yield_now();
                    }
                }
            };
            serve(signals, Grace { to_finish: AN_HOUR, to_clean_up: AN_HOUR }, intake, report).await
        })
    });
    assert_eq!(summary.stop, StopReason::Signal(7));
    assert!(summary.finished < MOST, "{} were reported before", summary.finished);
}
