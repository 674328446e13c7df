//! Lessons of `recipes/timeouts`: what asyncio's `timeout`, `wait_for`, `cancel` and `shield` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::fmt::Display;
use std::future::{poll_fn, ready};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use futures::FutureExt;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, advance, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Waits until it is dropped. On virtual time somebody has to do that within ten years, so that a lesson fails rather than
/// hangs.
async fn for_ever<T>() -> T {
    sleep(10 * A_YEAR).await;
    panic!("nobody has ended this")
}

/// What it gives, on virtual time; fails rather than hangs.
async fn ends<T>(work: impl Future<Output = T>) -> T {
    timeout(20 * A_YEAR, work).await.expect("it ends")
}

/// Takes `millis` and gives back `name`; fails if the name says so.
async fn load(name: &'static str, millis: u64) -> Result<&'static str, String> {
    sleep(ms(millis)).await;
    if name.starts_with("bad") { Err(format!("{name} after {millis}")) } else { Ok(name) }
}

/// What happened, in order, and when.
#[derive(Clone)]
struct Log(Arc<(Instant, Mutex<Vec<String>>)>);

impl Default for Log {
    fn default() -> Self {
        Self(Arc::new((Instant::now(), Mutex::default())))
    }
}

impl Log {
    fn add(&self, entry: impl Display) {
        self.0.1.lock().unwrap().push(entry.to_string());
    }

    /// With the milliseconds since the log was made.
    fn at(&self, entry: impl Display) {
        self.add(format_args!("{:>3} {entry}", self.0.0.elapsed().as_millis()));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.1.lock().unwrap())
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

    fn on_drop(&self) -> OnDrop<impl FnMut() + Send + use<>> {
        let count = self.clone();
        OnDrop(move || count.add())
    }
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A panic that the panic hook does not print.
fn panics<T>() -> T {
    resume_unwind(Box::new("a panic"))
}

/// The same for a drop, where a panic on top of another one would end the process.
fn panics_in_drop() {
    if !std::thread::panicking() {
        panics::<()>();
    }
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Computes for as long, on the real clock, without an await.
fn compute(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Runs `round` for each seed on a runtime of four threads. A round that hangs fails.
fn on_many_threads(rounds: u64, round: impl AsyncFn(Rng)) {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    for seed in 0..rounds {
        let ended = runtime.block_on(async { timeout(ms(20_000), round(Rng::with_seed(seed))).await });
        ended.unwrap_or_else(|_| panic!("seed {seed}: somebody waits for ever"));
    }
}

/// Yields up to four times: where others run meanwhile is a matter of chance.
async fn some_turns(rng: &mut Rng) {
    for _ in 0..rng.u8(0..5) {
        yield_now().await;
    }
}

/// Polls a future once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| match future.poll_unpin(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

mod time_limit {
    use super::*;
    use timeouts::time_limit::{LimitError, time_limit};

    /// asyncio and Tokio: work that is done in time is not disturbed.
    #[tokio::test(start_paused = true)]
    async fn work_in_time_gives_its_value_or_its_own_error() {
        let start = Instant::now();
        assert_eq!(time_limit(Some(ms(200)), load("home", 100)).await, Ok("home"));
        assert_eq!(start.elapsed(), ms(100));
        let failed = time_limit(Some(ms(200)), load("bad", 100)).await.unwrap_err();
        assert_eq!(failed, LimitError::Failed("bad after 100".to_owned()));
        assert_eq!(failed.to_string(), "bad after 100");
        assert_eq!(start.elapsed(), ms(200));
    }

    /// asyncio: `TimeoutError`. Tokio: `Elapsed`, here a variant beside the error of the work.
    #[tokio::test(start_paused = true)]
    async fn work_that_is_late_is_cut_off_at_the_limit() {
        let start = Instant::now();
        let late = time_limit(Some(ms(200)), load("slow", 500)).await.unwrap_err();
        assert_eq!((late.to_string().as_str(), start.elapsed()), ("timed out after 200ms", ms(200)));
        assert_eq!(late, LimitError::TimedOut(ms(200)));
    }

    /// asyncio: `None` waits for ever. Tokio: `Duration::MAX` does, and sets no timer.
    #[tokio::test(start_paused = true)]
    async fn no_limit_waits_however_long_it_takes() {
        for limit in [None, Some(Duration::MAX)] {
            let start = Instant::now();
            let work = async {
                sleep(A_YEAR).await;
                Ok::<_, ()>("at last")
            };
            assert_eq!(time_limit(limit, work).await, Ok("at last"));
            assert_eq!(start.elapsed(), A_YEAR);
        }
    }

    /// asyncio: a result that is there is returned, also by `timeout(0)`. Tokio: the work is polled first.
    #[tokio::test(start_paused = true)]
    async fn a_limit_of_zero_is_enough_for_work_that_does_not_wait() {
        let work = async { Ok::<_, ()>("cached") };
        assert_eq!(time_limit(Some(Duration::ZERO), work).now_or_never(), Some(Ok("cached")));
    }

    /// asyncio: `timeout(0)` runs the body up to its first suspension, and `wait_for(coroutine, 0)` does not begin it.
    /// Tokio's `timeout` is the first of them; for the second, see `timeout_and_wait`.
    #[tokio::test(start_paused = true)]
    async fn a_limit_of_zero_lets_the_work_get_as_far_as_its_first_wait() {
        let steps = Count::default();
        let work = async {
            steps.add();
            yield_now().await;
            steps.add();
            Ok::<_, ()>(())
        };
        let start = Instant::now();
        assert_eq!(time_limit(Some(Duration::ZERO), work).await, Err(LimitError::TimedOut(Duration::ZERO)));
        assert_eq!((steps.get(), start.elapsed()), (1, ms(0)));
    }

    /// asyncio: the timer that was set first decides, and that is the one of the timeout: `TimeoutError`. Tokio: the work
    /// is polled before the clock is looked at.
    #[tokio::test(start_paused = true)]
    async fn work_that_is_ready_in_the_instant_of_the_limit_is_in_time() {
        assert_eq!(time_limit(Some(ms(100)), load("home", 100)).await, Ok("home"));
    }

    /// But a task behind a handle has to run first, and whether it does before the timeout looks is a matter of order.
    #[tokio::test(start_paused = true)]
    async fn but_a_task_that_ends_in_that_instant_may_be_too_late() {
        let mut task = tokio::spawn(async {
            sleep(ms(50)).await;
            sleep(ms(50)).await;
        });
        assert!(timeout(ms(100), &mut task).await.is_err());
        assert!(task.await.is_ok());
    }

    /// asyncio: `timeout(0.001)` around work that computes for longer raises nothing if it ends without an await.
    /// Tokio: the same. Nothing can cut off what does not yield, and nobody looks at the clock when it is done.
    #[tokio::test]
    async fn but_work_that_never_yields_is_not_cut_off_and_counts_as_in_time() {
        let start = Instant::now();
        let work = async {
            compute(ms(5));
            Ok::<_, ()>("computed")
        };
        assert_eq!(time_limit(Some(ms(1)), work).await, Ok("computed"));
        assert!(start.elapsed() >= ms(5));
    }

    /// A task may use 128 of Tokio's resources in a turn; then they pretend not to be ready, and the timeout looks at the
    /// clock. So a loop whose awaits are always ready is cut off all the same.
    #[tokio::test]
    async fn work_whose_awaits_are_always_ready_is_cut_off_all_the_same() {
        let always_free = Semaphore::new(1);
        let start = Instant::now();
        let work = async {
            while start.elapsed() < ms(20_000) {
                drop(always_free.acquire().await);
            }
            Ok::<_, ()>(())
        };
        assert_eq!(time_limit(Some(ms(2)), work).await, Err(LimitError::TimedOut(ms(2))));
    }

    /// Tokio: the work is dropped before the error is returned.
    #[tokio::test(start_paused = true)]
    async fn what_its_values_do_in_drop_is_done_when_the_error_is_there() {
        let closed = Count::default();
        let connection = closed.on_drop();
        let work = async move {
            let _connection = connection;
            for_ever::<Result<(), ()>>().await
        };
        assert!(time_limit(Some(ms(100)), work).await.is_err());
        assert_eq!(closed.get(), 1);
    }

    /// asyncio: the clean-up in a `finally` runs, and is waited for. Tokio: no line after the await is reached.
    #[tokio::test(start_paused = true)]
    async fn but_clean_up_that_awaits_is_not_begun() {
        let log = Log::default();
        let work = async {
            let rows = load("slow", 500).await;
            log.at("clean-up");
            rows
        };
        assert!(time_limit(Some(ms(100)), work).await.is_err());
        sleep(ms(1_000)).await;
        assert!(log.take().is_empty());
    }

    /// asyncio: `wait_for(task, limit)` cancels the task. Tokio: what is dropped is the handle, and that detaches.
    #[tokio::test(start_paused = true)]
    async fn but_around_a_join_handle_it_lets_the_task_run_on() {
        let finished = Count::default();
        let work = |finished: Count| async move {
            sleep(ms(500)).await;
            finished.add();
        };
        assert!(timeout(ms(100), tokio::spawn(work(finished.clone()))).await.is_err());
        assert_eq!(alive_tasks(), 1);
        sleep(ms(1_000)).await;
        assert_eq!(finished.get(), 1);

        let mended = AbortOnDropHandle::new(tokio::spawn(work(finished.clone())));
        assert!(timeout(ms(100), mended).await.is_err());
        sleep(ms(1_000)).await;
        assert_eq!(finished.get(), 1);
    }

    /// asyncio: when the outer task is cancelled, so is what it waits for. Tokio: dropped with it.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_caller_drops_the_work() {
        let dropped = Count::default();
        let guard = dropped.on_drop();
        let caller = tokio::spawn(time_limit(Some(ms(500)), async move {
            let _guard = guard;
            for_ever::<Result<(), ()>>().await
        }));
        sleep(ms(100)).await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(dropped.get(), 1);
    }

    /// asyncio: an exception in the clean-up is raised instead of `TimeoutError`. Tokio: only a panic in a drop can.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_drop_of_the_work_goes_on_in_the_caller() {
        let work = async {
            let _panics = OnDrop(panics_in_drop);
            for_ever::<Result<(), ()>>().await
        };
        let panic = AssertUnwindSafe(time_limit(Some(ms(100)), work)).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a panic"));
    }

    /// asyncio: `timeout` outside a task is a `RuntimeError`. Tokio: outside a runtime with a clock it panics.
    #[test]
    fn but_without_a_clock_it_panics_if_there_is_a_limit() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let work = || async { Ok::<_, ()>("quick") };
        assert_eq!(runtime.block_on(time_limit(None, work())), Ok("quick"));
        let limited = AssertUnwindSafe(time_limit(Some(ms(1)), work())).catch_unwind();
        let panic = runtime.block_on(limited).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().contains("timers are disabled"), "no enable_time()");
    }

    /// asyncio: `wait_for` counts from its first step, `timeout(delay)` from the call. Tokio's `timeout`: from the call.
    #[tokio::test(start_paused = true)]
    async fn the_limit_counts_from_the_first_poll_and_that_of_a_bare_timeout_from_the_call() {
        let (limited, bare) =
            (time_limit(Some(ms(100)), load("home", 50)), timeout(ms(100), load("home", 50)));
        sleep(ms(200)).await;
        assert_eq!(limited.await, Ok("home"));
        assert!(bare.await.is_err());
    }

    /// asyncio: `TimeoutError` is an `OSError`. Tokio: an `Elapsed` becomes an `io::Error` of the kind `TimedOut`.
    #[tokio::test(start_paused = true)]
    async fn an_elapsed_becomes_an_io_error_that_says_timed_out() {
        async fn read() -> std::io::Result<()> {
            timeout(ms(10), for_ever()).await?
        }
        assert_eq!(read().await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_limits_are_over_in_the_same_instant() {
        let start = Instant::now();
        let limits = (0..10_000).map(|_| time_limit(Some(ms(100)), load("slow", 200)));
        let late = futures::future::join_all(limits).await;
        assert!(late.iter().all(|result| *result == Err(LimitError::TimedOut(ms(100)))));
        assert_eq!(start.elapsed(), ms(100));
    }

    #[test]
    fn dropped_anywhere_it_drops_the_work_with_it() {
        let swept = cancel_sweep::sweep_with(
            || {
                let dropped = Count::default();
                let guard = dropped.on_drop();
                let work = async move {
                    let _guard = guard;
                    load("one", 10).await?;
                    load("two", 10).await
                };
                (dropped, time_limit(Some(ms(100)), work))
            },
            |dropped, _| assert_eq!(dropped.get(), 1),
        );
        assert_eq!(swept.points, 2);
    }
}

mod deadline {
    use super::*;
    use timeouts::deadline::{Deadline, Expired};

    /// asyncio: `timeout_at(deadline)` around several steps, or around each with the same deadline.
    #[tokio::test(start_paused = true)]
    async fn one_deadline_covers_all_steps() {
        let request = Deadline::after("request", Some(ms(250)));
        let start = Instant::now();
        assert_eq!(request.run(load("connect", 100)).await, Ok(Ok("connect")));
        assert_eq!(request.remaining(), Some(ms(150)));
        assert_eq!(request.run(load("send", 100)).await, Ok(Ok("send")));
        assert_eq!(request.run(load("receive", 100)).await, Err(Expired("request")));
        assert_eq!(start.elapsed(), ms(250));
    }

    /// The hazard: each step has its own 150 ms, and all of them together have no limit.
    #[tokio::test(start_paused = true)]
    async fn but_a_timeout_for_each_step_is_none_for_the_whole() {
        let start = Instant::now();
        for step in ["connect", "send", "receive"] {
            assert_eq!(timeout(ms(150), load(step, 100)).await, Ok(Ok(step)));
        }
        assert_eq!(start.elapsed(), ms(300));
    }

    /// asyncio: the timeout that expired raises, at its own `async with`.
    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_deadlines_reports_whichever_is_inside() {
        let request = Deadline::after("request", Some(ms(100)));
        let start = Instant::now();
        assert_eq!(request.within("try", Some(ms(40))).run(for_ever::<()>()).await, Err(Expired("try")));
        assert_eq!(start.elapsed(), ms(40));
        assert_eq!(request.within("try", Some(ms(90))).run(for_ever::<()>()).await, Err(Expired("request")));
        assert_eq!(start.elapsed(), ms(100));
        assert_eq!(Expired("request").to_string(), "request timed out");
    }

    /// asyncio: of two nested timeouts with one deadline only the outermost raises; the inner sees a cancellation.
    #[tokio::test(start_paused = true)]
    async fn of_two_with_the_same_deadline_the_outer_reports() {
        let request = Deadline::after("request", Some(ms(100)));
        let inner = request.within("try", Some(ms(100)));
        assert_eq!(inner.run(for_ever::<()>()).await, Err(Expired("request")));
    }

    /// Tokio: the inner one reports, for it is polled first.
    #[tokio::test(start_paused = true)]
    async fn but_of_two_nested_timeouts_with_the_same_deadline_the_inner_reports() {
        let when = Instant::now() + ms(100);
        let result = timeout_at(when, timeout_at(when, for_ever::<()>())).await;
        assert!(result.expect("the outer one says that all is well").is_err());
    }

    /// So a loop that tries again when the inner one is over begins a try when there is no time left.
    #[tokio::test(start_paused = true)]
    async fn but_a_loop_around_the_inner_timeout_begins_a_try_too_many() {
        let tries = Count::default();
        let attempt = || async {
            tries.add();
            for_ever::<()>().await;
        };
        let all = timeout(ms(100), async { while timeout(ms(50), attempt()).await.is_err() {} });
        assert!(all.await.is_err());
        assert_eq!(tries.get(), 3);

        let (mended, request) = (Count::default(), Deadline::after("request", Some(ms(100))));
        let attempt = || async {
            mended.add();
            for_ever::<()>().await;
        };
        let mut expired = Expired("try");
        while expired == Expired("try") && mended.get() < 10 {
            expired = request.within("try", Some(ms(50))).run(attempt()).await.unwrap_err();
        }
        assert_eq!((expired, mended.get()), (Expired("request"), 2));
    }

    /// asyncio: a deadline of `None`, or one that is far away.
    #[tokio::test(start_paused = true)]
    async fn a_deadline_may_be_never() {
        for limit in [None, Some(Duration::MAX)] {
            let never = Deadline::after("request", limit);
            assert_eq!((never.at(), never.remaining(), never.check()), (None, None, Ok(())));
            assert_eq!(never.run(sleep(A_YEAR)).await, Ok(()));
            assert_eq!(never.within("try", None), never);
            assert_eq!(never.within("try", Some(ms(10))).run(for_ever::<()>()).await, Err(Expired("try")));
        }
        let request = Deadline::after("request", Some(ms(10)));
        assert_eq!(request.at(), Some(Instant::now() + ms(10)));
        assert_eq!(request.within("try", None), request);
        assert_eq!(request.within("try", Some(Duration::MAX)), request);
    }

    /// asyncio: a deadline in the past expires at the first suspension. Tokio: the same.
    #[tokio::test(start_paused = true)]
    async fn after_the_deadline_work_gets_as_far_as_its_first_wait() {
        let request = Deadline::after("request", Some(ms(10)));
        sleep(ms(20)).await;
        assert_eq!(request.remaining(), Some(Duration::ZERO));
        assert_eq!(request.run(ready("cached")).await, Ok("cached"));
        assert_eq!(request.run(yield_now()).await, Err(Expired("request")));
        let inner = request.within("try", Some(ms(50)));
        assert_eq!(
            inner.run(yield_now()).await,
            Err(Expired("request")),
            "no inner deadline gives more time"
        );
    }

    /// Nothing cuts off a loop that computes. It can look, and leave by itself.
    #[tokio::test(start_paused = true)]
    async fn a_loop_that_computes_asks() {
        let request = Deadline::after("request", Some(ms(100)));
        let mut rounds = 0;
        while request.check().is_ok() && rounds < 100 {
            rounds += 1;
            advance(ms(30)).await;
        }
        assert_eq!((request.check(), rounds), (Err(Expired("request")), 4));
    }

    /// A deadline is a value: it goes with a request into tasks and over channels.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_gets_it_later_has_what_is_left() {
        let request = Deadline::after("request", Some(ms(100)));
        sleep(ms(60)).await;
        let start = Instant::now();
        let task = tokio::spawn(async move { request.run(for_ever::<()>()).await });
        assert_eq!(task.await.unwrap(), Err(Expired("request")));
        assert_eq!(start.elapsed(), ms(40));
    }

    #[test]
    fn dropped_anywhere_it_drops_the_work_with_it() {
        let swept = cancel_sweep::sweep_with(
            || {
                let dropped = Count::default();
                let guard = dropped.on_drop();
                let work = async move {
                    let _guard = guard;
                    load("one", 10).await?;
                    load("two", 10).await
                };
                (dropped, async { Deadline::after("request", Some(ms(100))).run(work).await })
            },
            |dropped, _| assert_eq!(dropped.get(), 1),
        );
        assert_eq!(swept.points, 2);
    }
}

mod timeout_and_wait {
    use super::*;
    use timeouts::timeout_and_wait::{Failure, LateValue, Limits, timeout_and_wait};

    const LIMITS: Limits =
        Limits { time: Some(ms(100)), grace: Some(ms(300)), late_value: LateValue::Discard };

    type Rows = Result<Option<&'static str>, String>;

    /// Work that takes `millis`, and cleans up after it for 50 ms, told or not.
    async fn session(log: Log, stop: CancellationToken, millis: u64) -> Rows {
        let rows = stop.run_until_cancelled(load("rows", millis)).await;
        log.at(if rows.is_some() { "done" } else { "told" });
        sleep(ms(50)).await;
        log.at("cleaned up");
        rows.transpose()
    }

    /// Work that does not look at its token.
    async fn deaf(_stop: CancellationToken) -> Rows {
        for_ever().await
    }

    fn parent() -> CancellationToken {
        CancellationToken::new()
    }

    #[tokio::test(start_paused = true)]
    async fn work_in_time_gives_its_value_or_its_own_error() {
        let start = Instant::now();
        let log = Log::default();
        let work = |stop| session(log.clone(), stop, 20);
        assert_eq!(timeout_and_wait(&parent(), LIMITS, work).await, Ok("rows"));
        assert_eq!((start.elapsed(), alive_tasks()), (ms(70), 0));
        let failed = timeout_and_wait(&parent(), LIMITS, |_| async { load("bad", 20).await.map(Some) }).await;
        assert_eq!(failed, Err(Failure::Failed("bad after 20".to_owned())));
        let panicked = timeout_and_wait(&parent(), LIMITS, |_| async { panics::<Rows>() }).await;
        assert_eq!(panicked, Err(Failure::Panicked("a panic".to_owned())));
    }

    /// asyncio: `wait_for` cancels the work and waits until it is gone before it raises.
    #[tokio::test(start_paused = true)]
    async fn the_timeout_is_reported_when_the_clean_up_is_over() {
        let log = Log::default();
        let work = |stop| session(log.clone(), stop, 500);
        let timed_out = timeout_and_wait(&parent(), LIMITS, work).await;
        log.at("reported");
        assert_eq!(timed_out, Err(Failure::TimedOut { cleaned_up: true }));
        assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 reported"]);
        assert_eq!(alive_tasks(), 0);
    }

    /// Tokio: `timeout` reports at once, and nothing after the await of the work is ever run.
    #[tokio::test(start_paused = true)]
    async fn but_a_plain_timeout_skips_the_clean_up() {
        let log = Log::default();
        assert!(timeout(ms(100), session(log.clone(), parent(), 500)).await.is_err());
        log.at("reported");
        sleep(ms(1_000)).await;
        assert_eq!(log.take(), ["100 reported"]);
    }

    /// asyncio: work that catches the cancellation may return a value, and `wait_for` returns it.
    #[tokio::test(start_paused = true)]
    async fn a_value_that_comes_after_the_limit_is_returned_or_discarded_as_asked() {
        let half = |stop: CancellationToken| async move {
            stop.cancelled().await;
            sleep(ms(50)).await;
            Ok::<_, String>(Some("half of it"))
        };
        let start = Instant::now();
        let returned = Limits { late_value: LateValue::Return, ..LIMITS };
        assert_eq!(timeout_and_wait(&parent(), returned, half).await, Ok("half of it"));
        assert_eq!(start.elapsed(), ms(150));
        assert_eq!(
            timeout_and_wait(&parent(), LIMITS, half).await,
            Err(Failure::TimedOut { cleaned_up: true })
        );
    }

    /// asyncio: an exception that the clean-up raises is raised instead of `TimeoutError`.
    #[tokio::test(start_paused = true)]
    async fn an_error_or_a_panic_of_the_clean_up_is_reported_in_place_of_the_timeout() {
        let fails = |stop: CancellationToken| async move {
            stop.cancelled().await;
            Rows::Err("connection lost".to_owned())
        };
        let failed = timeout_and_wait(&parent(), LIMITS, fails).await.unwrap_err();
        assert_eq!(failed, Failure::Failed("connection lost".to_owned()));
        assert_eq!(failed.to_string(), "connection lost");
        let panic = |stop: CancellationToken| async move {
            stop.cancelled().await;
            panics::<Rows>()
        };
        let panicked = timeout_and_wait(&parent(), LIMITS, panic).await.unwrap_err();
        assert_eq!(panicked, Failure::Panicked("a panic".to_owned()));
    }

    /// asyncio: waits for ever for work that does not end. Here its grace ends, and it is aborted and gone.
    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_listen_is_aborted_when_its_grace_is_over() {
        let dropped = Count::default();
        let start = Instant::now();
        let work = |stop| {
            let guard = dropped.on_drop();
            async move {
                let _guard = guard;
                deaf(stop).await
            }
        };
        let timed_out = timeout_and_wait(&parent(), LIMITS, work).await;
        assert_eq!(timed_out, Err(Failure::TimedOut { cleaned_up: false }));
        assert_eq!((start.elapsed(), dropped.get(), alive_tasks()), (ms(400), 1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clean_up_without_a_limit_is_waited_for_however_long_it_takes() {
        let work = |stop: CancellationToken| async move {
            stop.cancelled().await;
            sleep(A_YEAR).await;
            Rows::Ok(None)
        };
        for grace in [None, Some(Duration::MAX)] {
            let timed_out = ends(timeout_and_wait(&parent(), Limits { grace, ..LIMITS }, work)).await;
            assert_eq!(timed_out, Err(Failure::TimedOut { cleaned_up: true }));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_grace_it_is_aborted_at_the_limit() {
        let log = Log::default();
        let limits = Limits { grace: Some(Duration::ZERO), ..LIMITS };
        let timed_out = timeout_and_wait(&parent(), limits, |stop| session(log.clone(), stop, 500)).await;
        log.at("reported");
        assert_eq!(timed_out, Err(Failure::TimedOut { cleaned_up: false }));
        assert_eq!(log.take(), ["100 reported"]);
    }

    /// asyncio: `wait_for(coroutine, 0)` does not begin it.
    #[tokio::test(start_paused = true)]
    async fn with_a_limit_of_zero_the_work_is_not_begun() {
        let limits = Limits { time: Some(Duration::ZERO), ..LIMITS };
        let never = |_| -> std::future::Ready<Rows> { panic!("it is not even made") };
        let timed_out = timeout_and_wait(&parent(), limits, never).now_or_never();
        assert_eq!(timed_out, Some(Err(Failure::TimedOut { cleaned_up: true })));
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_waits_however_long_it_takes() {
        for time in [None, Some(Duration::MAX)] {
            let work = |_| async {
                sleep(A_YEAR).await;
                Ok::<_, String>(Some("at last"))
            };
            assert_eq!(timeout_and_wait(&parent(), Limits { time, ..LIMITS }, work).await, Ok("at last"));
        }
    }

    /// asyncio: the timer that was set first decides, and that is the one of the timeout: `TimeoutError`.
    #[tokio::test(start_paused = true)]
    async fn a_result_in_the_instant_of_the_limit_is_in_time() {
        let work = |_| async { load("rows", 100).await.map(Some) };
        assert_eq!(timeout_and_wait(&parent(), LIMITS, work).await, Ok("rows"));
    }

    /// The limit counts from the call, also when the work computes before its first wait and nobody can look.
    #[tokio::test]
    async fn work_that_computes_first_does_not_get_more_time() {
        let work = |stop: CancellationToken| async move {
            compute(ms(30));
            stop.run_until_cancelled(load("rows", 15)).await.transpose()
        };
        let limits = Limits { time: Some(ms(20)), ..LIMITS };
        let timed_out = timeout_and_wait(&parent(), limits, work).await;
        assert_eq!(timed_out, Err(Failure::TimedOut { cleaned_up: true }));
    }

    /// asyncio: `cancelling()` and `uncancel()` count requests, so that a `timeout` knows whether one is not its own.
    /// Tokio: each scope has a token of its own, and there is nothing to count.
    #[tokio::test(start_paused = true)]
    async fn the_cancellation_of_the_parent_is_told_from_a_timeout() {
        let (log, parent) = (Log::default(), parent());
        let work = |stop| session(log.clone(), stop, 500);
        let cancelling = async {
            sleep(ms(30)).await;
            parent.cancel();
        };
        let (cancelled, ()) = tokio::join!(timeout_and_wait(&parent, LIMITS, work), cancelling);
        assert_eq!(cancelled, Err(Failure::Cancelled { cleaned_up: true }));
        assert_eq!(log.take(), [" 30 told", " 80 cleaned up"]);

        let deaf = timeout_and_wait(&parent, LIMITS, deaf).now_or_never();
        assert_eq!(deaf, Some(Err(Failure::Cancelled { cleaned_up: true })), "it is not begun");
    }

    /// The grace counts for a cancellation as it does for a timeout.
    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_listen_to_the_parent_is_aborted_too() {
        let (start, parent) = (Instant::now(), parent());
        let cancelling = async {
            sleep(ms(30)).await;
            parent.cancel();
        };
        let (cancelled, ()) = tokio::join!(timeout_and_wait(&parent, LIMITS, deaf), cancelling);
        assert_eq!((cancelled, start.elapsed()), (Err(Failure::Cancelled { cleaned_up: false }), ms(330)));
    }

    /// asyncio: `uncancel` after a timeout makes the task look as if nobody had cancelled it.
    #[tokio::test(start_paused = true)]
    async fn a_timeout_does_not_touch_the_parent_or_its_other_children() {
        let (log, parent) = (Log::default(), parent());
        let quick = timeout_and_wait(&parent, LIMITS, deaf);
        let limits = Limits { time: Some(ms(1_000)), ..LIMITS };
        let slow = timeout_and_wait(&parent, limits, |stop| session(log.clone(), stop, 600));
        let (quick, slow) = tokio::join!(quick, slow);
        assert_eq!((quick, slow), (Err(Failure::TimedOut { cleaned_up: false }), Ok("rows")));
        assert!(!parent.is_cancelled());
    }

    /// The hazard: a clone is the same token, and to cancel it is to cancel everybody's.
    #[tokio::test(start_paused = true)]
    async fn but_a_clone_of_a_token_is_no_child() {
        let parent = parent();
        let (clone, child) = (parent.clone(), parent.child_token());
        child.cancel();
        assert!(!parent.is_cancelled());
        clone.cancel();
        assert!(parent.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_stops_by_itself_counts_as_cancelled() {
        let stopped = timeout_and_wait(&parent(), LIMITS, |_| async { Rows::Ok(None) }).await;
        assert_eq!(stopped, Err(Failure::Cancelled { cleaned_up: true }));
    }

    /// asyncio: when the outer task is cancelled, the inner is too, and its clean-up is waited for. Tokio: a dropped
    /// caller cannot wait, but the work has been told and cleans up.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_caller_has_told_the_work_and_it_cleans_up() {
        let (log, tasks, parent) = (Log::default(), TaskTracker::new(), parent());
        let work = |stop| tasks.track_future(session(log.clone(), stop, 500));
        assert!(timeout(ms(30), timeout_and_wait(&parent, LIMITS, work)).await.is_err());
        log.at("dropped");
        tasks.close();
        ends(tasks.wait()).await;
        assert_eq!(log.take(), [" 30 dropped", " 30 told", " 80 cleaned up"]);
        assert!(!parent.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn and_it_is_aborted_when_its_grace_is_over() {
        let (start, tasks) = (Instant::now(), TaskTracker::new());
        let work = |stop| tasks.track_future(deaf(stop));
        assert!(timeout(ms(30), timeout_and_wait(&parent(), LIMITS, work)).await.is_err());
        tasks.close();
        ends(tasks.wait()).await;
        yield_now().await;
        assert_eq!((start.elapsed(), alive_tasks()), (ms(330), 0));
    }

    /// A second cancellation, while the clean-up runs: asyncio cuts it short at its await. Here it runs on.
    #[tokio::test(start_paused = true)]
    async fn a_caller_dropped_during_the_clean_up_does_not_cut_it_short() {
        let (log, tasks) = (Log::default(), TaskTracker::new());
        let work = |stop| tasks.track_future(session(log.clone(), stop, 500));
        assert!(timeout(ms(120), timeout_and_wait(&parent(), LIMITS, work)).await.is_err());
        log.at("dropped");
        tasks.close();
        ends(tasks.wait()).await;
        assert_eq!(log.take(), ["100 told", "120 dropped", "150 cleaned up"]);
    }

    /// A destructor that panics when the work is aborted.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_drop_of_aborted_work_is_reported() {
        let work = |stop| async {
            let _panics = OnDrop(panics_in_drop);
            deaf(stop).await
        };
        let panicked = timeout_and_wait(&parent(), LIMITS, work).await;
        assert_eq!(panicked, Err(Failure::Panicked("a panic".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_at_once_clean_up_at_the_same_time() {
        let (start, cleaned_up) = (Instant::now(), Count::default());
        let parent = parent();
        let calls = (0..1_000).map(|_| {
            timeout_and_wait(&parent, LIMITS, |stop: CancellationToken| {
                let cleaned_up = cleaned_up.clone();
                async move {
                    stop.cancelled().await;
                    sleep(ms(50)).await;
                    cleaned_up.add();
                    Rows::Ok(None)
                }
            })
        });
        futures::future::join_all(calls).await;
        assert_eq!((start.elapsed(), cleaned_up.get(), alive_tasks()), (ms(150), 1_000, 0));
    }

    #[test]
    fn dropped_anywhere_what_was_begun_is_cleaned_up_once() {
        for (millis, limits) in [(20, LIMITS), (500, LIMITS), (500, Limits { grace: None, ..LIMITS })] {
            let swept = cancel_sweep::sweep_with(
                || {
                    let state @ (begun, cleaned_up, gone) = &<(Count, Count, Count)>::default();
                    let (begun, cleaned_up, gone) = (begun.clone(), cleaned_up.clone(), gone.clone());
                    let work = move |stop: CancellationToken| async move {
                        begun.add();
                        let _gone = gone.on_drop();
                        let rows = stop.run_until_cancelled(load("rows", millis)).await;
                        sleep(ms(50)).await;
                        cleaned_up.add();
                        rows.transpose()
                    };
                    (state.clone(), async move { timeout_and_wait(&parent(), limits, work).await })
                },
                |(begun, cleaned_up, gone), _| {
                    assert_eq!((begun.get(), begun.get()), (cleaned_up.get(), gone.get()));
                    assert_eq!(alive_tasks(), 0);
                },
            );
            assert!(swept.points >= 1);
        }
    }

    /// How the work of one caller ends.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Ends {
        Value,
        Error,
        Panic,
        CleanUp,
        LateValue,
        Never,
    }

    /// What has become of it.
    #[derive(Default)]
    struct Fate {
        begun: AtomicBool,
        /// It has come to the end of what it does.
        ended: AtomicBool,
        gone: AtomicBool,
    }

    async fn work(fate: Arc<Fate>, ends: Ends, stop: CancellationToken, mut rng: Rng) -> Rows {
        fate.begun.store(true, SeqCst);
        let _gone = OnDrop(|| fate.gone.store(true, SeqCst));
        some_turns(&mut rng).await;
        match ends {
            Ends::Never => for_ever().await,
            Ends::CleanUp | Ends::LateValue => stop.cancelled().await,
            Ends::Value | Ends::Error | Ends::Panic => {}
        }
        some_turns(&mut rng).await;
        fate.ended.store(true, SeqCst);
        match ends {
            Ends::Value | Ends::LateValue => Ok(Some("value")),
            Ends::Error => Err("error".to_owned()),
            Ends::Panic => panics(),
            Ends::CleanUp | Ends::Never => Ok(None),
        }
    }

    /// Whether a caller may be told this of work that has this fate.
    fn is_true(report: &Result<&str, Failure<String>>, ends: Ends, fate: &Fate) -> bool {
        let [begun, ended, gone] = [&fate.begun, &fate.ended, &fate.gone].map(|flag| flag.load(SeqCst));
        let from_work = match report {
            Ok(_) => matches!(ends, Ends::Value | Ends::LateValue),
            Err(Failure::Failed(_)) => ends == Ends::Error,
            Err(Failure::Panicked(_)) => ends == Ends::Panic,
            // It was not begun, it has cleaned up, or its value came too late.
            Err(Failure::TimedOut { cleaned_up: true } | Failure::Cancelled { cleaned_up: true }) => {
                !begun || matches!(ends, Ends::CleanUp | Ends::LateValue | Ends::Value)
            }
            Err(_aborted) => return !ended && gone == begun,
        };
        from_work && ended == begun && gone == begun
    }

    #[test]
    fn on_many_threads_each_report_is_true_and_comes_when_the_work_is_gone() {
        on_many_threads(100, async |mut rng| {
            let (parent, tasks) = (parent(), TaskTracker::new());
            let mut callers = JoinSet::new();
            for _ in 0..16 {
                let ends =
                    [Ends::Value, Ends::Error, Ends::Panic, Ends::CleanUp, Ends::LateValue, Ends::Never];
                let (ends, is_dropped) = (ends[rng.usize(0..6)], rng.u8(0..4) == 0);
                let limits = Limits {
                    time: [Some(Duration::ZERO), Some(ms(1))][usize::from(rng.u8(0..4) > 0)],
                    grace: Some([Duration::ZERO, ms(1)][rng.usize(0..2)]),
                    late_value: [LateValue::Return, LateValue::Discard][rng.usize(0..2)],
                };
                let (parent, tasks, mut rng) = (parent.clone(), tasks.clone(), rng.fork());
                callers.spawn(async move {
                    let fate = Arc::new(Fate::default());
                    let work = |stop| tasks.track_future(work(fate.clone(), ends, stop, rng.fork()));
                    let mut call = Box::pin(timeout_and_wait(&parent, limits, work));
                    let report =
                        if is_dropped { poll_once(&mut call).await } else { Some((&mut call).await) };
                    drop(call);
                    if let Some(report) = report {
                        assert!(is_true(&report, ends, &fate), "{report:?}, but {ends:?}");
                    }
                    fate
                });
            }
            if rng.bool() {
                some_turns(&mut rng).await;
                parent.cancel();
            }
            let fates = callers.join_all().await;
            tasks.close();
            tasks.wait().await;
            for fate in fates {
                assert_eq!(
                    fate.begun.load(SeqCst),
                    fate.gone.load(SeqCst),
                    "the work of each caller is gone"
                );
            }
        });
    }
}

mod reschedule {
    use super::*;
    use timeouts::reschedule::{Expired, Over, Timeout};

    fn at(start: Instant, millis: u64) -> Option<Instant> {
        Some(start + ms(millis))
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_nobody_moves_is_a_timeout() {
        let start = Instant::now();
        assert_eq!(Timeout::after(ms(200)).run(load("home", 100)).await, Ok(Ok("home")));
        assert_eq!(start.elapsed(), ms(100));
        assert_eq!(Timeout::at(at(start, 300)).run(load("slow", 500)).await, Err(Expired));
        assert_eq!(start.elapsed(), ms(300));
        assert_eq!(Expired.to_string(), "timed out");
    }

    /// asyncio: `reschedule` to a later, an earlier, and no time; the new deadline counts.
    #[tokio::test(start_paused = true)]
    async fn it_is_moved_later_earlier_and_off_while_the_work_runs() {
        for (to, work, end) in [(400, 500, 400), (60, 500, 60), (60, 55, 55)] {
            let start = Instant::now();
            let timeout = Timeout::after(ms(200));
            let handle = timeout.handle();
            let moving = async {
                sleep(ms(50)).await;
                handle.reschedule(at(start, to)).unwrap();
                assert_eq!(handle.when(), at(start, to));
                sleep(ms(work - 50)).await;
            };
            assert_eq!(timeout.run(moving).await.is_ok(), end == work);
            assert_eq!((start.elapsed(), handle.expired()), (ms(end), end != work));
        }
        let timeout = Timeout::after(ms(200));
        let handle = timeout.handle();
        let off = async {
            sleep(ms(50)).await;
            handle.reschedule(None).unwrap();
            assert_eq!(handle.when(), None);
            sleep(A_YEAR).await;
        };
        assert_eq!(timeout.run(off).await, Ok(()));
    }

    /// asyncio: `timeout(None)` has no deadline until there is a reason for one.
    #[tokio::test(start_paused = true)]
    async fn it_begins_without_a_deadline_and_gets_one() {
        let start = Instant::now();
        let timeout = Timeout::at(None);
        let handle = timeout.handle();
        let work = async {
            sleep(ms(1_000)).await;
            handle.reschedule(at(start, 1_200)).unwrap();
            for_ever::<()>().await;
        };
        assert_eq!(timeout.run(work).await, Err(Expired));
        assert_eq!(start.elapsed(), ms(1_200));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_beyond_the_clock_is_none() {
        assert_eq!(Timeout::after(Duration::MAX).handle().when(), None);
        assert_eq!(Timeout::after(Duration::MAX).run(sleep(A_YEAR)).await, Ok(()));
    }

    /// The work has the handle, or any other task: a user who asks for more time.
    #[tokio::test(start_paused = true)]
    async fn another_task_moves_it() {
        let start = Instant::now();
        let timeout = Timeout::after(ms(100));
        let handle = timeout.handle();
        let user = tokio::spawn(async move {
            for extension in [150, 220, 270] {
                sleep(ms(70)).await;
                handle.reschedule(at(start, extension)).unwrap();
            }
            handle
        });
        assert_eq!(timeout.run(for_ever::<()>()).await, Err(Expired));
        assert_eq!(start.elapsed(), ms(270));
        assert!(user.await.unwrap().expired());
    }

    /// asyncio: a time in the past cancels at the next suspension; a block without one ends well.
    #[tokio::test(start_paused = true)]
    async fn a_move_into_the_past_cuts_off_the_work_at_its_next_wait() {
        let steps = Count::default();
        for waits in [true, false] {
            let timeout = Timeout::after(ms(100));
            let handle = timeout.handle();
            let work = async {
                handle.reschedule(Some(Instant::now())).unwrap();
                steps.add();
                if waits {
                    yield_now().await;
                    steps.add();
                }
            };
            assert_eq!(timeout.run(work).await, if waits { Err(Expired) } else { Ok(()) });
        }
        assert_eq!(steps.get(), 2);
    }

    /// asyncio: `reschedule` of an expired or a finished timeout is a `RuntimeError`; `when()` still tells the last one.
    #[tokio::test(start_paused = true)]
    async fn when_it_is_over_a_move_is_an_error_and_changes_nothing() {
        let start = Instant::now();
        let expired = Timeout::after(ms(100));
        let handle = expired.handle();
        assert_eq!(expired.run(for_ever::<()>()).await, Err(Expired));
        assert_eq!(handle.reschedule(at(start, 500)), Err(Over::Expired));
        assert_eq!((handle.when(), handle.expired()), (at(start, 100), true));
        assert_eq!(Over::Expired.to_string(), "the timeout has expired");

        let finished = Timeout::after(ms(100));
        let handle = finished.handle();
        assert_eq!(finished.run(ready("done")).await, Ok("done"));
        assert_eq!(handle.reschedule(None), Err(Over::Finished));
        assert_eq!((handle.when(), handle.expired()), (at(start, 200), false));
        assert_eq!(Over::Finished.to_string(), "the timeout has ended");
    }

    /// asyncio: a cancellation from outside, and an exception of the body, end the timeout too.
    #[tokio::test(start_paused = true)]
    async fn it_is_over_when_it_is_dropped_and_when_the_work_panics() {
        let never_run = Timeout::after(ms(100)).handle();
        assert_eq!(never_run.reschedule(None), Err(Over::Finished));

        let cut_off = Timeout::after(ms(100));
        let handle = cut_off.handle();
        assert!(timeout(ms(50), cut_off.run(for_ever::<()>())).await.is_err());
        assert_eq!(handle.reschedule(None), Err(Over::Finished));

        let panicked = Timeout::after(ms(100));
        let handle = panicked.handle();
        let run = AssertUnwindSafe(panicked.run(async { panics::<()>() })).catch_unwind();
        assert!(run.await.is_err());
        assert_eq!((handle.reschedule(None), handle.expired()), (Err(Over::Finished), false));
    }

    /// asyncio: in a `finally` below the timeout it is `expiring`: `expired()` is true, and `reschedule` is an error.
    #[tokio::test(start_paused = true)]
    async fn the_work_that_is_cut_off_sees_in_its_drop_that_it_has_expired() {
        let timeout = Timeout::after(ms(100));
        let (handle, seen) = (timeout.handle(), Arc::new(Mutex::new(None)));
        let sees = seen.clone();
        let work = async move {
            let _last = OnDrop(|| *sees.lock().unwrap() = Some((handle.expired(), handle.reschedule(None))));
            for_ever::<()>().await;
        };
        assert_eq!(timeout.run(work).await, Err(Expired));
        assert_eq!(seen.lock().unwrap().take(), Some((true, Err(Over::Expired))));
    }

    /// asyncio: not before the block is entered. Here it may be moved before, and the last one counts.
    #[tokio::test(start_paused = true)]
    async fn it_may_be_moved_before_the_work_begins() {
        let start = Instant::now();
        let timeout = Timeout::after(ms(100));
        timeout.handle().reschedule(at(start, 300)).unwrap();
        assert_eq!(timeout.run(for_ever::<()>()).await, Err(Expired));
        assert_eq!(start.elapsed(), ms(300));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_ready_in_the_instant_of_the_deadline_is_in_time() {
        assert_eq!(Timeout::after(ms(100)).run(load("home", 100)).await, Ok(Ok("home")));
    }

    /// A move and the deadline in one instant: whichever comes first decides, and a move that was accepted counts.
    #[tokio::test(start_paused = true)]
    async fn a_move_in_the_instant_of_the_deadline_counts_or_is_refused() {
        for moves_first in [true, false] {
            let start = Instant::now();
            let timeout = Timeout::after(ms(100));
            let handle = timeout.handle();
            let moving = async move {
                sleep(ms(100)).await;
                handle.reschedule(at(start, 150))
            };
            let running = timeout.run(for_ever::<()>());
            let (moving, running) = if moves_first {
                (tokio::spawn(moving), tokio::spawn(running))
            } else {
                let running = tokio::spawn(running);
                (tokio::spawn(moving), running)
            };
            assert_eq!(running.await.unwrap(), Err(Expired));
            let (moved, end) = if moves_first { (Ok(()), 150) } else { (Err(Over::Expired), 100) };
            assert_eq!((moving.await.unwrap(), start.elapsed()), (moved, ms(end)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_thousand_moves_leave_one_deadline() {
        let start = Instant::now();
        let timeout = Timeout::after(ms(100));
        let handle = timeout.handle();
        let work = async {
            for moved in 0..100_000 {
                handle.reschedule(at(start, 100 + moved % 100)).unwrap();
                if moved % 1_000 == 0 {
                    yield_now().await;
                }
            }
            handle.reschedule(at(start, 500)).unwrap();
            for_ever::<()>().await;
        };
        assert_eq!(timeout.run(work).await, Err(Expired));
        assert_eq!(start.elapsed(), ms(500));
    }

    #[test]
    fn dropped_anywhere_it_drops_the_work_and_is_over() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (timeout, dropped) = (Timeout::after(ms(100)), Count::default());
                let (handle, guard) = (timeout.handle(), dropped.on_drop());
                let moves = handle.clone();
                let work = async move {
                    let _guard = guard;
                    sleep(ms(50)).await;
                    moves.reschedule(Some(Instant::now() + ms(100))).unwrap();
                    sleep(ms(90)).await;
                };
                ((handle, dropped), timeout.run(work))
            },
            |(handle, dropped), _| {
                assert_eq!((handle.reschedule(None), dropped.get()), (Err(Over::Finished), 1));
            },
        );
        // Twice asleep, and once woken by its own move.
        assert_eq!(swept.points, 3);
    }

    /// Many tasks move one deadline, to and fro, while it passes. What was accepted counts, and after the end nothing is.
    #[test]
    fn on_many_threads_an_accepted_move_counts_and_none_is_accepted_after_the_end() {
        on_many_threads(100, async |mut rng| {
            let timeout = Timeout::after(ms(1));
            let handle = timeout.handle();
            let mut movers = JoinSet::new();
            for _ in 0..8 {
                let (handle, mut rng) = (handle.clone(), rng.fork());
                movers.spawn(async move {
                    let mut answers = Vec::new();
                    for _ in 0..rng.u8(0..20) {
                        let soon = Instant::now() + Duration::from_micros(rng.u64(0..1_000));
                        let when =
                            [Some(soon), Some(soon - ms(1)), Some(soon + A_YEAR), None][rng.usize(0..4)];
                        answers.push(handle.reschedule(when));
                        some_turns(&mut rng).await;
                    }
                    // The last move of the last of them ends it.
                    answers.push(handle.reschedule(Some(Instant::now())));
                    answers
                });
            }
            let (expires, mut turns) = (rng.bool(), rng.fork());
            let work = async move {
                if expires {
                    for_ever::<()>().await;
                }
                some_turns(&mut turns).await;
            };
            let (run, last) = tokio::spawn({
                let handle = handle.clone();
                async move { (timeout.run(work).await, handle.when()) }
            })
            .await
            .unwrap();
            assert!(!expires || run.is_err());
            assert_eq!(handle.expired(), run.is_err());
            assert!(run.is_ok() || last.unwrap() <= Instant::now(), "it expired at the last deadline");
            let over = if run.is_err() { Over::Expired } else { Over::Finished };
            for answers in movers.join_all().await {
                let accepted = answers.iter().take_while(|answer| answer.is_ok()).count();
                assert!(answers[accepted..].iter().all(|answer| *answer == Err(over)), "{answers:?}");
            }
            assert_eq!(handle.when(), last, "no move was accepted after the end");
        });
    }

    /// One thread moves the deadline into the past and away again, as fast as it can. It expires only where it stands: a
    /// move away that was accepted counts, also one that comes between the timer and the end.
    #[test]
    fn on_many_threads_it_expires_at_a_deadline_that_stands() {
        on_many_threads(100, async |_rng| {
            let timeout = Timeout::at(None);
            let handle = timeout.handle();
            let running = tokio::spawn(timeout.run(for_ever::<()>()));
            let moving = tokio::task::spawn_blocking(move || {
                loop {
                    let now = Instant::now();
                    if handle.reschedule(Some(now)).is_err() {
                        break "away";
                    }
                    if handle.reschedule(Some(now + A_YEAR)).is_err() {
                        break "into the past";
                    }
                }
            });
            assert_eq!(running.await.unwrap(), Err(Expired));
            assert_eq!(moving.await.unwrap(), "into the past", "the last move that was accepted");
        });
    }
}

mod abort {
    use super::*;
    use timeouts::abort::{Ended, abort_all_and_wait, abort_and_wait};

    /// asyncio: `cancel()` is a request; `await task` tells that it has been granted. Tokio: the same with `abort`.
    #[tokio::test(start_paused = true)]
    async fn an_abort_is_a_request_and_the_task_is_gone_after_the_wait() {
        let dropped = Count::default();
        let guard = dropped.on_drop();
        let task = tokio::spawn(async move {
            let _guard = guard;
            for_ever::<()>().await;
        });
        yield_now().await;
        task.abort();
        assert_eq!((task.is_finished(), dropped.get()), (false, 0));
        assert_eq!(abort_and_wait(task).await, Ended::Aborted);
        assert_eq!((dropped.get(), alive_tasks()), (1, 0));
    }

    /// asyncio: a task that is cancelled before its first step never runs. Tokio: the same.
    #[tokio::test]
    async fn a_task_that_has_not_begun_does_not_begin() {
        let begun = Count::default();
        let begins = begun.clone();
        let task = tokio::spawn(async move { begins.add() });
        assert_eq!(abort_and_wait(task).await, Ended::Aborted);
        assert_eq!(begun.get(), 0);
    }

    /// asyncio: `cancel()` of a task that is done returns false, and its result stays. Tokio: `abort` returns nothing.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_done_keeps_its_result() {
        let task = tokio::spawn(load("home", 10));
        sleep(ms(20)).await;
        assert_eq!(abort_and_wait(task).await, Ended::Finished(Ok("home")));
    }

    #[tokio::test(start_paused = true)]
    async fn finished_aborted_and_panicked_are_told_apart() {
        let aborted = tokio::spawn(for_ever::<&str>());
        let finished = tokio::spawn(async { "done" });
        let panicked = tokio::spawn(async { panics() });
        sleep(ms(10)).await;
        let ends = abort_all_and_wait([aborted, finished, panicked]).await;
        assert_eq!(ends, [Ended::Aborted, Ended::Finished("done"), Ended::Panicked("a panic".to_owned())]);
    }

    /// asyncio: an exception in a `finally` takes the place of the cancellation. Tokio: a panic in a drop does.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_drop_of_an_aborted_task_is_told() {
        let task = tokio::spawn(async {
            let _panics = OnDrop(panics_in_drop);
            for_ever::<()>().await;
        });
        yield_now().await;
        assert_eq!(abort_and_wait(task).await, Ended::Panicked("a panic".to_owned()));

        let not_text = tokio::spawn(async { resume_unwind(Box::new(7)) });
        yield_now().await;
        assert_eq!(
            abort_and_wait::<()>(not_text).await,
            Ended::Panicked("a value that is not text".to_owned())
        );
    }

    /// asyncio: `except CancelledError` may refuse. Tokio: nothing in the task is asked, and nothing after the await runs.
    #[tokio::test(start_paused = true)]
    async fn but_a_task_cannot_refuse_and_cannot_await_any_more() {
        let log = Log::default();
        let logs = log.clone();
        let task = tokio::spawn(async move {
            let rows = load("rows", 500).await;
            logs.at("clean-up");
            rows
        });
        sleep(ms(10)).await;
        assert_eq!(abort_and_wait(task).await, Ended::Aborted);
        sleep(ms(1_000)).await;
        assert!(log.take().is_empty());
    }

    /// asyncio: after `current_task().cancel()` a task goes on until it really has to wait. Tokio: the same.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_aborts_itself_ends_where_it_really_waits() {
        let (log, own) = (Log::default(), Arc::new(Mutex::new(None::<tokio::task::AbortHandle>)));
        let (logs, aborts) = (log.clone(), own.clone());
        let task = tokio::spawn(async move {
            aborts.lock().unwrap().take().unwrap().abort();
            logs.add("after the abort");
            ready(()).await;
            logs.add("after an await that is ready");
            yield_now().await;
            logs.add("after one that is not");
        });
        *own.lock().unwrap() = Some(task.abort_handle());
        assert_eq!(Ended::from(task.await), Ended::Aborted);
        assert_eq!(log.take(), ["after the abort", "after an await that is ready"]);
    }

    /// asyncio: a task that cancels itself and returns is cancelled. Tokio: it has finished.
    #[tokio::test(start_paused = true)]
    async fn but_one_that_aborts_itself_and_returns_has_finished() {
        let own = Arc::new(Mutex::new(None::<tokio::task::AbortHandle>));
        let aborts = own.clone();
        let task = tokio::spawn(async move {
            aborts.lock().unwrap().take().unwrap().abort();
            "returned"
        });
        *own.lock().unwrap() = Some(task.abort_handle());
        assert_eq!(Ended::from(task.await), Ended::Finished("returned"));
    }

    /// asyncio: the cancellation goes through to the task that is awaited. Tokio: its handle is dropped, it runs on.
    #[tokio::test(start_paused = true)]
    async fn but_an_abort_does_not_go_through_to_the_task_that_is_awaited() {
        let inner = || tokio::spawn(for_ever::<()>());
        let outer = tokio::spawn(async move { inner().await.is_ok() });
        sleep(ms(10)).await;
        assert_eq!(abort_and_wait(outer).await, Ended::Aborted);
        assert_eq!(alive_tasks(), 1);

        let mended = tokio::spawn(async move { AbortOnDropHandle::new(inner()).await.is_ok() });
        sleep(ms(10)).await;
        assert_eq!(abort_and_wait(mended).await, Ended::Aborted);
        yield_now().await;
        assert_eq!(alive_tasks(), 1, "the one from above");
    }

    /// asyncio: whoever awaits a task that is cancelled gets a `CancelledError`, as if cancelled itself. Tokio: a value.
    #[tokio::test(start_paused = true)]
    async fn the_abort_of_an_inner_task_is_a_value_for_the_outer_one() {
        let inner = tokio::spawn(for_ever::<()>());
        let abort = inner.abort_handle();
        let outer = tokio::spawn(async move { if inner.await.is_err() { "went on" } else { "finished" } });
        sleep(ms(10)).await;
        abort.abort();
        assert_eq!(outer.await.unwrap(), "went on");
    }

    /// asyncio: the task is lost in either case. Tokio: `abort` is called before the future is polled, or dropped.
    #[tokio::test(start_paused = true)]
    async fn the_tasks_are_aborted_at_the_call() {
        let [one, two, three] = [(); 3].map(|()| tokio::spawn(for_ever::<()>()));
        drop(abort_and_wait(one));
        drop(abort_all_and_wait([two, three]));
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    /// asyncio: a thread of `to_thread` runs to its end, and its result is lost. Tokio: to its end, and nothing is lost.
    #[tokio::test]
    async fn blocking_work_that_has_begun_runs_to_its_end() {
        let (begun, begins) = oneshot::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel();
        let task = tokio::task::spawn_blocking(move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
            "done"
        });
        begins.await.unwrap();
        let waiting = abort_and_wait(task);
        go_on.send(()).unwrap();
        assert_eq!(waiting.await, Ended::Finished("done"));
    }

    #[test]
    fn blocking_work_that_is_queued_does_not_begin() {
        let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (go_on, may_go_on) = std::sync::mpsc::channel();
            let running = tokio::task::spawn_blocking(move || may_go_on.recv());
            let queued = tokio::task::spawn_blocking(|| panic!("it was aborted before"));
            let waiting = abort_and_wait::<()>(queued);
            go_on.send(()).unwrap();
            assert_eq!(waiting.await, Ended::Aborted);
            assert!(running.await.unwrap().is_ok());
        });
    }

    /// A task that computes comes to no wait: it runs to its end, and is waited for.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_task_that_computes_is_waited_for() {
        let (begun, begins) = oneshot::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel();
        let task = tokio::spawn(async move {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
            "computed"
        });
        begins.await.unwrap();
        let waiting = abort_and_wait(task);
        go_on.send(()).unwrap();
        assert_eq!(waiting.await, Ended::Finished("computed"));
    }

    #[tokio::test(start_paused = true)]
    async fn none_or_ten_thousand_ends_stand_in_order() {
        assert_eq!(abort_all_and_wait::<()>([]).now_or_never(), Some(vec![]));
        let tasks: Vec<_> = (0..10_000_u32)
            .map(|n| {
                tokio::spawn(async move {
                    if n % 2 == 0 {
                        for_ever::<()>().await;
                    }
                    n
                })
            })
            .collect();
        sleep(ms(1)).await;
        let ends = abort_all_and_wait(tasks).await;
        for (n, end) in ends.into_iter().enumerate() {
            assert_eq!(
                end,
                if n % 2 == 0 { Ended::Aborted } else { Ended::Finished(u32::try_from(n).unwrap()) }
            );
        }
        assert_eq!(alive_tasks(), 0);
    }

    #[test]
    fn dropped_anywhere_the_tasks_are_gone_all_the_same() {
        let swept = cancel_sweep::sweep_with(
            || {
                let dropped = Count::default();
                let tasks = [(); 3].map(|()| {
                    let guard = dropped.on_drop();
                    tokio::spawn(async move {
                        let _guard = guard;
                        for_ever::<()>().await;
                    })
                });
                (dropped, abort_all_and_wait(tasks))
            },
            |dropped, _| assert_eq!((dropped.get(), alive_tasks()), (3, 0)),
        );
        assert!(swept.points >= 1);
    }

    #[test]
    fn on_many_threads_each_end_is_true_and_each_task_is_gone() {
        on_many_threads(200, async |mut rng| {
            let finished: Vec<_> = (0..32).map(|_| Arc::new(AtomicBool::new(false))).collect();
            let dropped = Count::default();
            let tasks: Vec<_> = finished
                .iter()
                .cloned()
                .map(|finished| {
                    let (guard, mut rng) = (dropped.on_drop(), rng.fork());
                    tokio::spawn(async move {
                        let _guard = guard;
                        some_turns(&mut rng).await;
                        finished.store(true, SeqCst);
                    })
                })
                .collect();
            some_turns(&mut rng).await;
            let ends = abort_all_and_wait(tasks).await;
            assert_eq!(dropped.get(), 32);
            for (finished, end) in finished.iter().zip(ends) {
                assert_eq!(end == Ended::Finished(()), finished.load(SeqCst), "{end:?}");
            }
        });
    }
}

mod cooperative {
    use super::*;
    use timeouts::cooperative::{Report, Stopped, checksum, work_until_told};

    /// A channel that holds jobs with these numbers and gets no more.
    fn jobs(count: usize) -> mpsc::Receiver<usize> {
        let (sender, jobs) = mpsc::channel(count.max(1));
        for job in 0..count {
            sender.try_send(job).unwrap();
        }
        jobs
    }

    /// A step of 100 ms, in two halves.
    async fn step(log: &Log, job: usize) -> Result<(), String> {
        sleep(ms(50)).await;
        log.at(format_args!("half of {job}"));
        sleep(ms(50)).await;
        log.at(format_args!("all of {job}"));
        if job == 13 { Err("bad luck".to_owned()) } else { Ok(()) }
    }

    /// A clean-up of 30 ms.
    async fn journal(log: &Log, done: usize) -> Result<(), String> {
        sleep(ms(30)).await;
        log.at(format_args!("journal of {done}"));
        Ok(())
    }

    async fn work(
        stop: &CancellationToken,
        jobs: &mut mpsc::Receiver<usize>,
        log: &Log,
    ) -> Result<Report, String> {
        work_until_told(stop, jobs, |job| step(log, job), |done| journal(log, done)).await
    }

    async fn told_after(millis: u64, stop: &CancellationToken) {
        sleep(ms(millis)).await;
        stop.cancel();
    }

    /// asyncio: a loop that looks at an `Event`, or catches `CancelledError`, ends where it wants to.
    #[tokio::test(start_paused = true)]
    async fn the_step_under_way_is_finished_then_it_cleans_up_and_reports() {
        let (log, stop, mut jobs) = (Log::default(), CancellationToken::new(), jobs(5));
        let working = work(&stop, &mut jobs, &log);
        let (report, ()) = tokio::join!(working, told_after(120, &stop));
        assert_eq!(report, Ok(Report { done: 2, was_told: true }));
        log.at("reported");
        assert_eq!(
            log.take(),
            [
                " 50 half of 0",
                "100 all of 0",
                "150 half of 1",
                "200 all of 1",
                "230 journal of 2",
                "230 reported"
            ]
        );
        assert_eq!(jobs.try_recv(), Ok(2), "the others are still in the channel");
        assert_eq!(jobs.len(), 2);
    }

    /// The hazard: dropped, it leaves half a step behind, and no journal. So does a step that races with the token.
    #[tokio::test(start_paused = true)]
    async fn but_a_dropped_loop_leaves_half_a_step_and_no_journal() {
        let (log, stop, mut jobs) = (Log::default(), CancellationToken::new(), jobs(5));
        let working = work(&stop, &mut jobs, &log);
        assert!(timeout(ms(70), working).await.is_err());
        sleep(ms(1_000)).await;
        assert_eq!(log.take(), [" 50 half of 0"]);

        let (raced, ()) = tokio::join!(stop.run_until_cancelled(step(&log, 1)), told_after(70, &stop));
        assert_eq!((raced, log.take().len()), (None, 1), "half of it");
    }

    #[tokio::test(start_paused = true)]
    async fn told_before_it_begins_it_does_nothing_and_cleans_up() {
        let (log, stop, mut jobs) = (Log::default(), CancellationToken::new(), jobs(5));
        stop.cancel();
        let working = work(&stop, &mut jobs, &log);
        assert_eq!(working.await, Ok(Report { done: 0, was_told: true }));
        assert_eq!((log.take(), jobs.len()), (vec![" 30 journal of 0".to_owned()], 5));
    }

    #[tokio::test(start_paused = true)]
    async fn told_while_it_waits_for_a_job_it_ends_at_once() {
        let (log, stop, (_sender, mut jobs)) = (Log::default(), CancellationToken::new(), mpsc::channel(1));
        let working = work(&stop, &mut jobs, &log);
        let (report, ()) = ends(async { tokio::join!(working, told_after(70, &stop)) }).await;
        assert_eq!(report, Ok(Report { done: 0, was_told: true }));
        assert_eq!(log.take(), ["100 journal of 0"]);
    }

    /// It waits for a job, and in one instant there is one and it is told.
    #[tokio::test(start_paused = true)]
    async fn a_job_that_comes_in_the_instant_of_the_request_stays_in_the_channel() {
        let (log, stop, (sender, mut jobs)) = (Log::default(), CancellationToken::new(), mpsc::channel(1));
        let both_at_once = async {
            sleep(ms(70)).await;
            sender.try_send(1).unwrap();
            stop.cancel();
        };
        let working = work(&stop, &mut jobs, &log);
        let (report, ()) = ends(async { tokio::join!(working, both_at_once) }).await;
        assert_eq!((report, jobs.len()), (Ok(Report { done: 0, was_told: true }), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn without_more_jobs_it_ends_by_itself() {
        let (log, stop, mut two, mut none) = (Log::default(), CancellationToken::new(), jobs(2), jobs(0));
        let working = work(&stop, &mut two, &log);
        assert_eq!(working.await, Ok(Report { done: 2, was_told: false }));
        let working = work(&stop, &mut none, &log);
        assert_eq!(working.await, Ok(Report { done: 0, was_told: false }));
        assert_eq!(log.take().last().unwrap(), "260 journal of 0");
    }

    /// asyncio: a `finally` runs after an exception too.
    #[tokio::test(start_paused = true)]
    async fn after_an_error_it_cleans_up_and_the_first_error_is_returned() {
        let (log, stop) = (Log::default(), CancellationToken::new());
        let failing = async |_done| Err("disk full".to_owned());
        let (sender, mut jobs) = mpsc::channel(3);
        for job in [1, 13, 3] {
            sender.try_send(job).unwrap();
        }
        assert_eq!(work(&stop, &mut jobs, &log).await, Err("bad luck".to_owned()));
        assert_eq!((log.take().last().unwrap().as_str(), jobs.len()), ("230 journal of 1", 1));

        let clean_up_fails = work_until_told(&stop, &mut jobs, |job| step(&log, job), failing);
        drop(sender);
        assert_eq!(clean_up_fails.await, Err("disk full".to_owned()));
        let mut jobs = super::cooperative::jobs(1);
        let both_fail = work_until_told(&stop, &mut jobs, |_| step(&log, 13), failing);
        assert_eq!(both_fail.await, Err("bad luck".to_owned()));
    }

    /// A step that is told by what it does, say by its peer, is the last.
    #[tokio::test]
    async fn no_step_begins_after_the_request() {
        let (stop, begun) = (CancellationToken::new(), Count::default());
        let step = async |job| {
            begun.add();
            if job == 41 {
                stop.cancel();
            }
            Ok::<_, ()>(())
        };
        let report = work_until_told(&stop, &mut jobs(100), step, |_| ready(Ok(()))).await;
        assert_eq!((report, begun.get()), (Ok(Report { done: 42, was_told: true }), 42));
    }

    /// Jobs that are always there and steps that never wait: the loop makes way all the same, so it can be told.
    #[tokio::test]
    async fn a_busy_loop_makes_way_for_the_one_who_tells_it() {
        let (stop, mut many) = (CancellationToken::new(), jobs(100_000));
        let telling = tokio::spawn({
            let stop = stop.clone();
            async move { stop.cancel() }
        });
        let report = work_until_told(&stop, &mut many, |_| ready(Ok::<_, ()>(())), |_| ready(Ok(())));
        let report = report.await.unwrap();
        assert!(report.was_told && report.done < 1_000, "{report:?}");
        assert_eq!(report.done + many.len(), 100_000);
        telling.await.unwrap();
    }

    #[tokio::test]
    async fn a_hundred_thousand_jobs_are_done() {
        let (stop, mut many) = (CancellationToken::new(), jobs(100_000));
        let report = work_until_told(&stop, &mut many, |_| ready(Ok::<_, ()>(())), |_| ready(Ok(())));
        assert_eq!(report.await, Ok(Report { done: 100_000, was_told: false }));
    }

    /// A panic in a step is no answer: the clean-up is skipped. Where it must run, see the recipe `context_managers`.
    #[tokio::test]
    async fn but_a_panic_in_a_step_skips_the_clean_up() {
        let (stop, mut jobs, cleaned_up) = (CancellationToken::new(), jobs(1), Count::default());
        let clean_up = async |_done| {
            cleaned_up.add();
            Ok::<_, ()>(())
        };
        let work = work_until_told(&stop, &mut jobs, |_| ready(panics()), clean_up);
        assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
        assert_eq!(cleaned_up.get(), 0);
    }

    /// Dropped anywhere, at most the job of the step under way is lost.
    #[test]
    fn a_drop_loses_the_job_under_way_and_no_other() {
        let swept = cancel_sweep::sweep_with(
            || {
                let jobs = Arc::new(tokio::sync::Mutex::new(jobs(3)));
                let (done, worker) = (Count::default(), jobs.clone());
                let finished = done.clone();
                ((jobs, done), async move {
                    let step = async |_job| {
                        sleep(ms(10)).await;
                        finished.add();
                        Ok::<_, ()>(())
                    };
                    let stop = CancellationToken::new();
                    work_until_told(&stop, &mut *worker.lock().await, step, |_| ready(Ok(()))).await
                })
            },
            |(jobs, done), outcome| {
                let left = jobs.try_lock().unwrap().len();
                let under_way = match outcome {
                    cancel_sweep::Outcome::Cancelled(at) => usize::from(at.suspension > 0),
                    cancel_sweep::Outcome::Finished(_) => 0,
                };
                assert_eq!(done.get() + under_way + left, 3);
            },
        );
        assert_eq!(swept.points, 3);
    }

    #[test]
    fn told_anywhere_every_job_is_done_or_left_and_the_journal_is_written_once() {
        let steps = |turns: u64| async move {
            let (log, stop, mut jobs) = (Log::default(), CancellationToken::new(), jobs(3));
            let working = work(&stop, &mut jobs, &log);
            let (report, ()) = tokio::join!(working, told_after(turns * 25, &stop));
            (report.unwrap(), jobs.len(), log.take())
        };
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        for turns in 0..20 {
            let (report, left, log) = runtime.block_on(steps(turns));
            assert_eq!(report.done + left, 3);
            assert_eq!(log.iter().filter(|line| line.contains("half")).count(), report.done);
            assert_eq!(log.iter().filter(|line| line.contains("journal")).count(), 1);
        }
    }

    #[test]
    fn on_many_threads_no_job_is_lost_or_done_twice() {
        on_many_threads(200, async |mut rng| {
            let (sender, mut jobs) = mpsc::channel(4);
            let stop = CancellationToken::new();
            let mut producers = JoinSet::new();
            for producer in 0..4 {
                let (sender, mut rng) = (sender.clone(), rng.fork());
                producers.spawn(async move {
                    for number in 0..8 {
                        sender.send(producer * 8 + number).await.unwrap();
                        some_turns(&mut rng).await;
                    }
                });
            }
            drop(sender);
            let (telling, mut turns) = (stop.clone(), rng.fork());
            let telling = tokio::spawn(async move {
                for _ in 0..turns.u8(0..20) {
                    yield_now().await;
                }
                telling.cancel();
            });
            let worker = tokio::spawn(async move {
                let done = Mutex::new(Vec::new());
                let journals = Count::default();
                let seeds = Mutex::new(rng);
                let step = async |job: usize| {
                    let mut rng = seeds.lock().unwrap().fork();
                    some_turns(&mut rng).await;
                    done.lock().unwrap().push(job);
                    Ok::<_, ()>(())
                };
                let clean_up = async |_done| {
                    journals.add();
                    Ok(())
                };
                let report = work_until_told(&stop, &mut jobs, step, clean_up).await.unwrap();
                (report, jobs, done.into_inner().unwrap(), journals.get())
            });
            let (report, mut jobs, mut seen, journals) = worker.await.unwrap();
            assert_eq!((report.done, journals), (seen.len(), 1));
            while let Some(job) = jobs.recv().await {
                seen.push(job);
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..32).collect::<Vec<_>>());
            telling.await.unwrap();
            while let Some(joined) = producers.join_next().await {
                joined.unwrap();
            }
        });
    }

    /// The hazard: a guard that nobody holds is dropped at once, and tells at once.
    #[test]
    fn but_a_drop_guard_that_nobody_holds_tells_at_once() {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        assert!(!stop.is_cancelled());
        #[expect(let_underscore_drop, reason = "the lesson")]
        let _ = guard.disarm().drop_guard();
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_checksum_is_that_of_all_blocks() {
        let stop = CancellationToken::new();
        let whole = checksum(&stop, ["one two three"].into_iter()).await;
        assert_eq!(checksum(&stop, ["one ", "", "two", " three"].into_iter()).await, whole);
        assert_ne!(checksum(&stop, ["one ", "two"].into_iter()).await, whole);
        assert_eq!(checksum(&stop, std::iter::empty::<&str>()).await, Ok(0));
        assert_eq!(checksum(&stop, ["ab"].into_iter()).await, Ok((97 << 5) ^ 98));
    }

    #[tokio::test]
    async fn a_loop_that_computes_looks_at_the_token_between_two_blocks() {
        let stop = CancellationToken::new();
        let telling = stop.clone();
        let blocks = (0_u32..1_000)
            .inspect(move |&block| {
                if block == 7 {
                    telling.cancel()
                }
            })
            .map(u32::to_be_bytes);
        assert_eq!(checksum(&stop, blocks).await, Err(Stopped { blocks: 7 }));
        assert_eq!(checksum(&stop, [""].into_iter()).await, Err(Stopped { blocks: 0 }), "told before");
    }

    /// asyncio: a thread of `to_thread` cannot be cancelled. Tokio: nor can one of `spawn_blocking`, but it can be told.
    #[tokio::test]
    async fn a_dropped_checksum_ends_its_loop_and_tells_nobody_else() {
        let (stop, give_up) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let (block, mut blocks) = mpsc::channel(1);
        let gives_up = give_up.clone();
        let endless = std::iter::repeat_with(move || {
            let _full = block.try_send(());
            "block"
        });
        let mut sum = Box::pin(checksum(&stop, endless.take_while(move |_| !gives_up.load(SeqCst))));
        assert_eq!(poll_once(&mut sum).await, None);
        blocks.recv().await.expect("it has begun");
        drop(sum);
        // The loop has ended when the iterator is gone, and the sender with it.
        let ended = timeout(ms(5_000), async { while blocks.recv().await.is_some() {} }).await;
        give_up.store(true, SeqCst);
        ended.expect("it ends");
        assert!(!stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_panic_in_a_block_goes_on_in_the_caller() {
        let blocks = std::iter::once_with(panics::<&str>);
        let sum = AssertUnwindSafe(checksum(&CancellationToken::new(), blocks)).catch_unwind().await;
        assert_eq!(sum.unwrap_err().downcast_ref(), Some(&"a panic"));
    }
}

mod cancel_and_confirm {
    use super::*;
    use timeouts::cancel_and_confirm::{Outcome, Stop, Task};

    type Reason = &'static str;
    type Rows = Result<Option<&'static str>, String>;
    type Job = Task<&'static str, String, Reason>;

    const GRACE: Option<Duration> = Some(ms(300));

    /// Work that takes `millis`, and cleans up after it for 50 ms, told or not.
    async fn session(log: Log, stop: Stop<Reason>, millis: u64) -> Rows {
        let rows = stop.run_until_requested(load("rows", millis)).await;
        log.at(if rows.is_some() { "done" } else { "told" });
        sleep(ms(50)).await;
        log.at("cleaned up");
        rows.transpose()
    }

    /// Does not look at its request.
    async fn deaf(_stop: Stop<Reason>) -> Rows {
        for_ever().await
    }

    /// Tells it to stop, and fails rather than hangs.
    async fn told<T, E>(task: Task<T, E, Reason>, reason: Reason) -> Outcome<T, E, Reason>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        ends(task.cancel_and_wait(reason)).await
    }

    fn spawn_session(log: &Log, millis: u64) -> Job {
        let log = log.clone();
        Job::spawn(GRACE, move |stop| session(log, stop, millis))
    }

    /// asyncio: a value, an exception, and `CancelledError`, which is no `Exception`. Tokio: a panic is apart as well.
    #[tokio::test(start_paused = true)]
    async fn finished_failed_panicked_and_cancelled_are_told_apart() {
        let value = Job::spawn(GRACE, |_| async { Ok(Some("value")) });
        assert_eq!(value.wait().await, Outcome::Finished("value"));
        let error = Job::spawn(GRACE, |_| async { Err("error".to_owned()) });
        assert_eq!(error.wait().await, Outcome::Failed("error".to_owned()));
        let panic = Job::spawn(GRACE, |_| async { panics() });
        assert_eq!(panic.wait().await, Outcome::Panicked("a panic".to_owned()));
        let panic = Job::spawn(GRACE, |_| -> std::future::Ready<Rows> { panics() });
        assert_eq!(panic.wait().await, Outcome::Panicked("a panic".to_owned()), "before there is a future");
        let cancelled = told(spawn_session(&Log::default(), 500), "not needed").await;
        assert_eq!(cancelled, Outcome::Cancelled { reason: Some("not needed"), cleaned_up: true });
    }

    /// asyncio: `await task` after `cancel()` returns when the clean-up is over.
    #[tokio::test(start_paused = true)]
    async fn the_wait_is_over_when_the_clean_up_is() {
        let log = Log::default();
        let task = spawn_session(&log, 500);
        sleep(ms(100)).await;
        assert!(task.cancel("shutting down"));
        sleep(ms(20)).await;
        assert!(!task.is_finished());
        let end = task.wait().await;
        log.at("confirmed");
        assert_eq!(end, Outcome::Cancelled { reason: Some("shutting down"), cleaned_up: true });
        assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 confirmed"]);
        assert_eq!(alive_tasks(), 0);
    }

    /// asyncio: the message of `cancel("...")` is in the `CancelledError` that the task and whoever awaits it see.
    #[tokio::test(start_paused = true)]
    async fn the_reason_is_read_by_the_task_and_by_whoever_awaits_it() {
        let task: Task<Reason, String, Reason> = Task::spawn(GRACE, |stop: Stop<Reason>| async move {
            let reason = stop.requested().await.copied();
            Err(format!("ends, for it is {}", reason.unwrap_or("alone")))
        });
        sleep(ms(10)).await;
        assert_eq!(told(task, "late").await, Outcome::Failed("ends, for it is late".to_owned()));
    }

    /// asyncio: `cancel()` of a task that is done returns false. A second one while it cleans up returns true, and cuts
    /// the clean-up short. Here it is false, and changes nothing: neither the reason nor the clean-up.
    #[tokio::test(start_paused = true)]
    async fn a_further_request_says_that_there_is_nothing_to_do() {
        let log = Log::default();
        let task = spawn_session(&log, 500);
        sleep(ms(100)).await;
        assert!(task.cancel("first"));
        sleep(ms(20)).await;
        assert!(!task.cancel("second"));
        assert_eq!(task.wait().await, Outcome::Cancelled { reason: Some("first"), cleaned_up: true });
        assert_eq!(log.take(), ["100 told", "150 cleaned up"]);

        let done = spawn_session(&log, 10);
        sleep(ms(100)).await;
        assert!(done.is_finished() && !done.cancel("too late"));
        assert_eq!(done.wait().await, Outcome::Finished("rows"));

        let panicked = Job::spawn(GRACE, |_| async { panics() });
        sleep(ms(10)).await;
        assert!(!panicked.cancel("too late"));
    }

    /// What the task has started may hold the request for longer than the task lives. It is never made then.
    #[tokio::test(start_paused = true)]
    async fn after_the_end_nobody_is_told_any_more() {
        let ended: [fn(Stop<Reason>) -> Rows; 2] = [|_| Ok(Some("done")), |_| panics()];
        for work in ended {
            let task = Job::spawn(GRACE, move |stop| async move { work(stop) });
            let stop = task.stop();
            task.wait().await;
            assert!(!stop.cancel("too late") && !stop.is_requested());
            assert_eq!(stop.run_until_requested(ready("as ever")).await, Some("as ever"));
            assert!(timeout(A_YEAR, stop.requested()).await.is_err());
        }
    }

    /// asyncio: a task that is cancelled before its first step never runs.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_has_not_begun_does_not_begin() {
        let task = Job::spawn(GRACE, |_| -> std::future::Ready<Rows> { panic!("it is not even made") });
        let end = told(task, "changed my mind").await;
        assert_eq!(end, Outcome::Cancelled { reason: Some("changed my mind"), cleaned_up: true });
    }

    /// asyncio: a task that catches `CancelledError` may return a value, and has not been cancelled then.
    #[tokio::test(start_paused = true)]
    async fn the_work_may_refuse_and_has_finished_then() {
        let task = Job::spawn(GRACE, |stop: Stop<Reason>| async move {
            stop.requested().await;
            sleep(ms(100)).await;
            Ok(Some("done all the same"))
        });
        sleep(ms(10)).await;
        assert_eq!(told(task, "please stop").await, Outcome::Finished("done all the same"));
    }

    /// asyncio: `current_task().cancel()`. Here the request is a message, also to oneself.
    #[tokio::test(start_paused = true)]
    async fn a_task_may_tell_itself() {
        let task = Job::spawn(GRACE, |stop: Stop<Reason>| async move {
            assert!(stop.cancel("nothing to do") && !stop.cancel("again"));
            Ok(stop.run_until_requested(ready("unreachable")).await)
        });
        assert_eq!(task.wait().await, Outcome::Cancelled { reason: Some("nothing to do"), cleaned_up: true });
    }

    #[tokio::test(start_paused = true)]
    async fn others_may_tell_it() {
        let task = spawn_session(&Log::default(), 500);
        let stop = task.stop();
        let other = tokio::spawn(async move {
            sleep(ms(10)).await;
            stop.cancel("said another task")
        });
        assert_eq!(
            task.wait().await,
            Outcome::Cancelled { reason: Some("said another task"), cleaned_up: true }
        );
        assert!(other.await.unwrap());
    }

    /// asyncio: a task that ignores its cancellation is waited for without end.
    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_listen_is_aborted_when_its_grace_is_over() {
        let (start, dropped) = (Instant::now(), Count::default());
        let guard = dropped.on_drop();
        let task = Job::spawn(GRACE, |stop| async move {
            let _guard = guard;
            deaf(stop).await
        });
        sleep(ms(100)).await;
        let end = told(task, "shutting down").await;
        assert_eq!(end, Outcome::Cancelled { reason: Some("shutting down"), cleaned_up: false });
        assert_eq!((start.elapsed(), dropped.get(), alive_tasks()), (ms(400), 1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clean_up_without_a_limit_is_waited_for_however_long_it_takes() {
        for grace in [None, Some(Duration::MAX)] {
            let task = Job::spawn(grace, |stop: Stop<Reason>| async move {
                stop.requested().await;
                sleep(A_YEAR).await;
                Ok(None)
            });
            sleep(ms(10)).await;
            let end = told(task, "shutting down").await;
            assert_eq!(end, Outcome::Cancelled { reason: Some("shutting down"), cleaned_up: true });
        }
    }

    /// asyncio: an exception in the clean-up takes the place of the `CancelledError`.
    #[tokio::test(start_paused = true)]
    async fn an_error_or_a_panic_of_the_clean_up_is_told() {
        let fails = Job::spawn(GRACE, |stop: Stop<Reason>| async move {
            stop.requested().await;
            Err("connection lost".to_owned())
        });
        let panic = Job::spawn(GRACE, |stop: Stop<Reason>| async move {
            stop.requested().await;
            panics()
        });
        let drop_panics = Job::spawn(GRACE, |stop| async move {
            let _panics = OnDrop(panics_in_drop);
            deaf(stop).await
        });
        sleep(ms(10)).await;
        assert_eq!(told(fails, "stop").await, Outcome::Failed("connection lost".to_owned()));
        assert_eq!(told(panic, "stop").await, Outcome::Panicked("a panic".to_owned()));
        assert_eq!(told(drop_panics, "stop").await, Outcome::Panicked("a panic".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_stops_by_itself_is_cancelled_without_a_reason() {
        let task = Job::spawn(GRACE, |_| async { Ok(None) });
        assert_eq!(task.wait().await, Outcome::Cancelled { reason: None, cleaned_up: true });
    }

    /// asyncio: a task that awaits another passes its cancellation on. Tokio: the owner of a `Task` that is dropped does.
    #[tokio::test(start_paused = true)]
    async fn a_dropped_owner_has_told_the_work_and_it_cleans_up() {
        let log = Log::default();
        let (inner, outer_log) = (spawn_session(&log, 500), log.clone());
        let outer = tokio::spawn(async move {
            let end = inner.wait().await;
            outer_log.at(format_args!("{end:?}"));
        });
        sleep(ms(100)).await;
        outer.abort();
        sleep(ms(500)).await;
        assert_eq!(log.take(), ["100 told", "150 cleaned up"]);

        drop(Job::spawn(GRACE, deaf));
        let told = Job::spawn(GRACE, |stop: Stop<Reason>| async move {
            assert_eq!(stop.requested().await, None, "no reason");
            Ok(None)
        });
        yield_now().await;
        drop(told);
        sleep(ms(299)).await;
        assert_eq!(alive_tasks(), 0, "not begun, so gone at once");
    }

    #[tokio::test(start_paused = true)]
    async fn and_it_is_aborted_when_its_grace_is_over() {
        let task = Job::spawn(GRACE, deaf);
        yield_now().await;
        drop(task);
        sleep(ms(299)).await;
        assert_eq!(alive_tasks(), 2);
        sleep(ms(2)).await;
        assert_eq!(alive_tasks(), 0);
    }

    /// What is ready in the instant of the request is not lost.
    #[tokio::test(start_paused = true)]
    async fn a_result_in_the_instant_of_the_request_counts() {
        let log = Log::default();
        let task = spawn_session(&log, 100);
        sleep(ms(100)).await;
        assert!(task.cancel("in the same instant"));
        assert_eq!(task.wait().await, Outcome::Finished("rows"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_computes_asks() {
        let task = Job::spawn(GRACE, |stop: Stop<Reason>| async move {
            for _ in 0..1_000 {
                if stop.is_requested() {
                    return Ok(None);
                }
                advance(ms(1)).await;
            }
            Ok(Some("nobody has told it"))
        });
        advance(ms(10)).await;
        let end = told(task, "enough").await;
        assert_eq!(end, Outcome::Cancelled { reason: Some("enough"), cleaned_up: true });
    }

    /// The runtime ends: whoever waits on another one hears that the task is gone, and that nobody had asked.
    #[test]
    fn the_end_of_its_runtime_is_a_cancellation_without_a_reason() {
        let (first, second) = (
            Builder::new_current_thread().enable_time().build().unwrap(),
            Builder::new_current_thread().build().unwrap(),
        );
        let task = first.block_on(async { Job::spawn(GRACE, deaf) });
        drop(first);
        assert_eq!(second.block_on(task.wait()), Outcome::Cancelled { reason: None, cleaned_up: false });
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_are_told_and_gone() {
        let tasks: Vec<_> = (0..10_000)
            .map(|_| {
                Job::spawn(GRACE, |stop: Stop<Reason>| async move {
                    stop.requested().await;
                    sleep(ms(50)).await;
                    Ok(None)
                })
            })
            .collect();
        sleep(ms(1)).await;
        let start = Instant::now();
        assert!(tasks.iter().all(|task| task.cancel("shutting down")));
        for task in tasks {
            let end = task.wait().await;
            assert_eq!(end, Outcome::Cancelled { reason: Some("shutting down"), cleaned_up: true });
        }
        assert_eq!((start.elapsed(), alive_tasks()), (ms(50), 0));
    }

    #[test]
    fn dropped_anywhere_what_was_begun_is_cleaned_up_once() {
        for told in [true, false] {
            let swept = cancel_sweep::sweep_with(
                || {
                    let log = Log::default();
                    let task = spawn_session(&log, 20);
                    (log, async move {
                        // It has begun when it is told.
                        yield_now().await;
                        if told { task.cancel_and_wait("stop").await } else { task.wait().await }
                    })
                },
                |log, outcome| {
                    let log = log.take();
                    let count = |what| log.iter().filter(|line| line.contains(what)).count();
                    assert_eq!(count("told") + count("done"), count("cleaned up"));
                    match outcome {
                        // Dropped before it had begun, it does not begin.
                        cancel_sweep::Outcome::Cancelled(cancel_sweep::At {
                            suspension: 0 | 1,
                            woken: false,
                        }) => {
                            assert_eq!(count("cleaned up"), 0);
                        }
                        _ => assert_eq!(count("cleaned up"), 1),
                    }
                    assert_eq!(alive_tasks(), 0);
                },
            );
            assert_eq!(swept.points, 2);
        }
    }

    /// `select!` in a loop asks again in each turn: nothing is lost by the drops.
    #[test]
    fn a_dropped_look_at_the_request_leaves_it_for_the_next() {
        let swept = cancel_sweep::sweep_with(
            || {
                let task = Job::spawn(GRACE, |stop| async move {
                    stop.requested().await;
                    Ok(None)
                });
                let stop = task.stop();
                let asking = stop.clone();
                let looks = async move {
                    let listener = async { asking.requested().await.copied() };
                    let (reason, _) = tokio::join!(listener, async {
                        yield_now().await;
                        asking.cancel("enough")
                    });
                    reason
                };
                ((task, stop), looks)
            },
            |(task, stop), outcome| {
                let asked = match outcome {
                    cancel_sweep::Outcome::Finished(reason) => {
                        assert_eq!(reason, Some("enough"));
                        true
                    }
                    cancel_sweep::Outcome::Cancelled(_) => stop.is_requested(),
                };
                assert_eq!(stop.cancel("again"), !asked);
                let again = stop.requested().now_or_never().flatten().copied();
                assert_eq!(again, Some(if asked { "enough" } else { "again" }));
                drop(task);
            },
        );
        assert_eq!(swept.points, 1);
    }

    /// Many ask for one task's end, with reasons of their own, while it works, cleans up, and ends by itself.
    #[test]
    fn on_many_threads_one_request_counts_and_each_outcome_is_true() {
        on_many_threads(100, async |mut rng| {
            let mut rounds = JoinSet::new();
            for _ in 0..8 {
                let mut rng = rng.fork();
                rounds.spawn(async move {
                    let (cleaned_up, gone) = (Count::default(), Count::default());
                    let (cleans, guard, mut turns) = (cleaned_up.clone(), gone.on_drop(), rng.fork());
                    // 0: ends by itself; 1: cleans up when told; 2: refuses; 3: does not listen.
                    let kind = rng.usize(0..4);
                    let grace = [Duration::ZERO, ms(1)][rng.usize(0..2)];
                    let task: Task<&str, String, usize> = Task::spawn(Some(grace), move |stop| async move {
                        let _guard = guard;
                        some_turns(&mut turns).await;
                        match kind {
                            0 => return Ok(Some("by itself")),
                            3 => for_ever().await,
                            _ => stop.requested().await,
                        };
                        some_turns(&mut turns).await;
                        cleans.add();
                        Ok((kind == 2).then_some("refused"))
                    });
                    let askers = (0..4).map(|asker| {
                        let (stop, mut rng) = (task.stop(), rng.fork());
                        tokio::spawn(async move {
                            some_turns(&mut rng).await;
                            stop.cancel(asker)
                        })
                    });
                    let askers: Vec<_> = askers.collect();
                    let outcome = task.wait().await;
                    assert_eq!(gone.get(), 1, "the work is gone when its end is told");
                    let mut accepted = Vec::new();
                    for (asker, asked) in askers.into_iter().enumerate() {
                        if asked.await.unwrap() {
                            accepted.push(asker);
                        }
                    }
                    match outcome {
                        Outcome::Cancelled { reason, cleaned_up: clean } => {
                            assert_eq!(accepted, Vec::from_iter(reason));
                            // Not begun, or cleaned up; or aborted before it had.
                            assert!(kind != 2 || !clean || cleaned_up.get() == 0);
                            assert!(clean || cleaned_up.get() == 0);
                        }
                        Outcome::Finished("by itself") => assert!(kind == 0 && accepted.len() <= 1),
                        Outcome::Finished("refused") => {
                            assert_eq!((kind, accepted.len(), cleaned_up.get()), (2, 1, 1))
                        }
                        other => panic!("{other:?}"),
                    }
                });
            }
            while let Some(round) = rounds.join_next().await {
                round.unwrap();
            }
        });
    }
}

mod shield {
    use super::*;
    use timeouts::shield::{Failure, Shielded, shield};

    /// What was reported because nobody heard it.
    type Unheard = Arc<Mutex<Vec<Failure<String>>>>;

    fn shielded(
        tasks: &TaskTracker,
        unheard: &Unheard,
        work: impl Future<Output = Result<&'static str, String>> + Send + 'static,
    ) -> Shielded<&'static str, String> {
        let unheard = unheard.clone();
        shield(tasks, work, move |failure| unheard.lock().unwrap().push(failure))
    }

    fn both() -> (TaskTracker, Unheard) {
        Default::default()
    }

    async fn all_done(tasks: &TaskTracker) {
        tasks.close();
        ends(tasks.wait()).await;
    }

    /// asyncio: the outer task is cancelled, the inner goes on.
    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_cancelled_does_not_take_the_work_along() {
        let ((tasks, unheard), done) = (both(), Count::default());
        let finishes = done.clone();
        let caller = tokio::spawn(shielded(&tasks, &unheard, async move {
            let paid = load("paid", 200).await;
            finishes.add();
            paid
        }));
        sleep(ms(100)).await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(done.get(), 0);
        all_done(&tasks).await;
        assert_eq!(done.get(), 1);
        assert_eq!(*unheard.lock().unwrap(), [], "a value that nobody hears is no failure");
    }

    /// asyncio: `wait_for(shield(task), limit)` raises, and the task can be awaited later.
    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gives_up_may_wait_again_later() {
        let (tasks, unheard) = both();
        let start = Instant::now();
        let mut payment = shielded(&tasks, &unheard, load("paid", 200));
        assert!(timeout(ms(100), &mut payment).await.is_err());
        assert!(!payment.is_finished());
        assert_eq!(payment.await, Ok("paid"));
        assert_eq!(start.elapsed(), ms(200));
    }

    /// asyncio: `shield(coroutine)` makes a task of it at once. Here too.
    #[tokio::test(start_paused = true)]
    async fn the_work_begins_without_being_awaited() {
        let (tasks, unheard) = both();
        let payment = shielded(&tasks, &unheard, load("paid", 200));
        sleep(ms(300)).await;
        assert!(payment.is_finished());
        assert_eq!(payment.now_or_never(), Some(Ok("paid")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_is_heard_is_not_reported() {
        let (tasks, unheard) = both();
        let failed = shielded(&tasks, &unheard, load("bad card", 200)).await.unwrap_err();
        assert_eq!(failed, Failure::Error("bad card after 200".to_owned()));
        assert_eq!(failed.to_string(), "bad card after 200");
        let panicked = shielded(&tasks, &unheard, async { panics() }).await.unwrap_err();
        assert_eq!(panicked, Failure::Panicked("a panic".to_owned()));
        assert_eq!(panicked.to_string(), "panicked: a panic");
        all_done(&tasks).await;
        assert_eq!(*unheard.lock().unwrap(), []);
    }

    /// asyncio: when nobody waits any more, the exception is logged once the task is collected, as never retrieved.
    #[tokio::test(start_paused = true)]
    async fn a_failure_that_nobody_hears_is_reported() {
        let (tasks, unheard) = both();
        let card = shielded(&tasks, &unheard, load("bad card", 200));
        let bug = shielded(&tasks, &unheard, async {
            sleep(ms(300)).await;
            panics()
        });
        assert!(timeout(ms(100), card).await.is_err());
        drop(bug);
        all_done(&tasks).await;
        let expected =
            [Failure::Error("bad card after 200".to_owned()), Failure::Panicked("a panic".to_owned())];
        assert_eq!(*unheard.lock().unwrap(), expected);
    }

    /// The caller goes away when the work is done and has not been looked at.
    #[tokio::test(start_paused = true)]
    async fn nor_is_one_lost_that_was_there_before_the_caller_went_away() {
        let (tasks, unheard) = both();
        let card = shielded(&tasks, &unheard, load("bad card", 200));
        all_done(&tasks).await;
        assert_eq!(*unheard.lock().unwrap(), [], "it may still be heard");
        drop(card);
        assert_eq!(*unheard.lock().unwrap(), [Failure::Error("bad card after 200".to_owned())]);
    }

    /// Tokio: a dropped handle is a shield as well, but what its task returns is dropped with it.
    #[tokio::test(start_paused = true)]
    async fn but_the_error_in_a_dropped_join_handle_is_lost() {
        let failed = Count::default();
        let fails = failed.clone();
        let task = tokio::spawn(async move { load("bad card", 200).await.inspect_err(|_| fails.add()) });
        assert!(timeout(ms(100), task).await.is_err());
        sleep(ms(200)).await;
        assert_eq!(failed.get(), 1, "it failed, and only the task itself could tell");
    }

    /// asyncio: when the inner task is cancelled itself, so is whoever awaits the shield. Here it is a value.
    #[tokio::test(start_paused = true)]
    async fn work_that_is_cut_off_itself_is_told_to_who_waits_and_is_not_reported() {
        let (tasks, unheard) = both();
        let heard = shielded(&tasks, &unheard, load("bad card", 200));
        heard.abort();
        let cancelled = heard.await.unwrap_err();
        assert_eq!((cancelled.to_string().as_str(), &cancelled), ("cancelled", &Failure::Cancelled));
        shielded(&tasks, &unheard, load("bad card", 200)).abort();
        all_done(&tasks).await;
        assert_eq!(*unheard.lock().unwrap(), []);
    }

    /// asyncio: `asyncio.run` cancels shielded tasks too, when `main` ends. Tokio: cuts them off, unless they are waited for.
    #[test]
    fn but_the_end_of_the_runtime_cuts_it_off() {
        let done = Count::default();
        for (waits, expected) in [(false, 0), (true, 1)] {
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let ((tasks, unheard), finishes) = (both(), done.clone());
                drop(shielded(&tasks, &unheard, async move {
                    sleep(ms(200)).await;
                    finishes.add();
                    Ok("paid")
                }));
                sleep(ms(100)).await;
                if waits {
                    all_done(&tasks).await;
                }
            });
            drop(runtime);
            assert_eq!(done.get(), expected);
        }
    }

    /// A panic in the drop of the work, when it is done: a failure of the work as well.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_drop_of_the_work_is_a_failure() {
        let (tasks, unheard) = both();
        /// Ready, and panics when it is dropped.
        struct Bad {
            _panics: OnDrop<fn()>,
        }
        impl Future for Bad {
            type Output = Result<&'static str, String>;
            fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Self::Output> {
                Poll::Ready(Ok("value"))
            }
        }
        let bad = || Bad { _panics: OnDrop(panics_in_drop) };
        assert_eq!(shielded(&tasks, &unheard, bad()).await, Err(Failure::Panicked("a panic".to_owned())));
        drop(shielded(&tasks, &unheard, bad()));
        all_done(&tasks).await;
        assert_eq!(*unheard.lock().unwrap(), [Failure::Panicked("a panic".to_owned())]);
    }

    /// A result is given out once. In asyncio a task can be awaited again.
    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "polled after completion")]
    async fn but_awaited_again_it_panics() {
        let (tasks, unheard) = both();
        let mut payment = shielded(&tasks, &unheard, load("paid", 10));
        assert_eq!((&mut payment).await, Ok("paid"));
        let _again = payment.await;
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_failures_that_nobody_hears_are_reported() {
        let (tasks, unheard) = both();
        for _ in 0..10_000 {
            drop(shielded(&tasks, &unheard, load("bad card", 10)));
        }
        all_done(&tasks).await;
        assert_eq!(unheard.lock().unwrap().len(), 10_000);
    }

    #[test]
    fn dropped_anywhere_a_failure_is_heard_or_reported_and_never_both() {
        let swept = cancel_sweep::sweep_with(
            || {
                let unheard = Unheard::default();
                (unheard.clone(), async move {
                    let mut card = shielded(&TaskTracker::new(), &unheard, load("bad card", 20));
                    match timeout(ms(10), &mut card).await {
                        Ok(result) => result,
                        Err(_elapsed) => card.await,
                    }
                })
            },
            |unheard, outcome| {
                let reported = unheard.lock().unwrap().len();
                match outcome {
                    cancel_sweep::Outcome::Finished(result) => assert!(result.is_err() && reported == 0),
                    cancel_sweep::Outcome::Cancelled(at) => {
                        assert_eq!(reported, usize::from(at.suspension > 0))
                    }
                }
            },
        );
        assert_eq!(swept.points, 2);
    }

    #[test]
    fn on_many_threads_each_failure_is_heard_or_reported_and_never_both() {
        on_many_threads(200, async |mut rng| {
            let ((tasks, unheard), heard) = (both(), Count::default());
            let mut callers = JoinSet::new();
            let mut failures = 0;
            for _ in 0..24 {
                // 0: a value, 1: an error, 2: a panic.
                let (kind, mut turns) = (rng.usize(0..3), rng.fork());
                failures += usize::from(kind > 0);
                let mut work = shielded(&tasks, &unheard, async move {
                    some_turns(&mut turns).await;
                    match kind {
                        0 => Ok("value"),
                        1 => Err("error".to_owned()),
                        _ => panics(),
                    }
                });
                let (heard, mut rng) = (heard.clone(), rng.fork());
                callers.spawn(async move {
                    some_turns(&mut rng).await;
                    let result = if rng.bool() { poll_once(&mut work).await } else { Some(work.await) };
                    if result.is_some_and(|result| result.is_err()) {
                        heard.add();
                    }
                });
            }
            while let Some(joined) = callers.join_next().await {
                joined.unwrap();
            }
            tasks.close();
            tasks.wait().await;
            // A task's output may be dropped by the task itself, a moment after the tracker has counted it out.
            while heard.get() + unheard.lock().unwrap().len() < failures {
                yield_now().await;
            }
            for _ in 0..10 {
                yield_now().await;
            }
            assert_eq!(heard.get() + unheard.lock().unwrap().len(), failures);
        });
    }
}

mod select_loop {
    use super::*;
    use std::pin::pin;
    use timeouts::select_loop::{End, Event, read_frames};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{MissedTickBehavior, interval};
    use tokio_util::codec::{Decoder, FramedRead, LengthDelimitedCodec, LinesCodec, LinesCodecError};

    fn lines(buffer: usize) -> (FramedRead<DuplexStream, LinesCodec>, DuplexStream) {
        let (connection, peer) = duplex(buffer);
        (FramedRead::new(connection, LinesCodec::new()), peer)
    }

    fn log_events(log: &Log) -> impl FnMut(Event<String>) {
        |event| match event {
            Event::Frame(line) => log.at(line),
            Event::Heartbeat => log.at("heartbeat"),
        }
    }

    /// Writes each piece when it is time.
    async fn talk(peer: &mut DuplexStream, pieces: &[(u64, &str)]) {
        for (pause, piece) in pieces {
            sleep(ms(*pause)).await;
            ends(peer.write_all(piece.as_bytes())).await.unwrap();
        }
    }

    /// Reads what the peer says meanwhile. The peer goes first: what it says in the instant of a limit is there then.
    async fn read_from<D: Decoder>(
        peer: &mut DuplexStream,
        pieces: &[(u64, &str)],
        frames: &mut FramedRead<DuplexStream, D>,
        (heartbeat, idle): (Duration, Duration),
        on_event: impl FnMut(Event<D::Item>),
    ) -> Result<End, D::Error> {
        let stop = never();
        let reading = read_frames(frames, &stop, heartbeat, idle, on_event);
        let both = async { tokio::join!(biased; talk(peer, pieces), reading).1 };
        timeout(Duration::from_secs(3_600), both).await.expect("it ends")
    }

    fn never() -> CancellationToken {
        CancellationToken::new()
    }

    #[tokio::test(start_paused = true)]
    async fn frames_heartbeats_and_the_end_of_a_silent_peer() {
        let ((mut lines, mut peer), log) = (lines(64), Log::default());
        let pieces = [(70, "one\ntw"), (50, "o\n"), (10, "three\n")];
        let end = read_from(&mut peer, &pieces, &mut lines, (ms(100), ms(150)), log_events(&log)).await;
        log.at("end");
        assert_eq!(end.unwrap(), End::Idle);
        assert_eq!(
            log.take(),
            [" 70 one", "100 heartbeat", "120 two", "130 three", "200 heartbeat", "280 end"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_the_peer_closes_and_when_it_is_told() {
        let ((mut closed, peer), log, stop) = (lines(64), Log::default(), never());
        drop(peer);
        let end = read_frames(&mut closed, &stop, ms(100), ms(150), log_events(&log)).await;
        assert_eq!(end.unwrap(), End::Closed);

        let (mut told, _peer) = lines(64);
        let telling = async {
            sleep(ms(120)).await;
            stop.cancel();
        };
        let reading = read_frames(&mut told, &stop, ms(100), ms(150), log_events(&log));
        let (end, ()) = tokio::join!(reading, telling);
        assert_eq!(end.unwrap(), End::Told);
        assert_eq!(log.take(), ["100 heartbeat"]);
    }

    #[tokio::test(start_paused = true)]
    async fn told_it_reads_no_further_frame() {
        let ((mut lines, mut peer), log, stop) = (lines(64), Log::default(), never());
        talk(&mut peer, &[(0, "one\ntwo\n")]).await;
        let stops = |_| {
            log.at("a line");
            stop.cancel();
        };
        assert_eq!(read_frames(&mut lines, &stop, ms(100), ms(150), stops).await.unwrap(), End::Told);
        assert_eq!(log.take(), ["  0 a line"]);
        let stop = never();
        let rest = read_frames(&mut lines, &stop, ms(100), ms(50), log_events(&log)).await;
        assert_eq!((rest.unwrap(), log.take()), (End::Idle, vec!["  0 two".to_owned()]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_the_decoder_or_the_reader_ends_it() {
        let (connection, mut peer) = duplex(64);
        let mut lines = FramedRead::new(connection, LinesCodec::new_with_max_length(4));
        talk(&mut peer, &[(0, "one\ntoo long\n")]).await;
        let (log, stop) = (Log::default(), never());
        let error = read_frames(&mut lines, &stop, ms(100), ms(150), log_events(&log)).await.unwrap_err();
        assert!(matches!(error, LinesCodecError::MaxLineLengthExceeded));
        assert_eq!(log.take(), ["  0 one"]);

        let ends_within_a_frame = [0, 0, 0, 9, b'h', b'a', b'l', b'f'].as_slice();
        let mut frames = FramedRead::new(ends_within_a_frame, LengthDelimitedCodec::new());
        let error = read_frames(&mut frames, &stop, ms(100), ms(150), |_| {}).await.unwrap_err();
        assert_eq!(error.to_string(), "bytes remaining on stream");
    }

    /// asyncio: `readline` and `readexactly` keep what they have when they are cancelled. Tokio: `FramedRead` does.
    #[tokio::test(start_paused = true)]
    async fn half_a_frame_survives_every_heartbeat() {
        let ((mut lines, mut peer), log) = (lines(64), Log::default());
        let pieces = [(5, "o"), (10, "n"), (10, "e"), (10, "\n")];
        let end = read_from(&mut peer, &pieces, &mut lines, (ms(10), ms(50)), log_events(&log)).await;
        assert_eq!(end.unwrap(), End::Idle);
        let frames: Vec<_> = log.take().into_iter().filter(|line| !line.contains("heartbeat")).collect();
        assert_eq!(frames, [" 35 one"]);
    }

    /// Tokio: the future of `read_exact` keeps what it has read, and is dropped when another arm wins.
    #[tokio::test(start_paused = true)]
    async fn but_read_exact_in_a_select_loses_what_it_has_read() {
        let (mut connection, mut peer) = duplex(64);
        let pieces = [(5, "1"), (10, "234"), (10, "5678")];
        let reading = async {
            let mut tick = pin!(sleep(ms(10)));
            loop {
                let mut frame = [0; 4];
                tokio::select! {
                    read = connection.read_exact(&mut frame) => break read.map(|_| frame),
                    () = &mut tick, if !tick.is_elapsed() => {}
                }
            }
        };
        let (frame, ()) = tokio::join!(reading, talk(&mut peer, &pieces));
        assert_eq!(&frame.unwrap(), b"2345", "the 1 is lost, and every frame after it is wrong");
    }

    /// The heartbeat is due each 100 ms, whatever else happens.
    #[tokio::test(start_paused = true)]
    async fn the_heartbeat_keeps_its_pace_under_traffic() {
        let (mut lines, mut peer) = lines(64);
        let (mut frames, mut heartbeats) = (0, 0);
        let count = |event| match event {
            Event::Frame(_) => frames += 1,
            Event::Heartbeat => heartbeats += 1,
        };
        let pieces = [(30, "line\n"); 33];
        let end = read_from(&mut peer, &pieces, &mut lines, (ms(100), ms(40)), count).await;
        assert_eq!((end.unwrap(), frames, heartbeats), (End::Idle, 33, 10));
    }

    /// The hazard: a timer that is made in the loop starts anew with each frame.
    #[tokio::test(start_paused = true)]
    async fn but_a_timer_made_in_the_loop_never_fires_under_traffic() {
        let (sender, mut frames) = mpsc::channel(1);
        let traffic = async move {
            for _ in 0..33 {
                sleep(ms(30)).await;
                sender.send(()).await.unwrap();
            }
        };
        let reading = async {
            let mut heartbeats = 0;
            loop {
                tokio::select! {
                    frame = frames.recv() => if frame.is_none() { break heartbeats },
                    () = sleep(ms(100)) => heartbeats += 1,
                }
            }
        };
        assert_eq!(tokio::join!(reading, traffic).0, 0);
    }

    /// A peer that always has something to say, and time that goes by meanwhile.
    #[tokio::test(start_paused = true)]
    async fn a_busy_peer_starves_neither_the_heartbeat_nor_the_request_to_stop() {
        let ((connection, mut peer), stop) = (duplex(1 << 16), never());
        let mut lines = FramedRead::with_capacity(connection, LinesCodec::new(), 64);
        peer.write_all("line\n".repeat(10_000).as_bytes()).await.unwrap();
        let (mut frames, mut heartbeats) = (0, 0);
        let reading = {
            let mut reading = pin!(read_frames(&mut lines, &stop, ms(100), ms(150), |event| match event {
                Event::Frame(_) => {
                    frames += 1;
                    if frames == 5_000 {
                        stop.cancel();
                    }
                }
                Event::Heartbeat => heartbeats += 1,
            }));
            assert!(poll_once(&mut reading).await.is_none(), "it makes way now and then");
            advance(ms(100)).await;
            reading.await.unwrap()
        };
        assert_eq!((reading, frames, heartbeats), (End::Told, 5_000, 1));
    }

    /// The hazard: in `biased` order the arm that is always ready must not stand first.
    #[tokio::test]
    async fn but_a_busy_arm_that_stands_first_starves_those_below_it() {
        let (busy, stop) = (Semaphore::new(1), never());
        stop.cancel();
        let (mut rounds, mut fair_rounds) = (0, 0);
        while rounds < 10_000 {
            tokio::select! {
                biased;
                _permit = busy.acquire() => rounds += 1,
                () = stop.cancelled() => break,
            }
        }
        assert_eq!(rounds, 10_000, "the request was there all the time");
        loop {
            tokio::select! {
                _permit = busy.acquire() => fair_rounds += 1,
                () = stop.cancelled() => break,
            }
        }
        assert!(fair_rounds < 10_000, "without `biased`, chance takes care of it");
    }

    /// asyncio: a loop of `sleep` and work drifts, and makes up for nothing. Tokio: an `interval` does, unless told not to.
    #[tokio::test(start_paused = true)]
    async fn after_a_pause_the_missed_heartbeats_are_not_made_up_for() {
        let ((mut lines, _peer), log, stop) = (lines(64), Log::default(), never());
        {
            let mut reading = pin!(read_frames(&mut lines, &stop, ms(100), Duration::MAX, log_events(&log)));
            assert!(poll_once(&mut reading).await.is_none());
            sleep(ms(1_050)).await;
            assert!(timeout(ms(120), &mut reading).await.is_err());
        }
        assert_eq!(log.take(), ["1050 heartbeat", "1150 heartbeat"]);
    }

    #[tokio::test(start_paused = true)]
    async fn but_an_interval_makes_up_for_them_in_a_burst() {
        for (behavior, ticks) in
            [(MissedTickBehavior::Burst, 11), (MissedTickBehavior::Delay, 2), (MissedTickBehavior::Skip, 2)]
        {
            let mut interval = interval(ms(100));
            interval.set_missed_tick_behavior(behavior);
            interval.tick().await; // the first is at once
            sleep(ms(1_050)).await;
            let mut counted = 0;
            let counting = async {
                loop {
                    interval.tick().await;
                    counted += 1;
                }
            };
            assert!(timeout(ms(101), counting).await.is_err());
            assert_eq!(counted, ticks, "{behavior:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_in_the_instant_of_the_limit_is_in_time() {
        let ((mut lines, mut peer), log) = (lines(64), Log::default());
        let pieces = [(150, "just in time\n")];
        let end = read_from(&mut peer, &pieces, &mut lines, (Duration::MAX, ms(150)), log_events(&log)).await;
        log.at("end");
        assert_eq!(
            (end.unwrap(), log.take()),
            (End::Idle, vec!["150 just in time".to_owned(), "300 end".to_owned()])
        );
    }

    /// No limit is so short or so long that it spins or panics.
    #[tokio::test(start_paused = true)]
    async fn a_limit_may_be_zero_or_never() {
        let ((mut lines, mut peer), log, stop) = (lines(64), Log::default(), never());
        let end = read_frames(&mut lines, &stop, Duration::MAX, Duration::ZERO, log_events(&log)).await;
        assert_eq!(end.unwrap(), End::Idle);

        let (pieces, mut heartbeats) = ([(5, "one\n")], 0);
        let count = |_heartbeat| {
            heartbeats += 1;
            assert!(heartbeats < 1_000, "it spins");
        };
        let end = read_from(&mut peer, &pieces, &mut lines, (Duration::ZERO, ms(3)), count).await;
        assert_eq!((end.unwrap(), heartbeats), (End::Idle, 3), "a heartbeat each millisecond");

        drop(peer);
        let reading = read_frames(&mut lines, &stop, Duration::MAX, Duration::MAX, log_events(&log));
        assert_eq!(reading.await.unwrap(), End::Closed);
        assert_eq!(log.take(), ["  5 one"]);
    }

    /// asyncio: a cancelled `acquire` is out of the queue at once. Tokio: a future that is kept and not polled is not.
    #[tokio::test(start_paused = true)]
    async fn but_a_future_that_is_left_half_polled_can_hold_a_lock_for_ever() {
        async fn all(is_mended: bool) {
            let lock = Arc::new(tokio::sync::Mutex::new(()));
            let holder = lock.clone().lock_owned().await;
            tokio::spawn(async move {
                sleep(ms(50)).await;
                drop(holder);
            });
            let mut waiting = Some(Box::pin(lock.lock()));
            tokio::select! {
                _guard = waiting.as_mut().unwrap() => {}
                // While this arm runs, `waiting` is handed the lock, and nobody polls it.
                () = sleep(ms(10)) => {
                    if is_mended {
                        waiting = None;
                    }
                    drop(lock.lock().await);
                }
            }
            drop(waiting);
        }
        assert!(timeout(A_YEAR, all(false)).await.is_err(), "a dead-lock");
        assert!(timeout(A_YEAR, all(true)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_thousand_frames_pass_through_in_order() {
        let (connection, mut peer) = duplex(4_096);
        let mut frames = FramedRead::new(connection, LengthDelimitedCodec::new());
        let writing = async move {
            for number in 0..100_000_u32 {
                peer.write_all(&[0, 0, 0, 4]).await.unwrap();
                peer.write_all(&number.to_be_bytes()).await.unwrap();
            }
        };
        let (mut next, stop) = (0_u32, never());
        let in_order = |event: Event<<LengthDelimitedCodec as Decoder>::Item>| {
            if let Event::Frame(frame) = event {
                assert_eq!(frame[..], next.to_be_bytes());
                next += 1;
            }
        };
        let reading = read_frames(&mut frames, &stop, Duration::MAX, Duration::MAX, in_order);
        let (end, ()) = tokio::join!(reading, writing);
        assert_eq!((end.unwrap(), next), (End::Closed, 100_000));
    }

    #[test]
    fn dropped_anywhere_no_frame_is_lost() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (frames, mut peer) = lines(64);
                tokio::spawn(async move {
                    talk(&mut peer, &[(15, "on"), (10, "e\ntw"), (10, "o\nth"), (10, "ree\n")]).await;
                });
                let state = Arc::new((tokio::sync::Mutex::new(frames), Mutex::new(Vec::new())));
                let reader = state.clone();
                (state, async move {
                    let (frames, seen) = &*reader;
                    let see = |event| {
                        if let Event::Frame(line) = event {
                            seen.lock().unwrap().push(line);
                        }
                    };
                    read_frames(&mut *frames.lock().await, &never(), ms(10), ms(100), see).await
                })
            },
            |state, _| {
                let (frames, seen) = &*state;
                let (mut frames, stop) = (frames.try_lock().unwrap(), never());
                let mut seen = std::mem::take(&mut *seen.lock().unwrap());
                let rest = read_frames(&mut *frames, &stop, ms(10), ms(100), |event| {
                    if let Event::Frame(line) = event {
                        seen.push(line);
                    }
                });
                rest.now_or_never();
                assert_eq!(seen, ["one", "two", "three"]);
            },
        );
        assert!(swept.points >= 7);
    }

    #[test]
    fn on_many_threads_each_frame_comes_once_however_often_the_reading_is_dropped() {
        on_many_threads(50, async |mut rng| {
            let (mut frames, mut peer) = lines(rng.usize(1..16));
            let mut turns = rng.fork();
            let writing = tokio::spawn(async move {
                for number in 0..64 {
                    for byte in format!("{number}\n").bytes() {
                        peer.write_all(&[byte]).await.unwrap();
                        if turns.u8(0..4) == 0 {
                            some_turns(&mut turns).await;
                        }
                    }
                }
            });
            let reading = tokio::spawn(async move {
                let (mut seen, stop) = (Vec::new(), never());
                let end = loop {
                    let see = |event| {
                        if let Event::Frame(line) = event {
                            seen.push(line);
                        }
                    };
                    let mut reading = pin!(read_frames(&mut frames, &stop, ms(1), Duration::MAX, see));
                    let polls = rng.u8(1..6);
                    let mut ended = None;
                    for _ in 0..polls {
                        ended = poll_once(&mut reading).await;
                        if ended.is_some() {
                            break;
                        }
                        yield_now().await;
                    }
                    if let Some(ended) = ended {
                        break ended.unwrap();
                    }
                };
                (end, seen)
            });
            let (end, seen) = reading.await.unwrap();
            writing.await.unwrap();
            assert_eq!(end, End::Closed);
            assert_eq!(seen, (0..64).map(|number| number.to_string()).collect::<Vec<_>>());
        });
    }
}

/// A caller may itself be a task: each pattern's future is `Send` when what it runs is.
#[tokio::test(start_paused = true)]
async fn every_pattern_can_run_inside_a_spawned_task() {
    use timeouts::timeout_and_wait::{LateValue, Limits};
    let all = tokio::spawn(async {
        assert_eq!(timeouts::time_limit::time_limit(Some(ms(20)), load("a", 10)).await, Ok("a"));
        let deadline = timeouts::deadline::Deadline::after("request", Some(ms(20)));
        assert_eq!(deadline.run(load("a", 10)).await, Ok(Ok("a")));
        let limits = Limits { time: Some(ms(20)), grace: None, late_value: LateValue::Discard };
        let work = |_stop| async { load("a", 10).await.map(Some) };
        let program = CancellationToken::new();
        assert_eq!(timeouts::timeout_and_wait::timeout_and_wait(&program, limits, work).await, Ok("a"));
        assert_eq!(timeouts::reschedule::Timeout::after(ms(20)).run(load("a", 10)).await, Ok(Ok("a")));
        let task = tokio::spawn(for_ever::<()>());
        assert_eq!(timeouts::abort::abort_and_wait(task).await, timeouts::abort::Ended::Aborted);
        let (sender, mut jobs) = mpsc::channel(1);
        sender.try_send(("a", 10)).unwrap();
        drop(sender);
        let step = async |(name, millis)| load(name, millis).await.map(drop);
        let report =
            timeouts::cooperative::work_until_told(&program, &mut jobs, step, async |_| Ok(())).await;
        assert_eq!(report.unwrap().done, 1);
        assert!(timeouts::cooperative::checksum(&program, ["block"].into_iter()).await.is_ok());
        let task = timeouts::cancel_and_confirm::Task::spawn(None, |stop| async move {
            stop.requested().await;
            Ok::<_, ()>(None::<()>)
        });
        let end = task.cancel_and_wait("enough").await;
        assert!(matches!(
            end,
            timeouts::cancel_and_confirm::Outcome::Cancelled { reason: Some("enough"), .. }
        ));
        let shielded = timeouts::shield::shield(&TaskTracker::new(), load("a", 10), |_failure| {});
        assert_eq!(shielded.await, Ok("a"));
        let (connection, peer) = tokio::io::duplex(8);
        drop(peer);
        let mut lines = tokio_util::codec::FramedRead::new(connection, tokio_util::codec::LinesCodec::new());
        let end = timeouts::select_loop::read_frames(&mut lines, &program, ms(10), ms(20), |_event| {}).await;
        assert_eq!(end.unwrap(), timeouts::select_loop::End::Closed);
    });
    all.await.unwrap();
}

mod binary {
    use super::*;
    use std::process::{Output, Stdio};
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::process::Command;

    /// Without its time.
    fn message(line: &str) -> String {
        line.split_once("s  ").unwrap().1.trim().to_owned()
    }

    /// Runs the demo on real time, sends it Ctrl-C when it has said this, and hands back what it says then.
    async fn interrupted_at(said: &str) -> (Vec<String>, Output) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_timeouts"));
        command.arg("--no-timeline").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut demo = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
        while message(&lines.next_line().await.unwrap().expect("it says so")) != said {}
        let id = demo.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let mut then = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            then.push(message(&line));
        }
        (then, demo.wait_with_output().await.unwrap())
    }

    /// asyncio: Ctrl-C cancels `main`, and with it what it awaits, whose clean-up runs. Here the demo is dropped, which
    /// tells its tasks to stop, and `main` waits for them.
    #[cfg(unix)]
    #[tokio::test]
    async fn ctrl_c_ends_it_when_its_clean_up_is_done() {
        // By then the first session is closed, and the second is open.
        let interrupted = timeout(ms(20_000), interrupted_at("timed out")).await;
        let (then, output) = interrupted.expect("it ends");
        assert_eq!((then.as_slice(), output.status.code()), (["closed".to_owned()].as_slice(), Some(130)));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

mod demo {
    use expect_test::expect_file;
    use timeouts::demo;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/timeouts/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/timeouts/timeline.svg"].assert_eq(&rehearsal.timeline.svg("timeouts"));
    }
}
