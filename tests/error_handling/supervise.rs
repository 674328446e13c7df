//! Lessons of the pattern `supervise`.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use backon::BackoffBuilder;
use error_handling::supervise::{NameTaken, Panicked, Restart, Supervisor, WorkerEnd};
use futures::FutureExt;
use futures::future::pending;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::{Log, OnDrop, alive_tasks, ms, panics, soon};
use crate::work::supervise::{ALWAYS, PAUSES, failing, pauses, supervisor};
use crate::work::{Broken, aborted, load};

/// asyncio: a background task that fails is logged, if at all, when it is collected. Here: at once, by name.
#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_with_the_name_of_its_worker() {
    let (mut supervisor, reported) = supervisor();
    supervisor.start("feed", None, failing(100)).unwrap();
    let (name, end) = soon(supervisor.next_end()).await.unwrap();
    assert!(matches!(end, WorkerEnd::Failed(error) if error.is::<Broken>()));
    let report = (100, name, "bad is broken".to_owned(), None);
    assert_eq!(*reported.lock().unwrap(), [report]);
}

/// asyncio: an exception of one task leaves the others alone. Here: so does a panic; its text is reported.
#[tokio::test(start_paused = true)]
async fn a_panic_is_contained_and_reported_with_its_text() {
    let (mut supervisor, reported) = supervisor();
    supervisor.start("feed", None, |_| async { Ok(load("panics", 100).await.map(drop)?) }).unwrap();
    supervisor.start("mail", None, |_| async { Ok(load("ok", 200).await.map(drop)?) }).unwrap();
    let (name, end) = soon(supervisor.next_end()).await.unwrap();
    assert_eq!(name, "feed");
    assert!(
        matches!(end, WorkerEnd::Failed(error) if error.downcast_ref() == Some(&Panicked("panics after 100".to_owned())))
    );
    assert_eq!(reported.lock().unwrap()[0].2, "panicked: panics after 100");
    assert!(matches!(soon(supervisor.next_end()).await, Some((name, WorkerEnd::Finished)) if name == "mail"));
    assert!(soon(supervisor.next_end()).await.is_none());
}

/// The future is made anew for each run; a panic in making it counts as a panic of the worker.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_call_that_makes_the_worker_is_contained_too() {
    let (mut supervisor, reported) = supervisor();
    let mut calls = 0;
    let work = move |_| {
        calls += 1;
        assert!(calls > 1, "first call");
        async { Ok(()) }
    };
    supervisor.start("feed", Some(ALWAYS), work).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Finished))));
    assert_eq!(reported.lock().unwrap()[0].2, "panicked: first call");
}

/// A worker that fails at once must not spin: its pauses double from 125 ms up to a second.
#[tokio::test(start_paused = true)]
async fn the_pauses_grow_up_to_the_longest() {
    let (mut supervisor, reported) = supervisor();
    supervisor.start("feed", Some(ALWAYS), failing(0)).unwrap();
    sleep(ms(3_000)).await;
    let expected = [(0, 125), (125, 250), (375, 500), (875, 1_000), (1_875, 1_000), (2_875, 1_000)];
    assert_eq!(pauses(&reported), expected.map(|(at, pause)| (at, Some(pause))));
}

/// Workers that failed together should not come back together. The same seed draws the same pauses.
#[tokio::test(start_paused = true)]
async fn jitter_lengthens_each_pause_by_a_random_part_of_it() {
    let seeded = |seed| PAUSES.with_jitter().with_jitter_seed(seed);
    let mut drawn = Vec::new();
    for seed in [1, 1, 2] {
        let (mut supervisor, reported) = supervisor();
        let restart = Restart { pauses: seeded(seed), failures: 5, ..ALWAYS };
        supervisor.start("feed", Some(restart), failing(0)).unwrap();
        soon(supervisor.next_end()).await;
        let pauses: Vec<_> = reported.lock().unwrap().iter().filter_map(|report| report.3).collect();
        assert!(
            pauses.iter().zip([125, 250, 500, 1_000]).all(|(p, base)| *p >= ms(base) && *p < ms(2 * base))
        );
        assert_eq!(pauses, seeded(seed).build().take(4).collect::<Vec<_>>());
        drawn.push(pauses);
    }
    assert!(drawn[0] == drawn[1] && drawn[0] != drawn[2]);
}

/// The third failure within the window is the last: no pause follows, and the worker ends with its error.
#[tokio::test(start_paused = true)]
async fn it_gives_up_at_the_failure_that_makes_too_many() {
    let (mut supervisor, reported) = supervisor();
    let restart = Restart { failures: 3, window: ms(60_000), ..ALWAYS };
    supervisor.start("feed", Some(restart), failing(100)).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Failed(_)))));
    assert_eq!(pauses(&reported), [(100, Some(125)), (325, Some(250)), (675, None)]);
}

/// Two failures are always less than the window apart, but three are not: the first no longer counts.
#[tokio::test(start_paused = true)]
async fn failures_before_the_window_do_not_count() {
    let constant = PAUSES.with_factor(1.0);
    // Failures come at 100, 325, 550, 775 ... ms: the first and the third are 450 ms apart.
    for (window, given_up) in [(450, true), (449, false)] {
        let (mut supervisor, reported) = supervisor();
        let restart = Restart { pauses: constant, failures: 3, window: ms(window), ..ALWAYS };
        supervisor.start("feed", Some(restart), failing(100)).unwrap();
        assert_eq!(timeout(ms(2_000), supervisor.next_end()).await.is_ok(), given_up);
        assert_eq!(pauses(&reported).len(), if given_up { 3 } else { 9 });
    }
}

/// Two pauses are a limit as well: the third failure ends the worker.
#[tokio::test(start_paused = true)]
async fn pauses_that_end_are_a_reason_to_give_up() {
    let (mut supervisor, reported) = supervisor();
    let restart = Restart { pauses: PAUSES.with_max_times(2), ..ALWAYS };
    supervisor.start("feed", Some(restart), failing(0)).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Failed(_)))));
    assert_eq!(pauses(&reported), [(0, Some(125)), (125, Some(250)), (375, None)]);
}

/// A run of 400 ms counts as healthy, one of 399 does not: only the first starts the pauses over.
#[tokio::test(start_paused = true)]
async fn after_a_healthy_run_the_pauses_begin_anew() {
    let (mut supervisor, reported) = supervisor();
    let mut lives = [10, 10, 399, 400, 10].into_iter();
    let work = move |_| {
        let life = lives.next();
        async move {
            match life {
                Some(millis) => Ok(load("bad", millis).await.map(drop)?),
                None => Ok(()),
            }
        }
    };
    supervisor.start("feed", Some(Restart { healthy: ms(400), ..ALWAYS }), work).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Finished))));
    let drawn: Vec<_> = pauses(&reported).into_iter().map(|(_, pause)| pause.unwrap()).collect();
    assert_eq!(drawn, [125, 250, 500, 125, 250]);
}

/// A worker that returns `Ok` is done.
#[tokio::test(start_paused = true)]
async fn a_worker_that_finishes_is_not_started_again() {
    let (mut supervisor, reported) = supervisor();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let work = move |_| {
        counted.fetch_add(1, SeqCst);
        async { Ok(()) }
    };
    supervisor.start("feed", Some(ALWAYS), work).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Finished))));
    assert_eq!((runs.load(SeqCst), reported.lock().unwrap().len()), (1, 0));
}

/// asyncio: a loop of `try: ... except Exception` lets `CancelledError` pass. A mutant that restarts a cancelled
/// worker, or reports it, fails here.
#[tokio::test(start_paused = true)]
async fn a_cancelled_worker_is_neither_reported_nor_started_again() {
    let (mut supervisor, reported) = supervisor();
    let log = Log::default();
    let entries = log.clone();
    let work = move |_| {
        entries.add("begins");
        let guard = entries.on_drop("dropped");
        async move {
            let _guard = guard;
            pending().await
        }
    };
    supervisor.start("feed", Some(ALWAYS), work).unwrap();
    sleep(ms(100)).await;
    assert!(supervisor.cancel("feed"));
    assert!(!supervisor.cancel("mail"));
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Cancelled))));
    sleep(ms(5_000)).await;
    assert_eq!(
        (log.take(), reported.lock().unwrap().len()),
        (vec!["begins".to_owned(), "dropped".to_owned()], 0)
    );
}

/// In a pause no work runs that could see a token: `cancel` prevents the restart instead.
#[tokio::test(start_paused = true)]
async fn a_worker_that_is_cancelled_in_its_pause_is_not_started_again() {
    let (mut supervisor, reported) = supervisor();
    supervisor.start("feed", Some(ALWAYS), failing(100)).unwrap();
    sleep(ms(150)).await;
    supervisor.cancel("feed");
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Cancelled))));
    sleep(ms(5_000)).await;
    assert_eq!(pauses(&reported), [(100, Some(125))]);
}

/// asyncio: `CancelledError` of an awaited task ends the awaiter as cancelled. Here it is an `Err`, perhaps under a
/// context, and must not count as a failure.
#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_for_its_own_task_was_aborted_counts_as_cancelled() {
    let (mut supervisor, reported) = supervisor();
    let work = |_| async { Err(anyhow::Error::from(aborted().await).context("reading the feed")) };
    supervisor.start("feed", Some(ALWAYS), work).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Cancelled))));
    assert_eq!(reported.lock().unwrap().len(), 0);
}

/// ... but a panic of a task that it awaits is a failure.
#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_for_its_own_task_panicked_has_failed() {
    let (mut supervisor, reported) = supervisor();
    let work = |_| async { Ok(tokio::spawn(load("panics", 100)).await?.map(drop)?) };
    supervisor.start("feed", None, work).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Failed(_)))));
    assert_eq!(reported.lock().unwrap().len(), 1);
}

/// asyncio: two tasks may share a name. Here: a name belongs to one worker, until `next_end` returns its end.
#[tokio::test(start_paused = true)]
async fn a_name_is_free_again_when_its_end_has_been_taken() {
    let (mut supervisor, _) = supervisor();
    supervisor.start("feed", None, |_| async { Ok(()) }).unwrap();
    let second = |_| async { Ok(()) };
    assert_eq!(supervisor.start("feed", None, second), Err(NameTaken("feed".to_owned())));
    soon(supervisor.next_end()).await.unwrap();
    assert_eq!(supervisor.start("feed", None, second), Ok(()));
}

/// One worker cleans up when its token is cancelled, and has time for it. One ignores the token and is aborted. One
/// waits for its restart and is not restarted. The result names each of them.
#[tokio::test(start_paused = true)]
async fn a_shutdown_tells_waits_aborts_and_accounts_for_every_worker() {
    let (mut supervisor, reported) = supervisor();
    let (start, log) = (Instant::now(), Log::default());
    let cleans = log.clone();
    let listens = move |stop: CancellationToken| {
        let cleans = cleans.clone();
        async move {
            stop.cancelled().await;
            sleep(ms(200)).await;
            cleans.add("clean");
            Ok(())
        }
    };
    let fails = |stop: CancellationToken| async move {
        stop.cancelled().await;
        Ok(load("bad", 300).await.map(drop)?)
    };
    supervisor.start("listens", None, listens).unwrap();
    supervisor.start("deaf", Some(ALWAYS), |_| pending()).unwrap();
    supervisor.start("pauses", Some(ALWAYS), failing(90)).unwrap();
    supervisor.start("fails", Some(ALWAYS), fails).unwrap();
    sleep(ms(100)).await;
    let ends: Vec<_> = soon(supervisor.shutdown(ms(500)))
        .await
        .into_iter()
        .map(|(name, end)| match end {
            WorkerEnd::Finished => (name, "finished"),
            WorkerEnd::Failed(_) => (name, "failed"),
            WorkerEnd::Cancelled => (name, "cancelled"),
        })
        .collect();
    let expected =
        [("pauses", "cancelled"), ("listens", "finished"), ("fails", "failed"), ("deaf", "cancelled")];
    assert_eq!(ends, expected.map(|(name, end)| (name.to_owned(), end)));
    assert_eq!((start.elapsed(), alive_tasks(), log.take()), (ms(600), 0, vec!["clean".to_owned()]));
    assert_eq!(pauses(&reported), [(90, Some(125)), (400, None)], "reported up to the end");
}

/// asyncio: a cancelled task is done when awaiting it returns. Tokio: a dropped `JoinSet` aborts and does not wait.
#[tokio::test(start_paused = true)]
async fn what_a_worker_held_is_dropped_when_the_shutdown_returns() {
    let (mut supervisor, _) = supervisor();
    let held = Arc::new(());
    let owned = held.clone();
    let work = move |_| {
        let owned = owned.clone();
        async move {
            let _owned = owned;
            pending().await
        }
    };
    supervisor.start("feed", None, work).unwrap();
    yield_now().await;
    assert_eq!(Arc::strong_count(&held), 3);
    soon(supervisor.shutdown(Duration::ZERO)).await;
    assert_eq!(Arc::strong_count(&held), 1);
}

/// asyncio: tasks outlive the object that created them. Here: the drop aborts workers and cancels helpers.
#[tokio::test(start_paused = true)]
async fn a_dropped_supervisor_aborts_its_workers_and_cancels_their_token() {
    let (mut supervisor, reported) = supervisor();
    let log = Log::default();
    let entries = log.clone();
    let work = move |stop: CancellationToken| {
        let helper = entries.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            helper.add("helper told");
        });
        let guard = entries.on_drop("worker dropped");
        async move {
            let _guard = guard;
            pending().await
        }
    };
    supervisor.start("feed", Some(ALWAYS), work).unwrap();
    yield_now().await;
    drop(supervisor);
    sleep(ms(1)).await;
    let mut entries = log.take();
    entries.sort();
    assert_eq!((entries, alive_tasks()), (vec!["helper told".to_owned(), "worker dropped".to_owned()], 0));
    assert_eq!(reported.lock().unwrap().len(), 0);
}

/// An error may own something that the next run needs: a connection, a permit, a file.
#[tokio::test(start_paused = true)]
async fn an_error_is_gone_before_the_pause_that_follows_it() {
    #[derive(Debug, thiserror::Error)]
    #[error("held")]
    struct Holds(Arc<()>);
    let (mut supervisor, _) = supervisor();
    let held = Arc::new(());
    let given = Arc::downgrade(&held);
    let work = move |_| {
        let error = given.upgrade().map(Holds);
        async move { error.map_or(Ok(()), |error| Err(error.into())) }
    };
    supervisor.start("feed", Some(ALWAYS), work).unwrap();
    sleep(ms(1)).await;
    assert_eq!(Arc::strong_count(&held), 1);
    drop(held);
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Finished))));
}

/// Without a worker it returns at once, and no time passes.
#[tokio::test]
async fn of_nobody_there_is_no_end_and_the_shutdown_is_over_at_once() {
    let (mut supervisor, _) = supervisor();
    assert!(supervisor.next_end().now_or_never().unwrap().is_none());
    assert!(supervisor.shutdown(Duration::MAX).now_or_never().unwrap().is_empty());
}

/// A worker fails without ever waiting, and is restarted without a pause. The other workers still run.
#[tokio::test(start_paused = true)]
async fn a_worker_that_fails_at_once_for_ever_does_not_starve_the_others() {
    let (mut supervisor, _) = supervisor();
    let restart = Restart { pauses: PAUSES.with_min_delay(Duration::ZERO), window: Duration::ZERO, ..ALWAYS };
    supervisor.start("hot", Some(restart), |_| async { Err(Broken("at once").into()) }).unwrap();
    for _ in 0..100 {
        yield_now().await;
    }
    let ends = soon(supervisor.shutdown(Duration::ZERO)).await;
    assert!(matches!(ends[..], [(_, WorkerEnd::Cancelled | WorkerEnd::Failed(_))]));
}

/// The report is the caller's code: its panic ends one worker, and not the supervisor.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_report_ends_its_worker_and_no_other() {
    let mut supervisor = Supervisor::new(|_: &str, _: &anyhow::Error, _| panic!("cannot report"));
    supervisor.start("feed", Some(ALWAYS), failing(100)).unwrap();
    supervisor.start("mail", None, |_| async { Ok(load("ok", 200).await.map(drop)?) }).unwrap();
    let (name, end) = soon(supervisor.next_end()).await.unwrap();
    assert_eq!(name, "feed");
    assert!(matches!(end, WorkerEnd::Failed(error) if error.to_string() == "panicked: cannot report"));
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Finished))));
}

/// Random workers run on many threads, and some are cancelled; then comes a shutdown. Each worker has one end, each
/// failure one report, and no worker is alive afterwards.
#[test]
fn on_many_threads_every_worker_has_one_end_and_every_failure_one_report() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let random = &mut fastrand::Rng::with_seed(3);
    for round in 0..30 {
        let (failures, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
        let reports = Arc::new(AtomicUsize::new(0));
        let counted = reports.clone();
        let mut supervisor = Supervisor::new(move |_: &str, _: &anyhow::Error, _| {
            counted.fetch_add(1, SeqCst);
        });
        let schedule: Vec<_> =
            (0..20).map(|_| (random.u8(0..6), random.u8(0..4), random.u8(0..10))).collect();
        let pauses = PAUSES.with_min_delay(Duration::ZERO);
        let ends = runtime.block_on(async {
            for (n, (yields, kind, _)) in schedule.iter().copied().enumerate() {
                let (failures, alive) = (failures.clone(), alive.clone());
                let restart = Restart { pauses, failures: 5, ..ALWAYS };
                let work = move |stop: CancellationToken| {
                    let (failures, alive) = (failures.clone(), alive.clone());
                    async move {
                        let _alive = alive;
                        for _ in 0..yields {
                            yield_now().await;
                        }
                        match kind {
                            0 => Ok(()),
                            1 => {
                                stop.cancelled().await;
                                Ok(())
                            }
                            2 => {
                                failures.fetch_add(1, SeqCst);
                                Err(Broken("random").into())
                            }
                            _ => pending().await,
                        }
                    }
                };
                supervisor.start(n.to_string(), Some(restart), work).unwrap();
            }
            let mut ends = Vec::new();
            for (n, (_, _, cancelled)) in schedule.iter().enumerate() {
                if *cancelled == 0 {
                    supervisor.cancel(&n.to_string());
                }
                if let Some(Some(end)) = supervisor.next_end().now_or_never() {
                    ends.push(end);
                }
                yield_now().await;
            }
            ends.extend(soon(supervisor.shutdown(Duration::from_micros(500))).await);
            ends
        });
        let mut names: Vec<usize> = ends.iter().map(|(name, _)| name.parse().unwrap()).collect();
        names.sort();
        assert_eq!(names, (0..20).collect::<Vec<_>>(), "round {round}");
        assert_eq!(reports.load(SeqCst), failures.load(SeqCst), "round {round}");
        assert_eq!(Arc::strong_count(&alive), 1, "round {round}");
    }
}

/// Any value can be the payload of a panic, even one whose destructor panics. The worker is restarted.
#[tokio::test(start_paused = true)]
async fn a_payload_that_panics_when_dropped_is_a_failure() {
    let (mut supervisor, reported) = supervisor();
    let mut calls = 0;
    let work = move |_| {
        calls += 1;
        if calls == 1 { resume_unwind(Box::new(OnDrop(|| panics("dropped")))) } else { async { Ok(()) } }
    };
    supervisor.start("feed", Some(ALWAYS), work).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Finished))));
    assert_eq!(reported.lock().unwrap()[0].2, "panicked: a value that is not text");
}

/// Libraries put the error of a task into an `io::Error`, whose `source` skips it. The supervisor finds it there, even
/// under a context.
#[tokio::test(start_paused = true)]
async fn a_cancellation_inside_an_io_error_is_no_failure() {
    let (mut supervisor, reported) = supervisor();
    let work = |_| async {
        let inner = std::io::Error::other(std::io::Error::other(aborted().await));
        Err(anyhow::Error::from(inner).context("reading the feed"))
    };
    supervisor.start("feed", Some(ALWAYS), work).unwrap();
    assert!(matches!(soon(supervisor.next_end()).await, Some((_, WorkerEnd::Cancelled))));
    assert!(reported.lock().unwrap().is_empty());
}

/// asyncio: `wait_for` accepts a result in the instant of its limit. Here: so does the grace period, even for five
/// hundred workers with two timers each.
#[tokio::test(start_paused = true)]
async fn workers_that_are_due_with_the_grace_are_in_time() {
    let (mut supervisor, _told) = supervisor();
    for number in 0..500 {
        let work = |stop: CancellationToken| async move {
            stop.cancelled().await;
            sleep(ms(50)).await;
            sleep(ms(50)).await;
            Ok(())
        };
        supervisor.start(number.to_string(), None, work).unwrap();
    }
    yield_now().await;
    let start = Instant::now();
    let ends = supervisor.shutdown(ms(100)).await;
    assert_eq!(ends.iter().filter(|(_, end)| matches!(end, WorkerEnd::Finished)).count(), 500);
    assert_eq!(start.elapsed(), ms(100));
}

/// Tokio does not show when all tasks that are due in an instant have run.
#[tokio::test(start_paused = true)]
async fn but_one_with_many_turns_in_that_instant_is_aborted() {
    let (mut supervisor, _told) = supervisor();
    let work = |stop: CancellationToken| async move {
        stop.cancelled().await;
        sleep(ms(100)).await;
        for _ in 0..100 {
            yield_now().await;
        }
        Ok(())
    };
    supervisor.start("slow", None, work).unwrap();
    yield_now().await;
    assert!(matches!(supervisor.shutdown(ms(100)).await[..], [(_, WorkerEnd::Cancelled)]));
}
