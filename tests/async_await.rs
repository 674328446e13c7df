//! Lessons of `recipes/async_await`: what asyncio's `async`, `await` and `run` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
// A lesson that says "the compiler warns" expects the warning. If none comes, that lesson does not compile.
#![deny(unfulfilled_lint_expectations)]

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Counts what happens, from many places.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Counts when the returned value is dropped.
    fn on_drop(&self) -> impl Drop + Send + 'static {
        struct OnDrop(Count);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.add();
            }
        }
        OnDrop(self.clone())
    }
}

/// A server that knows some paths, and remembers what it was asked.
#[derive(Clone)]
struct Server(Arc<Served>);

struct Served {
    /// The path, how many milliseconds it takes, and the answer.
    answers: Vec<(&'static str, u64, Result<&'static str, &'static str>)>,
    start: Instant,
    /// Each call that began, with the milliseconds at which it did.
    begun: Mutex<Vec<(String, u128)>>,
    finished: Count,
    /// Calls that are over, be it that they finished or were dropped.
    gone: Count,
}

impl Server {
    fn new(answers: impl Into<Vec<(&'static str, u64, Result<&'static str, &'static str>)>>) -> Self {
        Self(Arc::new(Served {
            answers: answers.into(),
            start: Instant::now(),
            begun: Mutex::default(),
            finished: Count::default(),
            gone: Count::default(),
        }))
    }

    async fn get(&self, path: String) -> Result<String, String> {
        let _gone = self.0.gone.on_drop();
        self.0.begun.lock().unwrap().push((path.clone(), self.0.start.elapsed().as_millis()));
        let (_, millis, answer) =
            self.0.answers.iter().find(|(known, ..)| *known == path).expect("a known path");
        sleep(ms(*millis)).await;
        self.0.finished.add();
        answer.map(str::to_owned).map_err(str::to_owned)
    }

    fn begun(&self) -> Vec<(String, u128)> {
        self.0.begun.lock().unwrap().clone()
    }

    fn finished(&self) -> usize {
        self.0.finished.get()
    }

    fn gone(&self) -> usize {
        self.0.gone.get()
    }
}

fn calls<const N: usize>(calls: [(&str, u128); N]) -> Vec<(String, u128)> {
    calls.map(|(path, millis)| (path.to_owned(), millis)).into()
}

/// A task that counts its turns, until the handle is dropped.
fn heart_beat() -> (Count, AbortOnDropHandle<()>) {
    let beats = Count::default();
    let task = tokio::spawn({
        let beats = beats.clone();
        async move {
            loop {
                beats.add();
                yield_now().await;
            }
        }
    });
    (beats, AbortOnDropHandle::new(task))
}

mod call_and_await {
    use super::*;
    use async_await::call_and_await::{BalanceError, balance};

    const ACCOUNT: &str = "/users/ada/account";
    const BALANCE: &str = "/accounts/7/balance";

    async fn ask(server: &Server) -> Result<i64, BalanceError<String>> {
        balance("ada", |path| server.get(path)).await
    }

    /// asyncio and Tokio: calls that are awaited one after the other run in this order, each when the one before it
    /// has ended.
    #[tokio::test(start_paused = true)]
    async fn the_second_call_is_made_with_the_answer_of_the_first() {
        let server = Server::new([(ACCOUNT, 100, Ok("7")), (BALANCE, 200, Ok("250"))]);
        let start = Instant::now();
        assert_eq!(ask(&server).await, Ok(250));
        assert_eq!(start.elapsed(), ms(300));
        assert_eq!(server.begun(), calls([(ACCOUNT, 0), (BALANCE, 100)]));
    }

    /// asyncio: an exception leaves the function at the `await`. Tokio: `?` after the `.await` does.
    #[tokio::test(start_paused = true)]
    async fn an_error_returns_at_once_and_no_further_call_is_made() {
        let server = Server::new([(ACCOUNT, 100, Err("no such user"))]);
        let start = Instant::now();
        assert_eq!(ask(&server).await, Err(BalanceError::Fetch("no such user".to_owned())));
        assert_eq!((start.elapsed(), server.begun().len()), (ms(100), 1));
    }

    /// asyncio: two types of exception. Tokio: two variants of the error, and `?` converts to the second.
    #[tokio::test(start_paused = true)]
    async fn a_failed_call_and_a_senseless_answer_are_told_apart() {
        let server = Server::new([(ACCOUNT, 100, Ok("7")), (BALANCE, 200, Err("closed"))]);
        assert_eq!(ask(&server).await, Err(BalanceError::Fetch("closed".to_owned())));

        let server = Server::new([(ACCOUNT, 100, Ok("7")), (BALANCE, 200, Ok("a lot"))]);
        let error = ask(&server).await.unwrap_err();
        assert_eq!(error.to_string(), "the balance is not a number: invalid digit found in string");
    }

    /// asyncio: an `await` of something that does not suspend runs straight through, and no other task gets a turn.
    /// Tokio: the same; `.await` is a place that may suspend, not one that must.
    #[tokio::test]
    async fn an_await_of_what_is_ready_does_not_suspend() {
        async fn nothing_to_wait_for() -> u8 {
            7
        }
        let (beats, _other_task) = heart_beat();
        assert_eq!(nothing_to_wait_for().await, 7);
        assert_eq!(beats.get(), 0);
        yield_now().await;
        assert_eq!(beats.get(), 1);
    }

    /// asyncio: the second `await` of a coroutine raises `RuntimeError`. Tokio: `.await` takes the future, so the
    /// second one does not compile (E0382). Only one that is awaited by reference gets as far as a panic.
    #[tokio::test]
    #[should_panic(expected = "resumed after completion")]
    async fn a_future_awaited_again_by_reference_panics() {
        let mut once = pin!(async { 7 });
        assert_eq!(once.as_mut().await, 7);
        once.as_mut().await;
    }

    /// asyncio: an async function may call itself, to a depth of about a thousand. Tokio: it may too, when each inner
    /// call is in a `Box`; without it the future would contain itself (E0733).
    #[tokio::test]
    async fn a_recursive_async_fn_boxes_its_inner_calls() {
        struct Folder {
            bytes: u64,
            folders: Vec<Folder>,
        }
        async fn size(folder: &Folder) -> u64 {
            yield_now().await;
            let mut bytes = folder.bytes;
            for inner in &folder.folders {
                bytes += Box::pin(size(inner)).await;
            }
            bytes
        }
        let leaf = |bytes| Folder { bytes, folders: vec![] };
        let root =
            Folder { bytes: 1, folders: vec![leaf(10), Folder { bytes: 100, folders: vec![leaf(1_000)] }] };
        assert_eq!(size(&root).await, 1_111);
    }

    /// Cancelled at either await, the call that it waited for is gone, and none follows.
    #[test]
    fn cancelled_anywhere_it_leaves_no_call_behind() {
        let swept = cancel_sweep::sweep_with(
            || {
                let server = Server::new([(ACCOUNT, 100, Ok("7")), (BALANCE, 200, Ok("250"))]);
                (server.clone(), async move { ask(&server).await })
            },
            |server, outcome| {
                if let cancel_sweep::Outcome::Cancelled(at) = outcome {
                    assert_eq!(server.begun().len(), at.suspension);
                }
                assert_eq!(server.gone(), server.begun().len());
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod run {
    use super::*;
    use tokio::runtime::{Builder, Runtime};

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }

    /// asyncio: `run(main())` returns what `main` returns. Tokio: `block_on` does, and `#[tokio::main]` is made of it.
    #[test]
    fn returns_what_the_future_returns() {
        assert_eq!(runtime().block_on(async { 7 }), 7);
    }

    /// asyncio: `run` cancels the tasks that are left and waits for their clean-up, awaits included. Tokio: they are
    /// dropped where they stand. What `Drop` does happens, what stands after the await does not.
    #[test]
    fn tasks_that_are_left_are_dropped_and_not_waited_for() {
        let (dropped, cleaned_up) = (Count::default(), Count::default());
        let runtime = runtime();
        runtime.block_on(async {
            let (dropped, cleaned_up) = (dropped.clone(), cleaned_up.clone());
            tokio::spawn(async move {
                let _guard = dropped.on_drop();
                sleep(ms(3_600_000)).await;
                cleaned_up.add();
            });
            yield_now().await;
        });
        assert_eq!((dropped.get(), cleaned_up.get()), (0, 0), "the end of `block_on` ends no task");
        drop(runtime);
        assert_eq!((dropped.get(), cleaned_up.get()), (1, 0));
    }

    /// asyncio: `run` inside a running loop raises `RuntimeError`. Tokio: `block_on` inside a runtime panics.
    #[test]
    #[should_panic(expected = "Cannot start a runtime from within a runtime")]
    fn inside_of_another_panics() {
        let inner = runtime();
        runtime().block_on(async { inner.block_on(async {}) });
    }
}

mod sequential_or_concurrent {
    use super::*;
    use async_await::sequential_or_concurrent::{
        Page, at_once, every_outcome, one_after_the_other, with_a_dependency,
    };
    use futures::future::join_all;
    use tokio::join;

    const PROFILE: &str = "/users/ada";
    const ORDERS: &str = "/users/ada/orders";
    const OFFERS: &str = "/offers";

    fn server() -> Server {
        Server::new([(PROFILE, 300, Ok("Ada")), (ORDERS, 100, Ok("2")), (OFFERS, 200, Ok("3"))])
    }

    /// The orders fail at once, the profile later.
    fn failing_server() -> Server {
        Server::new([
            (PROFILE, 200, Err("no profile")),
            (ORDERS, 100, Err("no orders")),
            (OFFERS, 300, Ok("3")),
        ])
    }

    fn page() -> Page {
        Page { profile: "Ada".to_owned(), orders: "2".to_owned(), offers: "3".to_owned() }
    }

    /// asyncio and Tokio: three awaits in a row take the sum of the times.
    #[tokio::test(start_paused = true)]
    async fn one_after_the_other_takes_the_sum_of_the_times() {
        let server = server();
        let start = Instant::now();
        assert_eq!(one_after_the_other("ada", |path| server.get(path)).await, Ok(page()));
        assert_eq!(start.elapsed(), ms(600));
        assert_eq!(server.begun(), calls([(PROFILE, 0), (ORDERS, 300), (OFFERS, 400)]));
    }

    /// asyncio: `gather` takes the time of the longest. Tokio: so does `try_join!`.
    #[tokio::test(start_paused = true)]
    async fn at_once_takes_the_time_of_the_longest() {
        let server = server();
        let start = Instant::now();
        assert_eq!(at_once("ada", |path| server.get(path)).await, Ok(page()));
        assert_eq!(start.elapsed(), ms(300));
        assert_eq!(server.begun(), calls([(PROFILE, 0), (ORDERS, 0), (OFFERS, 0)]));
    }

    /// asyncio: coroutines in a list, awaited in a loop, run one after the other; tasks run at once. Tokio: the
    /// same. To make a future starts nothing.
    #[tokio::test(start_paused = true)]
    async fn futures_awaited_in_a_loop_run_one_after_the_other_and_tasks_do_not() {
        let start = Instant::now();
        for future in [1, 2, 3].map(|_| async { sleep(ms(100)).await }) {
            future.await;
        }
        assert_eq!(start.elapsed(), ms(300));

        let start = Instant::now();
        for task in [1, 2, 3].map(|_| tokio::spawn(sleep_100())) {
            task.await.unwrap();
        }
        assert_eq!(start.elapsed(), ms(100));

        let start = Instant::now();
        join_all([1, 2, 3].map(|_| sleep_100())).await;
        assert_eq!(start.elapsed(), ms(100));
    }

    async fn sleep_100() {
        sleep(ms(100)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_after_the_other_the_first_error_in_order_ends_it() {
        let server = failing_server();
        let start = Instant::now();
        let page = one_after_the_other("ada", |path| server.get(path)).await;
        assert_eq!(page, Err("no profile".to_owned()));
        assert_eq!((start.elapsed(), server.begun().len()), (ms(200), 1));
    }

    /// asyncio: `gather` raises the first exception in time, and the other calls run on. Tokio: `try_join!` drops
    /// them where they stand.
    #[tokio::test(start_paused = true)]
    async fn at_once_the_first_error_in_time_ends_it_and_the_other_calls_are_dropped() {
        let server = failing_server();
        let start = Instant::now();
        assert_eq!(at_once("ada", |path| server.get(path)).await, Err("no orders".to_owned()));
        assert_eq!(start.elapsed(), ms(100));
        assert_eq!((server.gone(), server.finished()), (3, 1));
    }

    /// asyncio: `gather(return_exceptions=True)`. Tokio: `join!`, for an error is a value.
    #[tokio::test(start_paused = true)]
    async fn every_outcome_is_waited_for() {
        let server = failing_server();
        let start = Instant::now();
        let outcomes = every_outcome("ada", |path| server.get(path)).await;
        assert_eq!(outcomes, [Err("no profile".to_owned()), Err("no orders".to_owned()), Ok("3".to_owned())]);
        assert_eq!((start.elapsed(), server.finished()), (ms(300), 3));
    }

    /// asyncio: an inner `async def` for the two calls that belong together. Tokio: an `async` block.
    #[tokio::test(start_paused = true)]
    async fn only_a_call_that_needs_an_answer_waits_for_it() {
        const LAST: &str = "/users/ada/orders/last";
        const DELIVERY: &str = "/orders/9/delivery";
        let server =
            Server::new([(LAST, 100, Ok("9")), (DELIVERY, 150, Ok("on its way")), (OFFERS, 200, Ok("3"))]);
        let start = Instant::now();
        let result = with_a_dependency("ada", |path| server.get(path)).await;
        assert_eq!(result, Ok(("on its way".to_owned(), "3".to_owned())));
        assert_eq!(start.elapsed(), ms(250));
        assert_eq!(server.begun(), calls([(LAST, 0), (OFFERS, 0), (DELIVERY, 100)]));
    }

    /// asyncio: `gather` makes a task of each coroutine. Tokio: `join!` polls its branches on the task that it
    /// stands in, so also on one thread at a time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn join_makes_no_tasks() {
        async fn id_and_thread() -> (tokio::task::Id, std::thread::ThreadId) {
            (tokio::task::id(), std::thread::current().id())
        }
        let task = tokio::spawn(async { (id_and_thread().await, join!(id_and_thread(), id_and_thread())) });
        let (mine, theirs) = task.await.unwrap();
        assert_eq!(theirs, (mine, mine));
    }

    /// asyncio and Tokio: a branch that computes without a suspension runs to its end before the next one begins.
    #[tokio::test]
    async fn a_branch_that_never_yields_holds_up_the_others() {
        let steps = Mutex::new(Vec::new());
        let branch = async |name| {
            for step in 1..=2 {
                steps.lock().unwrap().push((name, step));
            }
        };
        join!(branch("a"), branch("b"));
        assert_eq!(steps.into_inner().unwrap(), [("a", 1), ("a", 2), ("b", 1), ("b", 2)]);
    }

    /// asyncio: a cancelled `gather` cancels its children. Tokio: cancelled anywhere, no call is left behind.
    #[test]
    fn cancelled_anywhere_they_leave_no_call_behind() {
        const LAST: &str = "/users/ada/orders/last";
        const DELIVERY: &str = "/orders/9/delivery";
        fn swept(calls: impl AsyncFn(Server)) -> usize {
            let calls = &calls;
            let swept = cancel_sweep::sweep_with(
                || {
                    let answers =
                        [(PROFILE, 300), (ORDERS, 100), (OFFERS, 200), (LAST, 100), (DELIVERY, 150)];
                    let server = Server::new(answers.map(|(path, millis)| (path, millis, Ok("9"))));
                    (server.clone(), async move { calls(server).await })
                },
                |server, _| assert_eq!(server.gone(), server.begun().len()),
            );
            swept.points
        }
        assert_eq!(swept(async |server| drop(one_after_the_other("ada", |path| server.get(path)).await)), 3);
        assert_eq!(swept(async |server| drop(at_once("ada", |path| server.get(path)).await)), 3);
        assert_eq!(swept(async |server| drop(with_a_dependency("ada", |path| server.get(path)).await)), 3);
        assert_eq!(swept(async |server| drop(every_outcome("ada", |path| server.get(path)).await)), 3);
    }
}

mod laziness {
    use super::*;
    use async_await::laziness::first_ok;
    use std::task::{Context, Poll, Wake, Waker};

    /// asyncio and Tokio: to call an async function makes a value. Its body begins at the `await`.
    #[tokio::test(start_paused = true)]
    async fn nothing_runs_before_the_await() {
        let server = Server::new([("/a", 100, Ok("a"))]);
        let call = server.get("/a".to_owned());
        sleep(ms(500)).await;
        assert_eq!(server.begun(), []);
        assert_eq!(call.await.as_deref(), Ok("a"));
        assert_eq!(server.begun(), calls([("/a", 500)]));
    }

    /// asyncio: a task runs without being awaited. Tokio: so does what is spawned.
    #[tokio::test(start_paused = true)]
    async fn but_a_spawned_task_runs_by_itself() {
        let server = Server::new([("/a", 100, Ok("a"))]);
        let task = tokio::spawn({
            let server = server.clone();
            async move { server.get("/a".to_owned()).await }
        });
        assert_eq!(server.begun(), [], "on one thread it begins when its creator is suspended");
        sleep(ms(500)).await;
        assert_eq!((server.begun(), server.finished()), (calls([("/a", 0)]), 1));
        assert_eq!(task.await.unwrap().as_deref(), Ok("a"));
    }

    /// asyncio: a forgotten `await` is a `RuntimeWarning` when the program runs. Tokio: the compiler warns where the
    /// future stands alone, and clippy at `let _`. A dropped future and a list of them are silent.
    #[tokio::test]
    async fn a_future_that_nobody_awaits_has_never_run() {
        let ran = Count::default();
        let run = async || ran.add();
        #[expect(unused_must_use, reason = "the lesson: the compiler sees this one")]
        run();
        #[expect(clippy::let_underscore_future, let_underscore_drop, reason = "the lesson: this one is seen")]
        let _ = run();
        drop(run());
        let _list = [run(), run()];
        yield_now().await;
        assert_eq!(ran.get(), 0);
    }

    /// asyncio: `sleep(0.1)` is a coroutine, and so is `wait_for`: their time begins at the `await`. Tokio: the
    /// deadline of a `Sleep` and of a `Timeout` is fixed when it is made. An async block around it makes it lazy.
    #[tokio::test(start_paused = true)]
    async fn but_a_sleep_and_a_timeout_count_from_the_call() {
        let start = Instant::now();
        let bare = (sleep(ms(100)), timeout(ms(150), pending::<()>()));
        let lazy = async { sleep(ms(100)).await };
        sleep(ms(60)).await;
        bare.0.await;
        assert_eq!(start.elapsed(), ms(100));
        assert!(bare.1.await.is_err());
        assert_eq!(start.elapsed(), ms(150));
        lazy.await;
        assert_eq!(start.elapsed(), ms(250));
    }

    /// asyncio: a cancelled sleep cancels its timer. Tokio: a dropped one is taken out, and wakes nobody.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_sleep_takes_its_timer_with_it() {
        #[derive(Default)]
        struct Wakes(Count);
        impl Wake for Wakes {
            fn wake(self: Arc<Self>) {
                self.0.add();
            }
        }
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        let [mut kept, mut dropped] = [100, 100].map(|millis| Box::pin(sleep(ms(millis))));
        assert_eq!([kept.as_mut().poll(&mut cx), dropped.as_mut().poll(&mut cx)], [Poll::Pending; 2]);
        drop(dropped);
        sleep(ms(200)).await;
        assert_eq!(wakes.0.get(), 1, "the one that was kept");
    }

    /// asyncio: each coroutine that is not needed has to be closed, or it warns. Tokio: it is dropped.
    #[tokio::test(start_paused = true)]
    async fn only_the_attempts_that_are_needed_run() {
        let server = Server::new([
            ("/cache", 100, Err("cold")),
            ("/replica", 200, Ok("news")),
            ("/origin", 1, Ok("")),
        ]);
        let attempts = ["/cache", "/replica", "/origin"].map(|path| server.get(path.to_owned()));
        assert_eq!(server.begun(), []);
        let start = Instant::now();
        assert_eq!(first_ok(attempts).await.as_deref(), Ok("news"));
        assert_eq!(start.elapsed(), ms(300));
        assert_eq!(server.begun(), calls([("/cache", 0), ("/replica", 100)]));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_every_error_is_reported_in_order() {
        let server = Server::new([("/a", 200, Err("a")), ("/b", 100, Err("b"))]);
        let attempts = ["/a", "/b"].map(|path| server.get(path.to_owned()));
        assert_eq!(first_ok(attempts).await.unwrap_err(), ["a", "b"]);
    }

    #[test]
    fn of_nothing_there_is_nothing_to_report() {
        let none: [std::future::Ready<Result<(), ()>>; 0] = [];
        assert_eq!(first_ok(none).now_or_never(), Some(Err(vec![])));
    }

    /// Cancelled in the k-th attempt, k have begun, none is left, and the later ones never run.
    #[test]
    fn cancelled_anywhere_the_later_attempts_never_run() {
        let swept = cancel_sweep::sweep_with(
            || {
                let server =
                    Server::new([("/a", 100, Err("a")), ("/b", 100, Err("b")), ("/c", 100, Ok("c"))]);
                let calls = server.clone();
                let first =
                    async move { first_ok(["/a", "/b", "/c"].map(|path| calls.get(path.to_owned()))).await };
                (server, first)
            },
            |server, outcome| {
                if let cancel_sweep::Outcome::Cancelled(at) = outcome {
                    assert_eq!(server.begun().len(), at.suspension);
                }
                assert_eq!(server.gone(), server.begun().len());
            },
        );
        assert_eq!(swept.points, 3);
    }
}

mod yielding {
    use super::*;
    use async_await::yielding::{search, search_on_budget};
    use std::num::NonZeroUsize;
    use tokio::sync::Semaphore;
    use tokio::time::advance;

    /// How many operations Tokio lets a task do before one of them yields.
    const BUDGET: usize = 128;

    fn n(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    fn lines(number: usize) -> impl Iterator<Item = &'static str> {
        ["plain", "a needle", "plain"].into_iter().cycle().take(number)
    }

    /// How often `work` is suspended before it ends.
    async fn suspensions(work: impl Future) -> usize {
        let mut work = pin!(work);
        let mut suspensions = 0;
        poll_fn(|cx| {
            let polled = work.as_mut().poll(cx).map(drop);
            suspensions += usize::from(polled.is_pending());
            polled
        })
        .await;
        suspensions
    }

    /// asyncio: `sleep(0)` gives every other task that is ready one turn, and they come back in the same order.
    /// Tokio: `yield_now` gives them a turn as well; in which order those that yield come back is not promised, and
    /// in this version it changes.
    #[tokio::test]
    async fn yield_now_gives_every_ready_task_a_turn() {
        let order = Arc::new(Mutex::new(Vec::new()));
        for name in ["a", "b", "c"] {
            let order = order.clone();
            tokio::spawn(async move {
                for turn in 1..=2 {
                    order.lock().unwrap().push((turn, name));
                    yield_now().await;
                }
            });
        }
        yield_now().await;
        assert_eq!(*order.lock().unwrap(), [(1, "a"), (1, "b"), (1, "c")]);
        yield_now().await;
        order.lock().unwrap()[3..].sort();
        assert_eq!(order.lock().unwrap()[3..], [(2, "a"), (2, "b"), (2, "c")]);
    }

    /// The hazard: `sleep(Duration::ZERO)` reads like asyncio's `sleep(0)`. On a paused clock that stands on a whole
    /// millisecond it is over when it is first polled, and nobody gets a turn.
    #[tokio::test(start_paused = true)]
    async fn but_a_sleep_of_zero_does_not_on_a_paused_clock() {
        let (beats, _other_task) = heart_beat();
        sleep(Duration::ZERO).await;
        assert_eq!(beats.get(), 0);
        yield_now().await;
        assert_eq!(beats.get(), 1);
    }

    /// And between two milliseconds, where a real clock nearly always is, it waits for the timer's next step, which
    /// for a turn is very long. `yield_now` takes no time.
    #[tokio::test(start_paused = true)]
    async fn and_waits_a_millisecond_on_one_that_runs() {
        advance(Duration::from_micros(300)).await;
        let start = Instant::now();
        yield_now().await;
        assert_eq!(start.elapsed(), ms(0));
        sleep(Duration::ZERO).await;
        assert_eq!(start.elapsed(), ms(1));
    }

    /// asyncio: an `await` of what is ready never suspends. Tokio: each is one operation on the budget of the task.
    /// When that is used up, the next one yields.
    #[tokio::test]
    async fn an_await_of_what_is_ready_suspends_when_the_budget_is_used_up() {
        let permits = Semaphore::new(1);
        let acquire = async |times| {
            for _ in 0..times {
                let _permit = permits.acquire().await.unwrap();
            }
        };
        assert_eq!(suspensions(acquire(BUDGET)).await, 0);
        yield_now().await; // a new turn has a new budget
        assert_eq!(suspensions(acquire(BUDGET + 1)).await, 1);
    }

    #[tokio::test]
    async fn the_search_finds_the_same_however_often_it_yields() {
        for number in [0, 1, 2, 3, 300] {
            let expected: Vec<_> = (0..number).filter(|line| line % 3 == 1).collect();
            for at_a_time in [1, 2, 3, 299, 300, 301, usize::MAX] {
                assert_eq!(search(lines(number), "needle", n(at_a_time)).await, expected);
            }
            assert_eq!(search_on_budget(lines(number), "needle").await, expected);
        }
    }

    /// asyncio and Tokio: a task that computes keeps the thread, and every other one waits. One that yields gives
    /// them a turn each time.
    #[tokio::test]
    async fn a_search_that_yields_lets_others_run_and_one_that_does_not_holds_them_up() {
        let (beats, _other_task) = heart_beat();
        search(lines(3_000), "needle", NonZeroUsize::MAX).await;
        assert_eq!(beats.get(), 0);
        search(lines(3_000), "needle", n(1_000)).await;
        assert_eq!(beats.get(), 3);
    }

    #[tokio::test]
    async fn the_search_yields_after_every_so_many_lines_and_not_before() {
        for (number, yields) in [(0, 0), (1, 0), (99, 0), (100, 1), (199, 1), (200, 2), (10_000, 100)] {
            assert_eq!(suspensions(search(lines(number), "needle", n(100))).await, yields, "{number} lines");
        }
    }

    /// asyncio has no such budget. Tokio: every 128 operations a task yields.
    #[tokio::test]
    async fn on_its_budget_the_search_yields_after_every_128_lines() {
        for (number, yields) in
            [(0, 0), (BUDGET, 0), (BUDGET + 1, 1), (10 * BUDGET, 9), (10 * BUDGET + 1, 10)]
        {
            yield_now().await; // a new turn has a new budget
            assert_eq!(
                suspensions(search_on_budget(lines(number), "needle")).await,
                yields,
                "{number} lines"
            );
        }
        let (beats, _other_task) = heart_beat();
        yield_now().await;
        let before = beats.get();
        search_on_budget(lines(BUDGET + 1), "needle").await;
        assert!(beats.get() > before);
    }

    /// A task that also takes permits, or receives messages, has the lines and the permits on one budget.
    #[tokio::test]
    async fn the_budget_is_shared_with_everything_else_that_the_task_does() {
        let search_with_permits = async |number| {
            let permits = Semaphore::new(1);
            for _ in 0..number {
                let _permit = permits.acquire().await.unwrap();
                search_on_budget(lines(1), "needle").await;
            }
        };
        assert_eq!(suspensions(search_with_permits(BUDGET / 2)).await, 0);
        yield_now().await;
        assert_eq!(suspensions(search_with_permits(BUDGET / 2 + 1)).await, 1);
    }

    /// asyncio: `wait_for` cannot end a coroutine that never suspends. Tokio: a timeout is looked at when the work
    /// is suspended, so never.
    #[tokio::test(start_paused = true)]
    async fn a_timeout_ends_a_search_that_yields_and_no_other() {
        let found = timeout(Duration::ZERO, search(lines(300), "needle", NonZeroUsize::MAX)).await;
        assert_eq!(found.map(|found| found.len()), Ok(100));
        assert!(timeout(Duration::ZERO, search(lines(300), "needle", n(100))).await.is_err());
    }

    /// asyncio: `time.sleep` stops the loop. Tokio: `std::thread::sleep` stops this thread with all its tasks, and
    /// the runtime's clock does not even notice. Our clippy.toml forbids it.
    #[tokio::test(start_paused = true)]
    async fn a_blocking_sleep_holds_up_every_task() {
        let (beats, _other_task) = heart_beat();
        let start = Instant::now();
        #[expect(clippy::disallowed_methods, reason = "the lesson: a lint can forbid it")]
        std::thread::sleep(ms(1));
        assert_eq!((beats.get(), start.elapsed()), (0, ms(0)));
    }

    /// The search can be cancelled where it yields, and nowhere else.
    #[test]
    fn a_search_can_be_cancelled_where_it_yields() {
        let swept = cancel_sweep::sweep(|| search(lines(3_000), "needle", n(1_000)), |_| {});
        assert_eq!(swept.points, 3);
        let swept = cancel_sweep::sweep(|| search(lines(3_000), "needle", NonZeroUsize::MAX), |_| {});
        assert_eq!(swept.points, 0);
        let swept = cancel_sweep::sweep(|| search_on_budget(lines(1_000), "needle"), |_| {});
        assert_eq!(swept.points, 1_000 / 128, "a turn is 128 operations");
    }
}

mod async_closures {
    use super::*;
    use async_await::async_closures::{poll_until, spawn_poll_until};

    type Answer = Result<Option<&'static str>, &'static str>;

    /// asyncio: an `async def` is passed, and changes its surroundings by `nonlocal`. Tokio: an async closure borrows
    /// what it changes, across its own awaits; afterwards it is the caller's again.
    #[tokio::test(start_paused = true)]
    async fn a_closure_may_change_what_it_borrows_across_its_awaits() {
        let start = Instant::now();
        let mut asked = Vec::new();
        let answer = poll_until(ms(100), async || -> Answer {
            asked.push(start.elapsed());
            sleep(ms(10)).await;
            Ok((asked.len() == 3).then_some("ready"))
        });
        assert_eq!(answer.await, Ok("ready"));
        assert_eq!(asked, [ms(0), ms(110), ms(220)]);
        assert_eq!(start.elapsed(), ms(230));
    }

    #[tokio::test(start_paused = true)]
    async fn an_async_fn_and_a_closure_that_returns_a_future_are_taken_too() {
        async fn ask() -> Answer {
            Ok(Some("ready"))
        }
        assert_eq!(poll_until(ms(100), ask).await, Ok("ready"));
        assert_eq!(poll_until(ms(100), || std::future::ready(Answer::Ok(Some("ready")))).await, Ok("ready"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_error_ends_it() {
        let mut answers = [Ok(None), Err("gone"), Ok(Some("ready"))].into_iter();
        let start = Instant::now();
        assert_eq!(poll_until(ms(100), async || -> Answer { answers.next().unwrap() }).await, Err("gone"));
        assert_eq!((start.elapsed(), answers.len()), (ms(100), 1));
    }

    /// asyncio: any coroutine can become a task. Tokio: a task needs `Send`, which a function cannot ask of the
    /// futures of an `AsyncFn`. It asks it of a closure that returns a future; or its caller spawns.
    #[tokio::test(start_paused = true)]
    async fn on_a_task_of_its_own_it_needs_futures_that_are_send() {
        let asked = Count::default();
        let task = spawn_poll_until(ms(100), {
            let asked = asked.clone();
            move || {
                let asked = asked.clone();
                async move {
                    asked.add();
                    Answer::Ok((asked.get() == 3).then_some("ready"))
                }
            }
        });
        assert_eq!(task.await.unwrap(), Ok("ready"));

        let mut asked = 0;
        let task = tokio::spawn(poll_until(ms(100), async move || -> Answer {
            asked += 1;
            Ok((asked == 3).then_some("ready"))
        }));
        assert_eq!(task.await.unwrap(), Ok("ready"));
    }

    /// asyncio: a forgotten task may be collected. Tokio: one whose handle is dropped runs on.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_handle_does_not_end_the_questions() {
        let asked = Count::default();
        drop(spawn_poll_until(ms(100), {
            let asked = asked.clone();
            move || {
                asked.add();
                std::future::ready(Answer::Ok((asked.get() == 3).then_some("ready")))
            }
        }));
        sleep(ms(500)).await;
        assert_eq!(asked.get(), 3);
    }

    /// A pause of zero asks as fast as it can, and yet others get their turns: on a paused clock, where such a sleep
    /// takes no time, because it is on the budget.
    #[tokio::test(start_paused = true)]
    async fn a_pause_of_zero_does_not_keep_the_thread_for_ever() {
        let (beats, _other_task) = heart_beat();
        let mut asked = 0;
        let answer = poll_until(Duration::ZERO, async || {
            asked += 1;
            if asked > 1_000 {
                Err("nobody else had a turn")
            } else {
                Ok((beats.get() == 3).then_some("ready"))
            }
        });
        assert_eq!(answer.await, Ok("ready"));
    }

    /// Cancelled anywhere, the question under way is dropped and none follows.
    #[test]
    fn cancelled_anywhere_no_question_is_left_behind() {
        let swept = cancel_sweep::sweep_with(
            || {
                let server = Server::new([("/export", 10, Ok("not yet"))]);
                let asked = server.clone();
                let mut times = 0;
                let poll = async move {
                    poll_until(ms(100), async || {
                        times += 1;
                        asked.get("/export".to_owned()).await.map(|_| (times == 3).then_some(()))
                    })
                    .await
                };
                (server, poll)
            },
            |server, outcome| {
                if let cancel_sweep::Outcome::Cancelled(at) = outcome {
                    assert_eq!(server.begun().len(), at.suspension.div_ceil(2));
                }
                assert_eq!(server.gone(), server.begun().len());
            },
        );
        assert_eq!(swept.points, 5, "three questions, two pauses");
    }
}

mod many_readers {
    use super::*;
    use async_await::many_readers::{SingleFlight, spawn_shared};
    use tokio::join;
    use tokio::sync::Semaphore;

    /// Takes 100 ms, counts that it ran to its end, and gives the count.
    async fn load(loads: Count) -> usize {
        sleep(ms(100)).await;
        loads.add();
        loads.get()
    }

    /// asyncio: a `Task` can be awaited again, a one-shot awaitable cannot. Tokio: a `JoinHandle` is one-shot.
    #[tokio::test]
    #[should_panic(expected = "JoinHandle polled after completion")]
    async fn a_join_handle_awaited_again_panics() {
        let mut task = tokio::spawn(async { 7 });
        assert_eq!((&mut task).await.unwrap(), 7);
        let _again = (&mut task).await;
    }

    /// asyncio: whoever awaits a finished task gets its value. Tokio: each clone of the shared one does.
    #[tokio::test(start_paused = true)]
    async fn every_reader_gets_the_value_also_later() {
        let loads = Count::default();
        let start = Instant::now();
        let task = spawn_shared(load(loads.clone()));
        let (a, b) = join!(task.clone(), task.clone());
        assert_eq!((a.unwrap(), b.unwrap(), start.elapsed()), (1, 1, ms(100)));
        assert_eq!(task.clone().await.unwrap(), 1);
        assert_eq!(task.await.unwrap(), 1);
        assert_eq!((start.elapsed(), loads.get()), (ms(100), 1));
    }

    /// asyncio: a task runs whether or not anybody awaits it. Tokio: so does this one, while a bare `Shared` is lazy.
    #[tokio::test(start_paused = true)]
    async fn the_work_goes_on_while_its_readers_are_busy() {
        let (spawned, bare) = (Count::default(), Count::default());
        let (_first, _second) = (spawn_shared(load(spawned.clone())), load(bare.clone()).shared());
        sleep(ms(500)).await;
        assert_eq!((spawned.get(), bare.get()), (1, 0));
    }

    /// asyncio: the exception of a task is raised at everybody who awaits it. Tokio: the panic is everybody's error.
    #[tokio::test(start_paused = true)]
    async fn a_panic_reaches_every_reader() {
        let task = spawn_shared(async {
            sleep(ms(100)).await;
            panic!("broken");
        });
        let (a, b): (Result<(), _>, _) = join!(task.clone(), task);
        assert!(a.unwrap_err().is_panic() && b.unwrap_err().is_panic());
    }

    /// The hazard: a bare `Shared` is polled by its readers, so a panic in it is a panic of each of them.
    #[tokio::test(start_paused = true)]
    async fn but_a_panic_in_a_bare_shared_is_a_panic_of_every_reader() {
        let work = async {
            sleep(ms(100)).await;
            panic!("broken");
        };
        let work = futures::FutureExt::boxed(work).shared();
        let readers: [tokio::task::JoinHandle<()>; 2] = [tokio::spawn(work.clone()), tokio::spawn(work)];
        for reader in readers {
            assert!(reader.await.unwrap_err().is_panic());
        }
    }

    /// asyncio: to cancel one reader cancels the task, and with it the others; `shield` prevents that. Tokio: a
    /// reader that is dropped takes nothing from the others.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_reader_takes_nothing_from_the_others() {
        let start = Instant::now();
        let task = spawn_shared(load(Count::default()));
        let (impatient, patient) = join!(timeout(ms(50), task.clone()), task);
        assert!(impatient.is_err());
        assert_eq!((patient.unwrap(), start.elapsed()), (1, ms(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn without_readers_the_work_ends() {
        let (loads, dropped) = (Count::default(), Count::default());
        let task = spawn_shared({
            let (loads, guard) = (loads.clone(), dropped.on_drop());
            async move {
                let _guard = guard;
                load(loads).await
            }
        });
        assert!(timeout(ms(50), task).await.is_err());
        yield_now().await;
        assert_eq!(dropped.get(), 1);
        sleep(ms(500)).await;
        assert_eq!(loads.get(), 0);
    }

    /// asyncio: keep the task, and let everybody await it. Tokio: the load that is not needed is never run.
    #[tokio::test(start_paused = true)]
    async fn who_asks_while_a_load_runs_gets_its_result() {
        let (flight, loads) = (SingleFlight::default(), Count::default());
        let first = flight.join_or_start(load(loads.clone()));
        sleep(ms(60)).await;
        let start = Instant::now();
        let second = flight.join_or_start(async { unreachable!("a load is under way") });
        let (first, second) = join!(first, second);
        assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
        assert_eq!(start.elapsed(), ms(40));
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_later_starts_the_next_load() {
        let (flight, loads) = (SingleFlight::default(), Count::default());
        assert_eq!(flight.join_or_start(load(loads.clone())).await.unwrap(), 1);
        assert_eq!(flight.join_or_start(load(loads.clone())).await.unwrap(), 2);
    }

    /// A load that has ended is over, also when its readers have not looked yet: nobody gets a result that was old
    /// when it was asked for.
    #[tokio::test(start_paused = true)]
    async fn a_result_that_nobody_has_read_yet_is_not_given_to_who_asks_later() {
        let (flight, loads) = (SingleFlight::default(), Count::default());
        let unread = flight.join_or_start(load(loads.clone()));
        sleep(ms(500)).await;
        assert_eq!(flight.join_or_start(load(loads.clone())).await.unwrap(), 2);
        assert_eq!(unread.await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_panic_or_the_last_reader_the_next_load_starts_anew() {
        let (flight, loads) = (SingleFlight::default(), Count::default());
        let broken = flight.join_or_start(async { panic!("broken") });
        assert!(broken.await.unwrap_err().is_panic());

        let start = Instant::now();
        assert!(timeout(ms(50), flight.join_or_start(load(loads.clone()))).await.is_err());
        assert_eq!(flight.join_or_start(load(loads.clone())).await.unwrap(), 1);
        assert_eq!(start.elapsed(), ms(150), "50 ms of the first, all of the second");
    }

    /// Two threads ask at the same moment, a thousand times, and each load ends when both have asked: one is enough.
    #[test]
    fn two_threads_that_ask_at_the_same_moment_share_one_load() {
        let rounds: Vec<_> = (0..1_000)
            .map(|_| (SingleFlight::default(), Count::default(), Arc::new(Semaphore::new(0))))
            .collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let same_moment = std::sync::Barrier::new(2);
        // Threads of our own: to block those of the runtime may leave a task behind in the queue of one of them.
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    for (flight, loads, asked) in &rounds {
                        let (loads, both_asked) = (loads.clone(), asked.clone());
                        let load = async move {
                            loads.add();
                            let _both = both_asked.acquire_many(2).await.unwrap();
                        };
                        runtime.block_on(async {
                            same_moment.wait();
                            let result = flight.join_or_start(load);
                            asked.add_permits(1);
                            result.await.unwrap();
                        });
                    }
                });
            }
        });
        assert!(rounds.iter().all(|(_, loads, _)| loads.get() == 1));
    }

    /// Cancelled anywhere, one reader costs the other neither the result nor a second load.
    #[test]
    fn a_cancelled_reader_costs_the_others_nothing() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (flight, loads) = (SingleFlight::default(), Count::default());
                let (first, second) =
                    (flight.join_or_start(load(loads.clone())), flight.join_or_start(load(loads.clone())));
                ((second, loads), first)
            },
            |(second, loads), _| {
                assert_eq!(second.now_or_never().expect("the load has ended").unwrap(), 1);
                assert_eq!(loads.get(), 1);
            },
        );
        assert_eq!(swept.points, 1);
    }
}

mod one_thread_or_many {
    use super::*;
    use futures::future::join_all;
    use std::sync::Barrier;
    use std::thread;
    use tokio::sync::oneshot;

    /// Waits while tasks block threads of the runtime on purpose. A task may lie in the queue of a thread that is
    /// blocked; a new one makes the others look there, once they have done it. So they come one by one, and the next one
    /// also when this one lies there too.
    async fn stir_until(done: impl Fn() -> bool) {
        while !done() {
            let _may_be_late = timeout(ms(10), tokio::spawn(async {})).await;
        }
    }

    /// asyncio: between two suspensions no other task runs. Tokio: so it is on one thread.
    #[tokio::test]
    async fn on_one_thread_nothing_else_runs_between_two_awaits() {
        let count = Arc::new(AtomicUsize::new(0));
        let tasks = (0..1_000).map(|_| {
            let count = count.clone();
            tokio::spawn(async move {
                let seen = count.load(SeqCst);
                count.store(seen + 1, SeqCst);
                yield_now().await;
            })
        });
        join_all(tasks.collect::<Vec<_>>()).await;
        assert_eq!(count.load(SeqCst), 1_000);
    }

    /// The hazard, in asyncio and on Tokio: an await between looking and changing lets all the others look first.
    #[tokio::test]
    async fn but_an_await_between_looking_and_changing_loses_updates() {
        let count = Arc::new(AtomicUsize::new(0));
        let tasks = (0..1_000).map(|_| {
            let count = count.clone();
            tokio::spawn(async move {
                let seen = count.load(SeqCst);
                yield_now().await;
                count.store(seen + 1, SeqCst);
            })
        });
        join_all(tasks.collect::<Vec<_>>()).await;
        assert_eq!(count.load(SeqCst), 1);
    }

    /// asyncio: there is one thread, so this cannot happen. Tokio: on a multi-thread runtime two tasks are between the
    /// same two lines at the same time. An atomic operation, or a lock, makes one step of two.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_many_threads_two_tasks_run_at_the_same_time() {
        let (apart, in_one_step) = (Arc::new(AtomicUsize::new(0)), Count::default());
        let meeting = Arc::new(Barrier::new(2));
        let tasks = [1, 2].map(|_| {
            let (apart, in_one_step, meeting) = (apart.clone(), in_one_step.clone(), meeting.clone());
            tokio::spawn(async move {
                let seen = apart.load(SeqCst);
                // Not an await, and yet the other task is at the same place.
                meeting.wait();
                apart.store(seen + 1, SeqCst);
                in_one_step.add();
                thread::current().id()
            })
        });
        stir_until(|| tasks.iter().all(|task| task.is_finished())).await;
        let threads = join_all(tasks).await;
        assert_eq!((apart.load(SeqCst), in_one_step.get()), (1, 2));
        assert_ne!(threads[0].as_ref().unwrap(), threads[1].as_ref().unwrap());
    }

    /// asyncio: `current_task` is the same before and after an `await`, and so is the thread. Tokio: the task is, the
    /// thread may not be. So what is kept in a `thread_local` is another task's after an await.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_many_threads_a_task_may_go_on_in_another_thread() {
        let here = || (tokio::task::id(), thread::current().id());
        let (tell, told) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            tell.send(here()).unwrap();
            may_go_on.await.unwrap();
            here()
        });
        let before = told.await.unwrap();

        // Two more tasks occupy both threads, each one; then the one on the first thread stays there.
        let (both_occupied, let_go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let first_is_occupied = Count::default();
        let occupants = [1, 2].map(|_| {
            let (both_occupied, let_go) = (both_occupied.clone(), let_go.clone());
            let first_is_occupied = first_is_occupied.clone();
            tokio::spawn(async move {
                both_occupied.wait();
                if thread::current().id() == before.1 {
                    first_is_occupied.add();
                    let_go.wait();
                }
            })
        });
        stir_until(|| first_is_occupied.get() == 1).await;
        go_on.send(()).unwrap();
        stir_until(|| task.is_finished()).await;
        let_go.wait();
        let after = task.await.unwrap();
        join_all(occupants).await;

        assert_eq!(before.0, after.0, "the same task");
        assert_ne!(before.1, after.1, "another thread");
    }
}

mod demo {
    use async_await::demo;
    use expect_test::expect_file;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/async_await/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/async_await/timeline.svg"].assert_eq(&rehearsal.timeline.svg("async_await"));
    }
}
