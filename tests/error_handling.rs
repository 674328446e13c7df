//! Lessons of `recipes/error_handling`: what becomes of an exception in asyncio, and of an error, a panic and a
//! cancellation on Tokio.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::pending;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What goes wrong here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is broken")]
struct Broken(&'static str);

/// Another thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing")]
struct Missing(&'static str);

/// Takes `millis`; ends as the name says.
async fn load(name: &'static str, millis: u64) -> Result<&'static str, Broken> {
    sleep(ms(millis)).await;
    match name {
        "panics" => panic!("{name} after {millis}"),
        "bad" => Err(Broken(name)),
        _ => Ok(name),
    }
}

/// What happened, in its order, told from many places.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    fn take(&self) -> Vec<String> {
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
    timeout(ms(20_000), work).await.expect("it ends")
}

/// The error of a task that was aborted.
async fn aborted() -> JoinError {
    let task = tokio::spawn(pending::<()>());
    task.abort();
    task.await.unwrap_err()
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

mod one_task {
    use super::*;
    use error_handling::one_task::{LoadError, page_or};
    use std::error::Error;
    use std::io;

    /// asyncio: `except NotFound` around `await task`. Tokio: an arm for the inner `Err`.
    #[tokio::test]
    async fn the_error_that_is_named_is_caught() {
        let task = tokio::spawn(async { Err(LoadError::NotFound("home".to_owned())) });
        assert_eq!(page_or("default", task).await.unwrap(), "default");
    }

    #[tokio::test]
    async fn a_value_passes() {
        let task = tokio::spawn(async { Ok("page".to_owned()) });
        assert_eq!(page_or("default", task).await.unwrap(), "page");
    }

    /// asyncio: what no `except` names goes up. Tokio: the last arm returns it, with its cause.
    #[tokio::test]
    async fn any_other_error_is_handed_on_with_its_cause() {
        let task = tokio::spawn(async {
            let cause = io::Error::other("disk full");
            Err(LoadError::Unreadable { page: "home".to_owned(), cause })
        });
        let error = page_or("default", task).await.unwrap_err();
        assert_eq!(error.to_string(), "home cannot be read");
        assert_eq!(error.source().unwrap().to_string(), "disk full");
    }

    /// asyncio: a bug in a task is raised where the task is awaited. Tokio: a panic stays in its task, as a
    /// `JoinError`; it goes on in the caller if the caller resumes it.
    #[tokio::test]
    async fn a_panic_goes_on_in_the_caller() {
        let task = tokio::spawn(async { panic!("a bug") });
        let panic = std::panic::AssertUnwindSafe(page_or("default", task)).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a bug"));
    }

    /// asyncio: `CancelledError` of an awaited task looks like a cancellation of the one who awaits. Tokio: a value.
    #[tokio::test]
    async fn the_cancellation_of_the_task_is_an_error_and_not_one_of_the_caller() {
        let task = tokio::spawn(pending());
        task.abort();
        let caller = tokio::spawn(page_or("default", task));
        assert!(matches!(caller.await.unwrap(), Err(LoadError::Cancelled)));
    }

    /// A handle that is lent keeps its result when the wait is given up.
    #[test]
    fn a_cancelled_wait_leaves_the_result_in_the_handle() {
        let swept = cancel_sweep::sweep_with(
            || {
                let task = tokio::spawn(async {
                    sleep(ms(100)).await;
                    Err::<String, _>(LoadError::NotFound("home".to_owned()))
                });
                let task = Arc::new(tokio::sync::Mutex::new(task));
                let lent = task.clone();
                (task, async move { page_or("default", &mut *lent.lock().await).await })
            },
            |task, outcome| {
                if let cancel_sweep::Outcome::Cancelled(_) = outcome {
                    let result = (&mut *task.try_lock().unwrap()).now_or_never();
                    assert!(matches!(result, Some(Ok(Err(LoadError::NotFound(_))))));
                }
            },
        );
        assert_eq!(swept.points, 1);
    }
}

mod outcome {
    use super::*;
    use error_handling::outcome::{Outcome, every_outcome};

    /// asyncio: `gather(return_exceptions=True)` puts values and exceptions into one list. Tokio: four kinds.
    #[tokio::test(start_paused = true)]
    async fn a_value_an_error_a_panic_and_a_cancellation_are_told_apart() {
        let start = Instant::now();
        let tasks = [("ok", 300), ("bad", 100), ("panics", 200), ("slow", 900)]
            .map(|(name, millis)| (name, tokio::spawn(load(name, millis))));
        let slow = tasks[3].1.abort_handle();
        let outcomes = every_outcome(tasks);
        slow.abort();
        let outcomes = outcomes.await;
        let expected = [
            ("ok", Outcome::Value("ok")),
            ("bad", Outcome::Error(Broken("bad"))),
            ("panics", Outcome::Panicked("panics after 200".to_owned())),
            ("slow", Outcome::Cancelled),
        ];
        assert_eq!(outcomes, expected);
        assert_eq!(start.elapsed(), ms(300));
    }

    /// asyncio: `CancelledError` is no `Exception`, so that `except Exception` does not take it for a failure.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_task_has_not_failed() {
        let failures = |outcome: &Outcome<&str, Broken>| outcome.is_failure();
        assert!(!failures(&Outcome::Cancelled));
        assert!(!failures(&Outcome::Value("ok")));
        assert!(failures(&Outcome::Error(Broken("bad"))));
        assert!(failures(&Outcome::Panicked("a bug".to_owned())));
        assert!(!failures(&Err(aborted().await).into()));
    }

    /// The hazard: what looks at `is_err` counts a cancelled task among the failed.
    #[tokio::test]
    async fn but_whoever_asks_is_err_counts_it_as_failed() {
        let task = tokio::spawn(load("slow", 100));
        task.abort();
        let result = task.await;
        assert!(result.is_err());
        assert!(!Outcome::from(result).is_failure());
    }

    #[tokio::test]
    async fn of_a_panic_with_any_value_the_text_says_so() {
        let task = tokio::spawn(async { std::panic::panic_any(7) });
        let outcome: Outcome<(), Broken> = task.await.into();
        assert_eq!(outcome, Outcome::Panicked("a value that is not text".to_owned()));
        let task = tokio::spawn(async { panic!("plain") });
        let outcome: Outcome<(), Broken> = task.await.into();
        assert_eq!(outcome, Outcome::Panicked("plain".to_owned()));
    }

    #[tokio::test]
    async fn of_nothing_is_an_empty_list_at_once() {
        assert!(every_outcome::<(), (), ()>([]).now_or_never().unwrap().is_empty());
    }

    #[test]
    fn a_cancelled_wait_aborts_every_task_also_before_its_first_poll() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let tasks = [100, 200].map(|millis| {
                    let ends = log.clone();
                    let work = async move {
                        sleep(ms(millis)).await;
                        ends.add("ended");
                        Ok::<_, Broken>(())
                    };
                    (millis, tokio::spawn(work))
                });
                (log, every_outcome(tasks))
            },
            |log, outcome| {
                assert_eq!(alive_tasks(), 0);
                let ended = log.take().len();
                match outcome {
                    cancel_sweep::Outcome::Finished(outcomes) => assert_eq!((ended, outcomes.len()), (2, 2)),
                    cancel_sweep::Outcome::Cancelled(at) => {
                        assert_eq!(
                            ended,
                            at.suspension.saturating_sub(usize::from(!at.woken)).min(2),
                            "{at}"
                        );
                    }
                }
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod error_group {
    use super::*;
    use anyhow::Context;
    use error_handling::error_group::ErrorGroup;

    /// Two missing and one broken, one of the missing in a group of its own.
    fn nested() -> ErrorGroup {
        let inner = ErrorGroup::new("inner", [Missing("b").into(), Broken("c").into()]);
        ErrorGroup::new("outer", [Missing("a").into(), inner.into()])
    }

    fn texts(group: &ErrorGroup) -> Vec<String> {
        group.leaves().into_iter().map(ToString::to_string).collect()
    }

    /// asyncio: a `TaskGroup` raises all errors of its children as one group. Here the results become one.
    #[test]
    fn every_error_comes_out_or_every_value() {
        assert_eq!(ErrorGroup::collect("pages", [Ok(1), Ok(2)]).unwrap(), [1, 2]);
        assert!(ErrorGroup::collect::<()>("pages", []).unwrap().is_empty());
        let results = [Ok(1), Err(Missing("a").into()), Err(Broken("b").into())];
        let group = ErrorGroup::collect("pages", results).unwrap_err();
        assert_eq!(group.to_string(), "pages [a is missing; b is broken]");
    }

    /// Python: `except* Missing` takes the errors of its type, those of nested groups too.
    #[test]
    fn errors_are_taken_by_type_also_out_of_nested_groups() {
        let mut group = nested();
        assert_eq!(group.take::<Missing>(), [Missing("a"), Missing("b")]);
        assert_eq!(group.take::<Missing>(), []);
        assert_eq!(group.to_string(), "outer [inner [c is broken]]");
    }

    /// Python: what no `except*` takes is raised again, as a group.
    #[test]
    fn what_is_left_is_handed_on_and_nothing_left_is_no_error() {
        let mut group = nested();
        group.take::<Missing>();
        let mut rest = group.into_result().unwrap_err();
        assert_eq!(texts(&rest), ["c is broken"]);
        assert_eq!(rest.take::<Broken>(), [Broken("c")]);
        assert!(rest.into_result().is_ok());
    }

    /// Python: `split` keeps messages and nesting on both sides, and drops groups that become empty.
    #[test]
    fn both_sides_of_a_split_keep_their_nesting() {
        let mut group = nested();
        let missing = group.split_off(|error| error.is::<Missing>());
        assert_eq!(missing.to_string(), "outer [a is missing; inner [b is missing]]");
        assert_eq!(group.to_string(), "outer [inner [c is broken]]");
        let all = group.split_off(|_| true);
        assert_eq!((all.to_string().as_str(), group.is_empty()), ("outer [inner [c is broken]]", true));
        assert_eq!(group.to_string(), "outer []", "the inner one has gone with its last error");
        let mut group = nested();
        assert_eq!(group.split_off(|_| false).to_string(), "outer []");
        assert_eq!(
            group.split_off(|error| error.is::<Missing>()).split_off(|_| false).to_string(),
            "outer []"
        );
    }

    /// Python: notes stay with their exception. Here a context does, and the type is found under it.
    #[test]
    fn the_type_is_found_under_a_context_and_a_split_keeps_the_context() {
        let with_context = || Err::<(), _>(Missing("a")).context("loading the start page").unwrap_err();
        let mut group = ErrorGroup::new("pages", [with_context(), with_context()]);
        let taken = group.split_off(|error| error.is::<Missing>());
        assert_eq!(texts(&taken), ["loading the start page"; 2]);
        assert_eq!(format!("{:#}", taken.leaves()[0]), "loading the start page: a is missing");
        let mut taken = taken;
        assert_eq!(taken.take::<Missing>(), [Missing("a"), Missing("a")], "without the context");
    }

    /// A context around a nested group does not hide what is in it, and stays with what stays.
    #[test]
    fn a_nested_group_under_a_context_is_looked_into() {
        let inner = anyhow::Error::from(nested()).context("second try");
        let mut group = ErrorGroup::new("tries", [inner]);
        assert_eq!(texts(&group), ["a is missing", "b is missing", "c is broken"]);
        assert_eq!(group.take::<Missing>().len(), 2);
        assert_eq!(group.to_string(), "tries [second try: outer [inner [c is broken]]]");
    }

    /// Python: `except*` looks at the exceptions themselves, not at their `__cause__`.
    #[test]
    fn the_cause_of_an_error_is_not_an_error_of_the_group() {
        #[derive(Debug, thiserror::Error)]
        #[error("no page")]
        struct NoPage(#[source] Missing);
        let mut group = ErrorGroup::new("pages", [NoPage(Missing("a")).into()]);
        assert_eq!(group.take::<Missing>(), []);
        let NoPage(cause) = &group.take::<NoPage>()[0];
        assert_eq!(cause, &Missing("a"));
    }

    /// Groups of random shape: what is taken and what is left are the whole.
    #[test]
    fn no_error_is_lost_over_many_random_splits() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let mut groups = vec![ErrorGroup::new("group", [])];
            let mut expected = 0;
            for _ in 0..random.usize(0..40) {
                let last = groups.pop().unwrap();
                let mut errors = vec![anyhow::Error::from(last)];
                for _ in 0..random.usize(0..3) {
                    expected += 1;
                    errors.push(if random.bool() { Missing("x").into() } else { Broken("y").into() });
                }
                groups.push(ErrorGroup::new("group", errors));
            }
            let mut group = groups.pop().unwrap();
            let missing = texts(&group).iter().filter(|text| text.ends_with("missing")).count();
            assert_eq!(group.leaves().len(), expected);
            let taken = group.split_off(|error| error.is::<Missing>());
            assert_eq!((taken.leaves().len(), group.leaves().len()), (missing, expected - missing));
            assert_eq!(group.into_leaves().len(), expected - missing);
        }
    }

    /// A `Vec` of one's own `enum` needs no group: `extract_if` takes a part, a `match` sees every case.
    #[test]
    fn but_errors_of_one_type_are_picked_apart_without_a_group() {
        #[derive(Debug, PartialEq)]
        enum PageError {
            Missing,
            Broken(u8),
        }
        let mut errors = vec![PageError::Broken(1), PageError::Missing, PageError::Broken(2)];
        let broken: Vec<_> = errors.extract_if(.., |error| matches!(error, PageError::Broken(_))).collect();
        assert_eq!(broken, [PageError::Broken(1), PageError::Broken(2)]);
        assert_eq!(errors, [PageError::Missing]);
    }
}

mod background {
    use super::*;
    use error_handling::background::{Failure, Unheard, reported};

    type Heard = Arc<Mutex<Vec<Failure<Broken>>>>;

    /// `load`, with a report into the list.
    fn work(
        name: &'static str,
        millis: u64,
        heard: &Heard,
    ) -> impl Future<
        Output = Result<&'static str, Unheard<Broken, impl FnOnce(Failure<Broken>) + Send + use<>>>,
    > + Send
    + use<> {
        let heard = heard.clone();
        reported(load(name, millis), move |failure| heard.lock().unwrap().push(failure))
    }

    fn taken(heard: &Heard) -> Vec<Failure<Broken>> {
        std::mem::take(&mut *heard.lock().unwrap())
    }

    /// asyncio: "Task exception was never retrieved". Tokio: an `Err` in a dropped handle is gone.
    #[tokio::test(start_paused = true)]
    async fn an_error_in_a_dropped_handle_is_lost() {
        let log = Log::default();
        drop(tokio::spawn({
            let log = log.clone();
            async move {
                let result = load("bad", 100).await;
                log.add("failed");
                result
            }
        }));
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["failed"], "and nobody else knows");
    }

    #[tokio::test(start_paused = true)]
    async fn but_one_that_nobody_awaits_is_reported_when_the_task_ends() {
        let heard = Heard::default();
        drop(tokio::spawn(work("bad", 100, &heard)));
        sleep(ms(99)).await;
        assert_eq!(taken(&heard), []);
        sleep(ms(2)).await;
        assert_eq!(taken(&heard), [Failure::Error(Broken("bad"))]);
    }

    /// asyncio: reported when the task is collected. Tokio: when what it has returned is dropped.
    #[tokio::test(start_paused = true)]
    async fn one_that_failed_before_its_handle_is_dropped_is_reported_then() {
        let heard = Heard::default();
        let task = tokio::spawn(work("bad", 100, &heard));
        sleep(ms(200)).await;
        assert_eq!(taken(&heard), []);
        drop(task);
        assert_eq!(taken(&heard), [Failure::Error(Broken("bad"))]);
    }

    /// asyncio: who has read the exception is the one who deals with it, and nothing is logged.
    #[tokio::test(start_paused = true)]
    async fn one_that_is_heard_is_not_reported() {
        let heard = Heard::default();
        let unheard = tokio::spawn(work("bad", 100, &heard)).await.unwrap().unwrap_err();
        assert_eq!(unheard.hear(), Failure::Error(Broken("bad")));
        assert_eq!(taken(&heard), []);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_awaited_and_then_ignored_is_reported() {
        let heard = Heard::default();
        drop(tokio::spawn(work("bad", 100, &heard)).await);
        assert_eq!(taken(&heard), [Failure::Error(Broken("bad"))]);
    }

    /// Tokio: a panic prints through the panic hook, and what it said is lost with the handle as well.
    #[tokio::test(start_paused = true)]
    async fn a_panic_is_reported_with_its_text() {
        let heard = Heard::default();
        drop(tokio::spawn(work("panics", 100, &heard)));
        sleep(ms(200)).await;
        let failures = taken(&heard);
        assert_eq!(failures, [Failure::Panicked("panics after 100".to_owned())]);
        assert_eq!(failures[0].to_string(), "panicked: panics after 100");
    }

    /// asyncio: a cancelled task is not logged, and a value is not a failure.
    #[tokio::test(start_paused = true)]
    async fn a_cancellation_and_a_value_are_not_reported() {
        let heard = Heard::default();
        let aborted = tokio::spawn(work("bad", 100, &heard));
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        assert!(matches!(tokio::spawn(work("ok", 100, &heard)).await, Ok(Ok("ok"))));
        assert_eq!(taken(&heard), []);
    }

    /// The report belongs to the failure and not to a kind of task.
    #[tokio::test(start_paused = true)]
    async fn a_set_that_is_dropped_reports_the_failures_in_it() {
        let heard = Heard::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(work("bad", 100, &heard));
        tasks.spawn(work("ok", 100, &heard));
        tasks.spawn(work("bad", 900, &heard));
        sleep(ms(200)).await;
        drop(tasks);
        sleep(ms(1_000)).await;
        assert_eq!(taken(&heard), [Failure::Error(Broken("bad"))], "the other was aborted");
    }

    /// Dropped at each of its suspensions, the work is cancelled; at its end the failure is heard or reported.
    #[test]
    fn a_cancelled_wait_reports_a_failure_once_or_not_at_all() {
        let swept = cancel_sweep::sweep_with(
            || {
                let heard = Heard::default();
                (heard.clone(), work("bad", 100, &heard))
            },
            |heard, outcome| {
                let finished = matches!(outcome, cancel_sweep::Outcome::Finished(_));
                drop(outcome);
                assert_eq!(taken(&heard).len(), usize::from(finished));
            },
        );
        assert_eq!(swept.points, 1);
    }

    /// The task and the one who awaits race: whoever comes first, the failure is heard or reported, never both.
    #[test]
    fn on_many_threads_every_failure_is_heard_or_reported_and_never_both() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
        let random = &mut fastrand::Rng::with_seed(2);
        for round in 0..40 {
            let (reports, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let watchers: Vec<_> = (0..50)
                .map(|_| {
                    let (yields, waits, hears) = (random.u8(0..8), random.u8(0..8), random.bool());
                    let (reports, heard) = (reports.clone(), heard.clone());
                    runtime.spawn(async move {
                        let work = async move {
                            for _ in 0..yields {
                                yield_now().await;
                            }
                            Err::<(), _>(Broken("always"))
                        };
                        let task = tokio::spawn(reported(work, move |_| {
                            reports.fetch_add(1, SeqCst);
                        }));
                        for _ in 0..waits {
                            yield_now().await;
                        }
                        if hears {
                            task.await.unwrap().unwrap_err().hear();
                            heard.fetch_add(1, SeqCst);
                        }
                    })
                })
                .collect();
            runtime.block_on(async {
                for watcher in watchers {
                    watcher.await.unwrap();
                }
                while alive_tasks() > 0 {
                    yield_now().await;
                }
            });
            assert_eq!(reports.load(SeqCst) + heard.load(SeqCst), 50, "round {round}");
        }
    }
}

mod supervise {
    use super::*;
    use backon::{BackoffBuilder, ExponentialBuilder};
    use error_handling::supervise::{End, NameTaken, Panicked, Restart, Supervisor};
    use tokio_util::sync::CancellationToken;

    const PAUSES: ExponentialBuilder =
        ExponentialBuilder::new().with_min_delay(ms(125)).with_max_delay(ms(1_000)).without_max_times();

    const ALWAYS: Restart =
        Restart { pauses: PAUSES, healthy: Duration::MAX, failures: usize::MAX, window: Duration::MAX };

    type Told = Arc<Mutex<Vec<(u128, String, String, Option<Duration>)>>>;

    type Report = Box<dyn Fn(&str, &anyhow::Error, Option<Duration>) + Send + Sync>;

    /// A supervisor whose reports are kept, each with the milliseconds that have passed.
    fn supervisor() -> (Supervisor<Report>, Told) {
        let (told, start) = (Told::default(), Instant::now());
        let reports = told.clone();
        let report: Report = Box::new(move |name, error, pause| {
            let at = start.elapsed().as_millis();
            reports.lock().unwrap().push((at, name.to_owned(), format!("{error:#}"), pause));
        });
        (Supervisor::new(report), told)
    }

    /// The milliseconds and the pauses of all reports.
    fn pauses(told: &Told) -> Vec<(u128, Option<u128>)> {
        told.lock()
            .unwrap()
            .iter()
            .map(|(at, _, _, pause)| (*at, pause.map(|pause| pause.as_millis())))
            .collect()
    }

    fn failing(
        millis: u64,
    ) -> impl FnMut(CancellationToken) -> futures::future::BoxFuture<'static, anyhow::Result<()>> {
        move |_| Box::pin(async move { Ok(load("bad", millis).await.map(drop)?) })
    }

    /// asyncio: a background task that fails is logged, if at all, when it is collected. Here: at once, by name.
    #[tokio::test(start_paused = true)]
    async fn a_failure_is_reported_with_the_name_of_its_worker() {
        let (mut supervisor, told) = supervisor();
        supervisor.start("feed", None, failing(100)).unwrap();
        let (name, end) = soon(supervisor.next_end()).await.unwrap();
        assert!(matches!(end, End::Failed(error) if error.is::<Broken>()));
        let report = (100, name, "bad is broken".to_owned(), None);
        assert_eq!(*told.lock().unwrap(), [report]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_contained_and_reported_with_its_text() {
        let (mut supervisor, told) = supervisor();
        supervisor.start("feed", None, |_| async { Ok(load("panics", 100).await.map(drop)?) }).unwrap();
        supervisor.start("mail", None, |_| async { Ok(load("ok", 200).await.map(drop)?) }).unwrap();
        let (name, end) = soon(supervisor.next_end()).await.unwrap();
        assert_eq!(name, "feed");
        assert!(
            matches!(end, End::Failed(error) if error.downcast_ref() == Some(&Panicked("panics after 100".to_owned())))
        );
        assert_eq!(told.lock().unwrap()[0].2, "panicked: panics after 100");
        assert!(matches!(soon(supervisor.next_end()).await, Some((name, End::Finished)) if name == "mail"));
        assert!(soon(supervisor.next_end()).await.is_none());
    }

    /// A worker is made anew for each run; what panics in the making is that worker's as well.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_call_that_makes_the_worker_is_contained_too() {
        let (mut supervisor, told) = supervisor();
        let mut calls = 0;
        let work = move |_| {
            calls += 1;
            assert!(calls > 1, "first call");
            async { Ok(()) }
        };
        supervisor.start("feed", Some(ALWAYS), work).unwrap();
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Finished))));
        assert_eq!(told.lock().unwrap()[0].2, "panicked: first call");
    }

    #[tokio::test(start_paused = true)]
    async fn the_pauses_grow_up_to_the_longest() {
        let (mut supervisor, told) = supervisor();
        supervisor.start("feed", Some(ALWAYS), failing(0)).unwrap();
        sleep(ms(3_000)).await;
        let expected = [(0, 125), (125, 250), (375, 500), (875, 1_000), (1_875, 1_000), (2_875, 1_000)];
        assert_eq!(pauses(&told), expected.map(|(at, pause)| (at, Some(pause))));
    }

    /// Workers that fell together should not come back together. The same seed draws the same pauses.
    #[tokio::test(start_paused = true)]
    async fn jitter_lengthens_each_pause_by_a_random_part_of_it() {
        let seeded = |seed| PAUSES.with_jitter().with_jitter_seed(seed);
        let mut drawn = Vec::new();
        for seed in [1, 1, 2] {
            let (mut supervisor, told) = supervisor();
            let restart = Restart { pauses: seeded(seed), failures: 5, ..ALWAYS };
            supervisor.start("feed", Some(restart), failing(0)).unwrap();
            soon(supervisor.next_end()).await;
            let pauses: Vec<_> = told.lock().unwrap().iter().filter_map(|report| report.3).collect();
            assert!(
                pauses
                    .iter()
                    .zip([125, 250, 500, 1_000])
                    .all(|(p, base)| *p >= ms(base) && *p < ms(2 * base))
            );
            assert_eq!(pauses, seeded(seed).build().take(4).collect::<Vec<_>>());
            drawn.push(pauses);
        }
        assert!(drawn[0] == drawn[1] && drawn[0] != drawn[2]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_gives_up_at_the_failure_that_makes_too_many() {
        let (mut supervisor, told) = supervisor();
        let restart = Restart { failures: 3, window: ms(60_000), ..ALWAYS };
        supervisor.start("feed", Some(restart), failing(100)).unwrap();
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Failed(_)))));
        assert_eq!(pauses(&told), [(100, Some(125)), (325, Some(250)), (675, None)]);
    }

    /// Two failures are always less than the window apart, but three are not: the first is forgotten.
    #[tokio::test(start_paused = true)]
    async fn failures_before_the_window_do_not_count() {
        let constant = PAUSES.with_factor(1.0);
        // Failures at 100, 325, 550, 775 ...: the first and the third are 450 apart.
        for (window, given_up) in [(450, true), (449, false)] {
            let (mut supervisor, told) = supervisor();
            let restart = Restart { pauses: constant, failures: 3, window: ms(window), ..ALWAYS };
            supervisor.start("feed", Some(restart), failing(100)).unwrap();
            assert_eq!(timeout(ms(2_000), supervisor.next_end()).await.is_ok(), given_up);
            assert_eq!(pauses(&told).len(), if given_up { 3 } else { 9 });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_that_end_are_a_reason_to_give_up() {
        let (mut supervisor, told) = supervisor();
        let restart = Restart { pauses: PAUSES.with_max_times(2), ..ALWAYS };
        supervisor.start("feed", Some(restart), failing(0)).unwrap();
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Failed(_)))));
        assert_eq!(pauses(&told), [(0, Some(125)), (125, Some(250)), (375, None)]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_healthy_run_the_pauses_begin_anew() {
        let (mut supervisor, told) = supervisor();
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
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Finished))));
        let drawn: Vec<_> = pauses(&told).into_iter().map(|(_, pause)| pause.unwrap()).collect();
        assert_eq!(drawn, [125, 250, 500, 125, 250]);
    }

    /// Done is done: `Ok` is no reason to start again.
    #[tokio::test(start_paused = true)]
    async fn a_worker_that_finishes_is_not_started_again() {
        let (mut supervisor, told) = supervisor();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let work = move |_| {
            counted.fetch_add(1, SeqCst);
            async { Ok(()) }
        };
        supervisor.start("feed", Some(ALWAYS), work).unwrap();
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Finished))));
        assert_eq!((runs.load(SeqCst), told.lock().unwrap().len()), (1, 0));
    }

    /// asyncio: a loop of `try: ... except Exception` lets `CancelledError` pass. A mutant that restarts a cancelled
    /// worker, or reports it, fails here.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_worker_is_neither_reported_nor_started_again() {
        let (mut supervisor, told) = supervisor();
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
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Cancelled))));
        sleep(ms(5_000)).await;
        assert_eq!(
            (log.take(), told.lock().unwrap().len()),
            (vec!["begins".to_owned(), "dropped".to_owned()], 0)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_is_cancelled_in_its_pause_is_not_started_again() {
        let (mut supervisor, told) = supervisor();
        supervisor.start("feed", Some(ALWAYS), failing(100)).unwrap();
        sleep(ms(150)).await;
        supervisor.cancel("feed");
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Cancelled))));
        sleep(ms(5_000)).await;
        assert_eq!(pauses(&told), [(100, Some(125))]);
    }

    /// asyncio: `CancelledError` of an awaited task ends the one who awaits as cancelled. Here it is an `Err`, under
    /// whatever context, and must not be taken for a failure.
    #[tokio::test(start_paused = true)]
    async fn a_worker_that_ends_for_its_own_task_was_aborted_counts_as_cancelled() {
        let (mut supervisor, told) = supervisor();
        let work = |_| async { Err(anyhow::Error::from(aborted().await).context("reading the feed")) };
        supervisor.start("feed", Some(ALWAYS), work).unwrap();
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Cancelled))));
        assert_eq!(told.lock().unwrap().len(), 0);
    }

    /// ... but a panic of a task that it awaits is a failure.
    #[tokio::test(start_paused = true)]
    async fn a_worker_that_ends_for_its_own_task_panicked_has_failed() {
        let (mut supervisor, told) = supervisor();
        let work = |_| async { Ok(tokio::spawn(load("panics", 100)).await?.map(drop)?) };
        supervisor.start("feed", None, work).unwrap();
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Failed(_)))));
        assert_eq!(told.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_free_again_when_its_end_has_been_taken() {
        let (mut supervisor, _) = supervisor();
        supervisor.start("feed", None, |_| async { Ok(()) }).unwrap();
        let second = |_| async { Ok(()) };
        assert_eq!(supervisor.start("feed", None, second), Err(NameTaken("feed".to_owned())));
        soon(supervisor.next_end()).await.unwrap();
        assert_eq!(supervisor.start("feed", None, second), Ok(()));
    }

    /// A worker that cleans up when it is told has time for it, one that does not listen is aborted, one that waits to
    /// be started again is not started. Each is accounted for.
    #[tokio::test(start_paused = true)]
    async fn a_shutdown_tells_waits_aborts_and_accounts_for_every_worker() {
        let (mut supervisor, told) = supervisor();
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
                End::Finished => (name, "finished"),
                End::Failed(_) => (name, "failed"),
                End::Cancelled => (name, "cancelled"),
            })
            .collect();
        let expected =
            [("pauses", "cancelled"), ("listens", "finished"), ("fails", "failed"), ("deaf", "cancelled")];
        assert_eq!(ends, expected.map(|(name, end)| (name.to_owned(), end)));
        assert_eq!((start.elapsed(), alive_tasks(), log.take()), (ms(600), 0, vec!["clean".to_owned()]));
        assert_eq!(pauses(&told), [(90, Some(125)), (400, None)], "reported up to the end");
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

    #[tokio::test(start_paused = true)]
    async fn a_dropped_supervisor_aborts_its_workers_and_cancels_their_token() {
        let (mut supervisor, told) = supervisor();
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
        assert_eq!(
            (entries, alive_tasks()),
            (vec!["helper told".to_owned(), "worker dropped".to_owned()], 0)
        );
        assert_eq!(told.lock().unwrap().len(), 0);
    }

    /// An error may own what the next run needs: a connection, a permit, a file.
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
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Finished))));
    }

    /// Without a worker there is nothing to wait for, and no time passes.
    #[tokio::test]
    async fn of_nobody_there_is_no_end_and_the_shutdown_is_over_at_once() {
        let (mut supervisor, _) = supervisor();
        assert!(supervisor.next_end().now_or_never().unwrap().is_none());
        assert!(supervisor.shutdown(Duration::MAX).now_or_never().unwrap().is_empty());
    }

    /// A worker that fails without ever waiting, and is started again without a pause, lets the others run.
    #[tokio::test(start_paused = true)]
    async fn a_worker_that_fails_at_once_for_ever_does_not_starve_the_others() {
        let (mut supervisor, _) = supervisor();
        let restart =
            Restart { pauses: PAUSES.with_min_delay(Duration::ZERO), window: Duration::ZERO, ..ALWAYS };
        supervisor.start("hot", Some(restart), |_| async { Err(Broken("at once").into()) }).unwrap();
        for _ in 0..100 {
            yield_now().await;
        }
        let ends = soon(supervisor.shutdown(Duration::ZERO)).await;
        assert!(matches!(ends[..], [(_, End::Cancelled | End::Failed(_))]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_report_ends_its_worker_and_no_other() {
        let mut supervisor = Supervisor::new(|_: &str, _: &anyhow::Error, _| panic!("cannot report"));
        supervisor.start("feed", Some(ALWAYS), failing(100)).unwrap();
        supervisor.start("mail", None, |_| async { Ok(load("ok", 200).await.map(drop)?) }).unwrap();
        let (name, end) = soon(supervisor.next_end()).await.unwrap();
        assert_eq!(name, "feed");
        assert!(matches!(end, End::Failed(error) if error.to_string() == "panicked: cannot report"));
        assert!(matches!(soon(supervisor.next_end()).await, Some((_, End::Finished))));
    }

    /// An end is either still in the supervisor or has been given out.
    #[test]
    fn a_cancelled_wait_for_an_end_loses_none() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (mut supervisor, _) = supervisor();
                supervisor.start("feed", Some(Restart { failures: 2, ..ALWAYS }), failing(100)).unwrap();
                supervisor.start("mail", None, |_| async { Ok(()) }).unwrap();
                let supervisor = Arc::new(tokio::sync::Mutex::new(supervisor));
                let taken = Arc::new(AtomicUsize::new(0));
                let state = (supervisor.clone(), taken.clone());
                (state, async move {
                    while supervisor.lock().await.next_end().await.is_some() {
                        taken.fetch_add(1, SeqCst);
                    }
                })
            },
            |(supervisor, taken), _| {
                let mut supervisor = supervisor.try_lock().unwrap();
                let mut ends = taken.load(SeqCst);
                while let Some(Some(_)) = supervisor.next_end().now_or_never() {
                    ends += 1;
                }
                assert_eq!(ends, 2);
            },
        );
        assert_eq!(swept.points, 2);
    }

    #[test]
    fn a_cancelled_shutdown_aborts_every_worker() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (mut supervisor, _) = supervisor();
                let log = Log::default();
                for name in ["deaf", "deafer"] {
                    let guard = log.on_drop("dropped");
                    let work = move |_| {
                        let _owned = &guard;
                        pending()
                    };
                    supervisor.start(name, None, work).unwrap();
                }
                (log, supervisor.shutdown(ms(100)))
            },
            |log, _| {
                assert_eq!(alive_tasks(), 0);
                assert_eq!(log.take().len(), 2);
            },
        );
        assert_eq!(swept.points, 2, "the grace, and the end of the aborted");
    }

    /// Random workers on many threads, some cancelled, then a shutdown: each has one end, each failure one report,
    /// none is alive after it.
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
}

mod retry {
    use super::*;
    use backon::ExponentialBuilder;
    use error_handling::retry::{Verdict, is_cancellation, retry};
    use tokio::time::timeout_at;

    const PAUSES: ExponentialBuilder = ExponentialBuilder::new().with_min_delay(ms(125)).without_max_times();

    #[derive(Debug, thiserror::Error)]
    enum CallError {
        #[error("busy")]
        Busy,
        #[error("busy for a while")]
        BusyFor(Duration),
        #[error("wrong")]
        Wrong,
        #[error("a task has ended")]
        Task(#[from] JoinError),
    }

    fn judge(error: &CallError) -> Verdict {
        match error {
            CallError::Busy => Verdict::Again,
            CallError::BusyFor(pause) => Verdict::After(*pause),
            CallError::Wrong => Verdict::Final,
            // On purpose: a cancellation is final, whatever the caller's judge says.
            CallError::Task(_) => Verdict::Again,
        }
    }

    /// Attempts that take no time and end with these errors, then with a value: how many there were, the result, and
    /// the milliseconds that have passed.
    async fn call(errors: Vec<CallError>, limit: Duration) -> (usize, Result<&'static str, CallError>, u128) {
        let (start, mut attempts) = (Instant::now(), 0);
        let mut errors = errors.into_iter();
        let result = retry(
            PAUSES,
            start + limit,
            judge,
            |_, _| {},
            || {
                attempts += 1;
                std::future::ready(errors.next().map_or(Ok("value"), Err))
            },
        )
        .await;
        (attempts, result, start.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_do_better_is_tried_again_after_growing_pauses() {
        let (attempts, result, at) = call(vec![CallError::Busy, CallError::Busy], ms(9_000)).await;
        assert_eq!((attempts, result.unwrap(), at), (3, "value", 125 + 250));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_final_is_not_tried_again() {
        let (attempts, result, at) = call(vec![CallError::Busy, CallError::Wrong], ms(9_000)).await;
        assert_eq!((attempts, at), (2, 125));
        assert!(matches!(result, Err(CallError::Wrong)));
    }

    /// asyncio: `except Exception` in a retry loop lets `CancelledError` pass. Here it is an `Err` like any other, and
    /// a judge that says `Again` to everything must not get it.
    #[tokio::test(start_paused = true)]
    async fn a_cancellation_is_never_tried_again() {
        let (attempts, result, at) = call(vec![aborted().await.into()], ms(9_000)).await;
        assert_eq!((attempts, at), (1, 0));
        assert!(is_cancellation(&result.unwrap_err()));
    }

    /// ... and a panic of a task that the attempt awaits is an error for the judge.
    #[tokio::test(start_paused = true)]
    async fn a_panic_of_an_awaited_task_is_left_to_the_judge() {
        let panicked = tokio::spawn(load("panics", 0)).await.unwrap_err();
        let (attempts, result, _) = call(vec![panicked.into()], ms(9_000)).await;
        assert_eq!((attempts, result.unwrap()), (2, "value"));
    }

    /// asyncio: a retry loop over `except Exception` repeats bugs as well. Here a panic is no error.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_an_attempt_goes_on_in_the_caller() {
        let deadline = Instant::now() + ms(9_000);
        let mut attempts = 0;
        let bug = retry(
            PAUSES,
            deadline,
            judge,
            |_, _| {},
            || {
                attempts += 1;
                async { panic!("a bug") as Result<(), _> }
            },
        );
        assert!(std::panic::AssertUnwindSafe(bug).catch_unwind().await.is_err());
        assert_eq!(attempts, 1);
    }

    /// The pause that the other side asks for is a minimum, and the deadline counts for it too.
    #[tokio::test(start_paused = true)]
    async fn the_pause_is_as_long_as_the_other_side_asks_at_least() {
        let errors = || vec![CallError::BusyFor(ms(700)), CallError::BusyFor(ms(1))];
        let (attempts, _, at) = call(errors(), ms(9_000)).await;
        assert_eq!((attempts, at), (3, 700 + 250));
        let (attempts, result, at) = call(errors(), ms(699)).await;
        assert_eq!((attempts, at), (1, 0));
        assert!(matches!(result, Err(CallError::BusyFor(_))));
    }

    /// asyncio: `async with asyncio.timeout(...)` around the loop raises `TimeoutError`, and the last error is gone.
    #[tokio::test(start_paused = true)]
    async fn no_attempt_begins_after_the_deadline_and_the_last_error_is_kept() {
        let errors = || (0..9).map(|_| CallError::Busy).collect();
        for (limit, attempts, at) in [(374, 2, 125), (375, 3, 375), (0, 1, 0)] {
            let (tried, result, elapsed) = call(errors(), ms(limit)).await;
            assert_eq!((tried, elapsed), (attempts, at), "limit {limit}");
            assert!(matches!(result, Err(CallError::Busy)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_under_way_is_cut_only_if_it_looks_at_the_deadline_itself() {
        let start = Instant::now();
        let deadline = start + ms(300);
        let slow = retry(
            PAUSES,
            deadline,
            judge,
            |_, _| {},
            async || {
                sleep(ms(1_000)).await;
                Err::<(), _>(CallError::Busy)
            },
        );
        assert!(soon(slow).await.is_err());
        assert_eq!(start.elapsed(), ms(1_000));

        let start = Instant::now();
        let deadline = start + ms(300);
        let cut = retry(
            PAUSES,
            deadline,
            judge,
            |_, _| {},
            async || {
                let call = async {
                    sleep(ms(1_000)).await;
                    Err::<(), _>(CallError::Busy)
                };
                timeout_at(deadline, call).await.unwrap_or(Err(CallError::Wrong))
            },
        );
        assert!(soon(cut).await.is_err());
        assert_eq!(start.elapsed(), ms(300));
    }

    /// Told of each error that is followed by another attempt; the last one is in the result.
    #[tokio::test(start_paused = true)]
    async fn on_retry_is_told_each_error_but_the_last() {
        let mut told = Vec::new();
        let on_retry = |error: &CallError, pause: Duration| told.push((error.to_string(), pause));
        let always = async || Err::<(), _>(CallError::Busy);
        let pauses = PAUSES.with_max_times(2);
        assert!(retry(pauses, Instant::now() + ms(9_000), judge, on_retry, always).await.is_err());
        assert_eq!(told, [("busy".to_owned(), ms(125)), ("busy".to_owned(), ms(250))]);
    }

    /// The hazard of one's own loop: a future that is cancelled in its pause must not make another attempt.
    #[test]
    fn a_cancelled_retry_makes_no_further_attempt() {
        let swept = cancel_sweep::sweep_with(
            || {
                let attempts = Arc::new(AtomicUsize::new(0));
                let counted = attempts.clone();
                let work = retry(
                    PAUSES.with_max_times(2),
                    Instant::now() + ms(9_000),
                    judge,
                    |_, _| {},
                    move || {
                        counted.fetch_add(1, SeqCst);
                        async {
                            sleep(ms(10)).await;
                            Err::<(), _>(CallError::Busy)
                        }
                    },
                );
                (attempts, work)
            },
            |attempts, outcome| {
                // Suspended in an attempt, in a pause, in an attempt ...
                let expected = match outcome {
                    cancel_sweep::Outcome::Finished(_) => 3,
                    cancel_sweep::Outcome::Cancelled(at) => at.suspension.div_ceil(2),
                };
                assert_eq!(attempts.load(SeqCst), expected);
            },
        );
        assert_eq!(swept.points, 5);
    }
}

mod context {
    use super::*;
    use error_handling::context::{lines, or_backup, settings};
    use std::num::ParseIntError;

    async fn text(text: &str) -> anyhow::Result<String> {
        Ok(text.to_owned())
    }

    /// Python: `raise ... from error` at each level. Here each level says what it was doing.
    #[tokio::test]
    async fn an_error_says_what_was_being_done_and_why_it_failed() {
        assert_eq!(settings("limits", text("7"), str::parse::<u32>).await.unwrap(), 7);
        let error = settings("limits", text("x"), str::parse::<u32>).await.unwrap_err();
        assert_eq!(lines(&error), ["parsing limits", "invalid digit found in string"]);
        let error =
            settings("limits", async { Err(Missing("file").into()) }, str::parse::<u32>).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "reading limits: file is missing");
    }

    /// Python: the `__cause__` keeps its class. Here the type is found under every context.
    #[tokio::test]
    async fn the_type_of_the_cause_is_kept() {
        let error = settings("limits", text("x"), str::parse::<u32>).await.unwrap_err();
        assert!(error.is::<ParseIntError>());
        assert_eq!(error.root_cause().to_string(), "invalid digit found in string");
    }

    /// Python: a note stands behind the message. Here the last context stands first: `to_string` gives it alone.
    #[tokio::test]
    async fn the_last_context_stands_first_and_alone() {
        let error = anyhow::Error::from(Missing("file")).context("inner").context("outer");
        assert_eq!((error.to_string().as_str(), lines(&error).len()), ("outer", 3));
    }

    /// Python: an exception raised in an `except` has the handled one as its `__context__`. Rust: it is gone ...
    #[tokio::test]
    async fn an_error_while_another_is_handled_makes_one_forget_the_first() {
        let first = async { Err::<(), _>(Missing("page")) };
        let backup = async { Err::<(), _>(Broken("backup")) };
        let result: anyhow::Result<()> = match first.await {
            Ok(()) => Ok(()),
            Err(_missing) => backup.await.map_err(Into::into),
        };
        assert_eq!(lines(&result.unwrap_err()), ["backup is broken"]);
    }

    /// ... unless it is kept.
    #[tokio::test]
    async fn but_both_are_kept_when_the_backup_fails_too() {
        let error = or_backup(
            async { Err::<(), _>(anyhow::Error::from(Missing("page")).context("loading")) },
            async { Err(anyhow::Error::from(Broken("backup")).context("falling back")) },
        )
        .await
        .unwrap_err();
        let expected = ["falling back: backup is broken, while handling", "loading", "page is missing"];
        assert_eq!(lines(&error), expected);
        assert!(error.is::<Missing>());
    }

    #[tokio::test]
    async fn the_backup_is_not_begun_when_the_first_succeeds() {
        let backup = async { unreachable!("the first was fine") };
        assert_eq!(or_backup(async { Ok(1) }, backup).await.unwrap(), 1);
        assert_eq!(or_backup(async { Err(Missing("page").into()) }, async { Ok(2) }).await.unwrap(), 2);
    }

    #[test]
    fn a_cancelled_read_drops_whichever_is_under_way() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let entries = log.clone();
                let step = move |name| {
                    let guard = entries.on_drop(name);
                    async move {
                        let _guard = guard;
                        sleep(ms(10)).await;
                        Err::<(), _>(anyhow::Error::from(Missing(name)))
                    }
                };
                (log, or_backup(step("first"), step("backup")))
            },
            |log, _| {
                let mut dropped = log.take();
                dropped.sort();
                assert_eq!(dropped, ["backup", "first"]);
            },
        );
        assert_eq!(swept.points, 2);
        let swept = cancel_sweep::sweep(
            || {
                let read = async {
                    sleep(ms(10)).await;
                    Ok("7".to_owned())
                };
                settings("limits", read, str::parse::<u32>)
            },
            |_| assert_eq!(alive_tasks(), 0),
        );
        assert_eq!(swept.points, 1);
    }
}

mod span_trace {
    use super::*;
    use error_handling::span_trace::NotFound;
    use std::backtrace::Backtrace;
    use tracing::Instrument;
    use tracing_error::ErrorLayer;
    use tracing_subscriber::layer::SubscriberExt;

    #[tracing::instrument]
    async fn request(id: u32, in_span: bool) -> NotFound {
        let fetch = fetch("home");
        let task = if in_span { tokio::spawn(fetch.in_current_span()) } else { tokio::spawn(fetch) };
        task.await.unwrap()
    }

    #[tracing::instrument]
    async fn fetch(page: &'static str) -> NotFound {
        yield_now().await;
        NotFound::new(page)
    }

    fn with_error_layer() -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(tracing_subscriber::registry().with(ErrorLayer::default()))
    }

    /// asyncio: an exception of a task has a traceback of that task, wherever it is read. Tokio: its spans, from any
    /// task, and those of the one that has spawned it.
    #[tokio::test]
    async fn an_error_knows_its_spans_in_another_task_too() {
        let _this_thread = with_error_layer();
        let error = request(7, true).await;
        assert_eq!(error.to_string(), "home not found");
        assert_eq!(error.spans(), ["fetch{page=\"home\"}", "request{id=7 in_span=true}"]);
    }

    #[tokio::test]
    async fn a_task_that_was_spawned_bare_knows_only_its_own() {
        let _this_thread = with_error_layer();
        assert_eq!(request(7, false).await.spans(), ["fetch{page=\"home\"}"]);
    }

    #[tokio::test]
    async fn without_the_layer_the_trace_is_empty() {
        let _this_thread = tracing::subscriber::set_default(tracing_subscriber::registry());
        assert!(request(7, true).await.spans().is_empty());
    }

    #[tokio::test]
    async fn outside_of_every_span_the_trace_is_empty() {
        let _this_thread = with_error_layer();
        assert!(NotFound::new("home").spans().is_empty());
    }

    /// A backtrace of a task shows who polls it, and the function that has spawned it is not there.
    #[tokio::test]
    async fn but_a_backtrace_shows_who_polls_and_not_who_spawned() {
        #[inline(never)]
        async fn the_inner_one() -> String {
            yield_now().await;
            Backtrace::force_capture().to_string()
        }
        #[inline(never)]
        async fn the_spawning_one() -> String {
            tokio::spawn(the_inner_one()).await.unwrap()
        }
        let spawner = tokio::spawn(the_spawning_one());
        let trace = spawner.await.unwrap();
        assert!(trace.contains("the_inner_one") && !trace.contains("the_spawning_one"), "{trace}");
    }
}

/// A caller may itself be a task: each pattern's future is `Send` when what it runs is.
#[tokio::test(start_paused = true)]
async fn every_pattern_can_run_inside_a_spawned_task() {
    let all = tokio::spawn(async {
        let task = tokio::spawn(async { Ok("page".to_owned()) });
        assert_eq!(error_handling::one_task::page_or("", task).await.unwrap(), "page");
        let tasks = [("a", tokio::spawn(load("a", 10)))];
        assert_eq!(error_handling::outcome::every_outcome(tasks).await.len(), 1);
        let done = error_handling::background::reported(load("a", 10), |_| {}).await;
        assert_eq!(done.unwrap(), "a");
        let mut supervisor = error_handling::supervise::Supervisor::new(|_: &str, _: &anyhow::Error, _| {});
        supervisor.start("a", None, |_| async { Ok(()) }).unwrap();
        supervisor.next_end().await.unwrap();
        supervisor.shutdown(ms(10)).await;
        let deadline = Instant::now() + ms(100);
        let judge = |_: &Broken| error_handling::retry::Verdict::Again;
        let pauses = backon::ExponentialBuilder::new();
        let retried = error_handling::retry::retry(pauses, deadline, judge, |_, _| {}, || load("a", 10));
        assert_eq!(retried.await, Ok("a"));
        let read = async { Ok("7".to_owned()) };
        assert_eq!(error_handling::context::settings("n", read, str::parse::<u32>).await.unwrap(), 7);
        assert_eq!(error_handling::context::or_backup(async { Ok(1) }, pending()).await.unwrap(), 1);
    });
    all.await.unwrap();
}

mod demo {
    use error_handling::demo;
    use expect_test::expect_file;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/error_handling/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/error_handling/timeline.svg"]
            .assert_eq(&rehearsal.timeline.svg("error_handling"));
    }
}
