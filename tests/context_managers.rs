//! Lessons of `recipes/context_managers`: what asyncio's `async with`, `AsyncExitStack` and `nullcontext` promise, and
//! what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::fmt::Display;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures::FutureExt;
use futures::future::pending;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
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

    fn on_drop(&self, entry: &'static str) -> OnDrop {
        OnDrop(self.clone(), entry)
    }
}

/// Logs when it is dropped.
struct OnDrop(Log, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
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
}

/// A panic that the panic hook does not print.
fn panics<T>() -> T {
    resume_unwind(Box::new("a panic"))
}

/// Waits until everything that `cleanups` knows of is over.
async fn all_over(cleanups: &TaskTracker) {
    cleanups.close();
    cleanups.wait().await;
}

/// Runs `round` for each seed on a runtime of four threads.
fn on_many_threads(rounds: u64, round: impl AsyncFn(Rng)) {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    for seed in 0..rounds {
        runtime.block_on(round(Rng::with_seed(seed)));
    }
}

/// Yields up to four times: where others run meanwhile is a matter of chance.
async fn some_turns(mut rng: Rng) {
    for _ in 0..rng.u8(0..5) {
        yield_now().await;
    }
}

mod drop_guard {
    use super::*;
    use context_managers::drop_guard::{Seats, book, unless_busy};
    use futures::{StreamExt, stream};
    use std::sync::atomic::AtomicBool;

    /// Python: `with` runs `__exit__` at the end of the block. Rust: a value is dropped there.
    #[test]
    fn a_seat_is_free_again_when_its_value_is_dropped() {
        let seats = Seats::new([1, 2]);
        {
            let _seat = seats.take().unwrap();
            assert_eq!(seats.free(), 1);
        }
        assert_eq!(seats.free(), 2);
        assert_eq!(seats.take().unwrap().keep(), 1);
        assert_eq!(seats.free(), 1, "the one that was kept is gone for good");
    }

    /// asyncio: a success, an exception and a cancellation all pass through `__exit__`. Rust: all of them drop.
    #[tokio::test(start_paused = true)]
    async fn an_error_a_panic_and_a_cancellation_all_give_the_seat_back() {
        let seats = Arc::new(Seats::new([7]));
        assert_eq!(book(&seats, async { Err("no money") }).await, Err("no money"));
        assert_eq!(seats.free(), 1);

        let panicked = tokio::spawn({
            let seats = seats.clone();
            async move { book(&seats, async { panics::<Result<(), ()>>() }).await }
        });
        assert!(panicked.await.unwrap_err().is_panic());
        assert_eq!(seats.free(), 1);

        assert!(timeout(ms(10), book(&seats, pending::<Result<(), ()>>())).await.is_err());
        assert_eq!(seats.free(), 1);

        assert_eq!(book(&seats, async { Ok::<_, ()>(()) }).await, Ok(Some(7)));
        assert_eq!(book(&seats, async { Ok::<_, ()>(()) }).await, Ok(None), "no seat is left");
    }

    /// Cancelled at any point, a seat is free or sold, and not lost.
    #[test]
    fn a_cancelled_booking_loses_no_seat() {
        let swept = cancel_sweep::sweep_with(
            || {
                let seats = Arc::new(Seats::new([7]));
                let booking = seats.clone();
                (seats, async move { book(&booking, sleep(ms(100)).map(Ok::<_, ()>)).await })
            },
            |seats, outcome| {
                let sold = usize::from(matches!(outcome, cancel_sweep::Outcome::Finished(_)));
                assert_eq!(seats.free() + sold, 1);
            },
        );
        assert_eq!(swept.points, 1);
    }

    /// The hazard: between two awaits the program may end there. What is half done stays half done.
    #[tokio::test(start_paused = true)]
    async fn but_without_a_guard_a_cancellation_leaves_things_half_done() {
        let free = Count::default();
        let without_a_guard = async {
            let taken = free.clone();
            sleep(ms(100)).await;
            taken.add();
        };
        assert!(timeout(ms(50), without_a_guard).await.is_err());
        assert_eq!(free.get(), 0, "nobody gave it back");
    }

    /// asyncio: `async with a, b:` exits `b` first. Rust: locals are dropped in the reverse order.
    #[tokio::test(start_paused = true)]
    async fn locals_are_dropped_last_one_first() {
        let log = Log::default();
        let two = async {
            let _a = log.on_drop("a");
            let _b = log.on_drop("b");
            pending::<()>().await;
        };
        assert!(timeout(ms(10), two).await.is_err());
        assert_eq!(log.take(), ["b", "a"]);
    }

    /// The hazard: the fields of a struct are dropped in the order of their declaration.
    #[test]
    fn but_fields_are_dropped_first_one_first() {
        struct Both {
            _a: OnDrop,
            _b: OnDrop,
        }
        let log = Log::default();
        drop(Both { _b: log.on_drop("b"), _a: log.on_drop("a") });
        assert_eq!(log.take(), ["a", "b"]);
    }

    /// The hazard: `_` is no variable, so nothing keeps the value.
    #[test]
    fn an_underscore_drops_at_once_and_a_name_at_the_end() {
        let log = Log::default();
        {
            #[expect(let_underscore_drop, reason = "the lesson")]
            let _ = log.on_drop("dropped");
            log.add("the work");
        }
        assert_eq!(log.take(), ["dropped", "the work"]);
        {
            let _kept = log.on_drop("dropped");
            log.add("the work");
        }
        assert_eq!(log.take(), ["the work", "dropped"]);
    }

    /// asyncio: `aclosing(generator)` closes a generator that is left early. Rust: the stream is dropped, with all
    /// that it holds.
    #[tokio::test]
    async fn a_stream_that_is_left_early_releases_what_it_holds_at_once() {
        let log = Log::default();
        let rows = stream::unfold((0, log.on_drop("connection")), async |(row, connection)| {
            Some((row, (row + 1, connection)))
        });
        let found = async {
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.next().await {
                if row == 2 {
                    return Err("row 2 is bad");
                }
            }
            Ok(())
        };
        assert_eq!(found.await, Err("row 2 is bad"));
        assert_eq!(log.take(), ["connection"]);
    }

    /// Python: `__aexit__` awaits. Rust: `drop` is no async function, and to block in it is not allowed either.
    #[tokio::test]
    async fn drop_cannot_wait_for_anything() {
        struct Flushed(Arc<Mutex<Option<String>>>);
        impl Drop for Flushed {
            fn drop(&mut self) {
                let blocked = std::panic::catch_unwind(|| Handle::current().block_on(yield_now()));
                let panic = blocked.unwrap_err();
                *self.0.lock().unwrap() = panic.downcast_ref::<&str>().map(ToString::to_string);
            }
        }
        let told = Arc::new(Mutex::new(None));
        drop(Flushed(told.clone()));
        let told = told.lock().unwrap().take().unwrap();
        assert!(told.starts_with("Cannot start a runtime from within a runtime"), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_second_does_not_wait_and_does_not_work() {
        let busy = AtomicBool::new(false);
        let first = unless_busy(&busy, sleep(ms(100)));
        let second = unless_busy(&busy, async { unreachable!("the first one is at work") });
        let (first, second) = tokio::join!(first, second.map(|second: Option<()>| (second, Instant::now())));
        assert_eq!((first, second.0), (Some(()), None));
        assert_eq!(second.1.elapsed(), ms(100));
        assert_eq!(unless_busy(&busy, async { 5 }).await, Some(5));
    }

    /// Cancelled at any point, nobody is left busy.
    #[test]
    fn cancelled_work_leaves_nobody_busy() {
        let swept = cancel_sweep::sweep_with(
            || {
                let busy = Arc::new(AtomicBool::new(false));
                let at_work = busy.clone();
                (busy, async move { unless_busy(&at_work, sleep(ms(100))).await })
            },
            |busy, _| assert!(!busy.load(SeqCst)),
        );
        assert_eq!(swept.points, 1);
    }

    /// 100 rounds of 32 bookings of 8 seats on four threads; a third pays, a third fails, a third is aborted.
    #[test]
    fn on_many_threads_no_seat_is_lost_or_sold_twice() {
        on_many_threads(100, async |mut rng| {
            let seats = Arc::new(Seats::new(0..8));
            let mut bookings = JoinSet::new();
            for _ in 0..32 {
                let (seats, rng, fate) = (seats.clone(), rng.fork(), rng.u8(0..3));
                let booking = bookings.spawn(async move {
                    let pay = some_turns(rng).map(|()| if fate == 0 { Ok(()) } else { Err(()) });
                    book(&seats, pay).await.ok().flatten()
                });
                if fate == 2 {
                    booking.abort();
                }
            }
            let mut sold = Vec::new();
            while let Some(booking) = bookings.join_next().await {
                sold.extend(booking.ok().flatten());
            }
            let count = sold.len();
            sold.sort_unstable();
            sold.dedup();
            assert_eq!((sold.len(), seats.free()), (count, 8 - count));
        });
    }
}

mod scope {
    use super::*;
    use context_managers::scope::{Outcome, ScopeError, with};

    fn told<T, E>(outcome: &Outcome<T, E>) -> &'static str {
        match outcome {
            Outcome::Ok(_) => "a success",
            Outcome::Err(_) => "an error",
            Outcome::Panicked(_) => "a panic",
            Outcome::Cancelled => "a cancellation",
        }
    }

    /// Takes 10 ms to open and 100 ms to close, and logs both.
    async fn logged<T: Send + 'static>(
        cleanups: &TaskTracker,
        log: &Log,
        body: impl AsyncFnOnce() -> Result<T, &'static str>,
    ) -> Result<T, ScopeError<&'static str>> {
        let enter = async {
            sleep(ms(10)).await;
            log.at("open");
            Ok(log.clone())
        };
        with(
            cleanups,
            enter,
            async |_, _| body().await,
            |log, outcome| {
                async move {
                    log.at(format_args!("clean-up after {}", told(outcome)));
                    sleep(ms(100)).await;
                    log.at("closed");
                    Ok(())
                }
                .boxed()
            },
        )
        .await
    }

    /// Enters at once, logs the outcome, and lets `change` have it.
    async fn changed<T: Send + 'static>(
        body: impl AsyncFnOnce() -> Result<T, &'static str>,
        change: impl FnOnce(&mut Outcome<T, &'static str>) -> Result<(), &'static str> + Send + 'static,
    ) -> Result<T, ScopeError<&'static str>> {
        let cleanups = TaskTracker::new();
        with(
            &cleanups,
            async { Ok(()) },
            async |(), _| body().await,
            |(), outcome| async move { change(outcome) }.boxed(),
        )
        .await
    }

    /// asyncio: enter, body, exit run in this order, and the caller goes on after the exit. Tokio: the same.
    #[tokio::test(start_paused = true)]
    async fn enter_body_and_clean_up_run_in_this_order_and_all_of_them_await() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let value = logged(&cleanups, &log, async || {
            sleep(ms(50)).await;
            log.at("body");
            Ok(5)
        });
        assert_eq!(value.await, Ok(5));
        log.at("caller");
        let expected = [" 10 open", " 60 body", " 60 clean-up after a success", "160 closed", "160 caller"];
        assert_eq!(log.take(), expected);
    }

    /// asyncio: the exit runs after an exception, and the exception goes on.
    #[tokio::test(start_paused = true)]
    async fn after_an_error_the_clean_up_runs_and_the_error_goes_on() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let failed = logged(&cleanups, &log, async || {
            sleep(ms(50)).await;
            // What `?` does, too.
            if log.0.0.elapsed() == ms(60) {
                return Err("disk full");
            }
            Ok(())
        });
        assert_eq!(failed.await, Err(ScopeError::Body("disk full")));
        assert_eq!(log.take(), [" 10 open", " 60 clean-up after an error", "160 closed"]);
    }

    /// asyncio: an unexpected exception passes through the exit. Tokio: so does a panic.
    #[tokio::test(start_paused = true)]
    async fn after_a_panic_the_clean_up_runs_and_the_panic_goes_on() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let panicked = tokio::spawn({
            let log = log.clone();
            async move { logged(&cleanups, &log, async || panics::<Result<(), _>>()).await }
        });
        let panic = panicked.await.unwrap_err().into_panic();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "a panic");
        log.at("caller");
        assert_eq!(log.take(), [" 10 open", " 10 clean-up after a panic", "110 closed", "110 caller"]);
    }

    /// asyncio: a timeout, a `cancel()` and a lost race all cancel, and the exit runs. Tokio: all of them drop.
    #[tokio::test(start_paused = true)]
    async fn after_a_timeout_an_abort_and_a_lost_select_the_clean_up_runs() {
        async fn forever() -> Result<(), &'static str> {
            pending().await
        }
        let expected = [" 10 open", " 50 clean-up after a cancellation", "150 closed"];

        let (log, cleanups) = (Log::default(), TaskTracker::new());
        assert!(timeout(ms(50), logged(&cleanups, &log, forever)).await.is_err());
        all_over(&cleanups).await;
        assert_eq!(log.take(), expected);

        let (log, cleanups) = (Log::default(), TaskTracker::new());
        tokio::select! {
            _ = logged(&cleanups, &log, forever) => unreachable!("it is for ever"),
            () = sleep(ms(50)) => {}
        }
        all_over(&cleanups).await;
        assert_eq!(log.take(), expected);

        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let task = tokio::spawn({
            let (log, cleanups) = (log.clone(), cleanups.clone());
            async move { logged(&cleanups, &log, forever).await }
        });
        sleep(ms(50)).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        all_over(&cleanups).await;
        assert_eq!(log.take(), expected);
    }

    /// The hazard: a `close().await` at the end of the block is code like any other, and is passed by.
    #[tokio::test(start_paused = true)]
    async fn but_a_close_at_the_end_of_the_block_is_skipped() {
        async fn with_a_close(log: Log, body: impl Future<Output = Result<(), ()>>) -> Result<(), ()> {
            body.await?;
            sleep(ms(10)).await;
            log.add("closed");
            Ok(())
        }
        let log = Log::default();
        assert_eq!(with_a_close(log.clone(), async { Ok(()) }).await, Ok(()));
        assert_eq!(log.take(), ["closed"], "so it looked right");

        assert_eq!(with_a_close(log.clone(), async { Err(()) }).await, Err(()));
        assert!(timeout(ms(50), with_a_close(log.clone(), pending())).await.is_err());
        assert!(timeout(ms(5), with_a_close(log.clone(), async { Ok(()) })).await.is_err());
        assert!(tokio::spawn(with_a_close(log.clone(), async { panics() })).await.unwrap_err().is_panic());
        let task = tokio::spawn(with_a_close(log.clone(), pending()));
        yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(log.take().is_empty());
    }

    /// asyncio: when entering fails or is cancelled, there is no exit. Tokio: the same.
    #[tokio::test(start_paused = true)]
    async fn what_was_not_entered_is_not_cleaned_up() {
        let cleanups = TaskTracker::new();
        let entered = with(
            &cleanups,
            async { Err::<(), _>("refused") },
            async |(), _| -> Result<(), _> { unreachable!("it was not entered") },
            |(), _| unreachable!("it was not entered"),
        );
        assert_eq!(entered.await, Err(ScopeError::Body("refused")));

        let log = Log::default();
        assert!(timeout(ms(5), logged(&cleanups, &log, async || Ok(()))).await.is_err());
        all_over(&cleanups).await;
        assert!(log.take().is_empty());
    }

    /// asyncio: a true value from `__aexit__` suppresses the exception. Tokio: the clean-up puts a value in its place.
    #[tokio::test]
    async fn the_clean_up_may_suppress_an_error() {
        let value = changed(
            async || Err("not found"),
            |outcome| {
                if matches!(outcome, Outcome::Err("not found")) {
                    *outcome = Outcome::Ok(0);
                }
                Ok(())
            },
        );
        assert_eq!(value.await, Ok(0));
    }

    /// asyncio: an exception raised in the exit takes the place of the first.
    #[tokio::test]
    async fn the_clean_up_may_put_another_error_in_its_place() {
        let value = changed(
            async || Err::<(), _>("errno 28"),
            |outcome| {
                *outcome = Outcome::Err("disk full");
                Ok(())
            },
        );
        assert_eq!(value.await, Err(ScopeError::Body("disk full")));
    }

    #[tokio::test]
    async fn the_clean_up_may_make_an_error_of_a_panic_and_of_a_value() {
        let value = changed(
            async || panics::<Result<(), _>>(),
            |outcome| {
                assert!(matches!(outcome, Outcome::Panicked(_)));
                *outcome = Outcome::Err("it panicked");
                Ok(())
            },
        );
        assert_eq!(value.await, Err(ScopeError::Body("it panicked")));

        let value = changed(
            async || Ok(5),
            |outcome| {
                *outcome = Outcome::Err("too late");
                Ok(())
            },
        );
        assert_eq!(value.await, Err(ScopeError::Body("too late")));

        let value = changed(
            async || Ok(5),
            |outcome| {
                *outcome = Outcome::Cancelled;
                Ok(())
            },
        );
        assert_eq!(value.await, Err(ScopeError::Cancelled));
    }

    /// asyncio: `__aexit__` may swallow the cancellation, and the task goes on after the block. Tokio: a dropped future
    /// is gone. Whatever the clean-up makes of the outcome, nobody gets it.
    #[tokio::test]
    async fn but_it_cannot_take_back_a_cancellation() {
        let log = Log::default();
        let task = tokio::spawn({
            let log = log.clone();
            async move {
                let value = changed(
                    async || pending().await,
                    |outcome| {
                        *outcome = Outcome::Ok(());
                        Ok(())
                    },
                );
                log.add(format_args!("the caller goes on: {:?}", value.await));
            }
        });
        yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        yield_now().await;
        assert!(log.take().is_empty());
    }

    /// asyncio: an exception in the exit has that of the body as its `__context__`. Tokio: both are in the error.
    #[tokio::test]
    async fn the_errors_of_body_and_clean_up_are_both_reported() {
        let value = changed(async || Ok(5), |_| Err("not saved"));
        assert_eq!(value.await, Err(ScopeError::CleanUp("not saved")));

        let value = changed(async || Err::<(), _>("disk full"), |_| Err("not saved")).await;
        assert_eq!(value, Err(ScopeError::Both { body: "disk full", clean_up: "not saved" }));
        assert_eq!(value.unwrap_err().to_string(), "disk full; and the clean-up failed: not saved");

        let value = changed(
            async || Err("disk full"),
            |outcome| {
                *outcome = Outcome::Ok(0);
                Err("not saved")
            },
        );
        assert_eq!(value.await, Err(ScopeError::CleanUp("not saved")), "the first one is suppressed");

        let value = changed(
            async || Ok(5),
            |outcome| {
                *outcome = Outcome::Cancelled;
                Err("not saved")
            },
        );
        assert_eq!(value.await, Err(ScopeError::CleanUp("not saved")));
    }

    /// A panic must not hide an error that the caller acts on; the panic hook has told of it.
    #[tokio::test]
    async fn a_panic_in_the_clean_up_goes_on_unless_the_body_failed() {
        let task = tokio::spawn(changed(async || Ok(5), |_| panics()));
        assert!(task.await.unwrap_err().is_panic());

        let value = changed(async || Err::<(), _>("disk full"), |_| panics());
        assert_eq!(value.await, Err(ScopeError::Body("disk full")));

        let task = tokio::spawn(changed(async || panics::<Result<(), _>>(), |_| Err("not heard")));
        let panic = task.await.unwrap_err().into_panic();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "a panic");
    }

    /// A closure that panics before it has made its future does as one that panics later.
    #[tokio::test]
    async fn a_clean_up_that_panics_before_its_first_await_is_caught_too() {
        let cleanups = TaskTracker::new();
        let value =
            with(&cleanups, async { Ok(()) }, async |(), _| Err::<(), _>("disk full"), |(), _| panics());
        assert_eq!(value.await, Err(ScopeError::Body("disk full")));
    }

    /// asyncio: whoever awaits a cancelled task gets the exception of the exit. Tokio: after an abort nobody does.
    #[tokio::test]
    async fn after_a_cancellation_nobody_hears_the_error_of_the_clean_up() {
        let ran = Count::default();
        let task = tokio::spawn({
            let ran = ran.clone();
            changed(
                async || pending::<Result<(), _>>().await,
                move |_| {
                    ran.add();
                    Err("not saved")
                },
            )
        });
        yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        yield_now().await;
        assert_eq!(ran.get(), 1, "it has to log its errors itself");
    }

    /// asyncio: a timeout raises when the exit is over. Tokio: it fires on time, and the clean-up runs on.
    #[tokio::test(start_paused = true)]
    async fn a_timeout_does_not_wait_for_the_clean_up() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        assert!(
            timeout(ms(50), logged(&cleanups, &log, async || pending::<Result<(), _>>().await))
                .await
                .is_err()
        );
        log.at("caller");
        all_over(&cleanups).await;
        log.at("all over");
        let expected =
            [" 10 open", " 50 caller", " 50 clean-up after a cancellation", "150 closed", "150 all over"];
        assert_eq!(log.take(), expected);
    }

    /// asyncio: after a cancellation the exit may await, also under a timeout of its own.
    #[tokio::test(start_paused = true)]
    async fn the_clean_up_may_have_a_timeout_of_its_own() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let scope = with(
            &cleanups,
            async { Ok(log.clone()) },
            async |_, _| pending::<Result<(), ()>>().await,
            |log, _| {
                async move {
                    log.at(if timeout(ms(30), pending::<()>()).await.is_err() {
                        "gave up"
                    } else {
                        "closed"
                    });
                    Ok(())
                }
                .boxed()
            },
        );
        assert!(timeout(ms(50), scope).await.is_err());
        all_over(&cleanups).await;
        assert_eq!(log.take(), [" 80 gave up"]);
    }

    /// asyncio: a second `cancel()` ends the first await in the exit, and the rest of it is skipped; `shield` is the
    /// way out. Tokio: the clean-up is a task of its own, so the second cancellation ends only the waiting.
    #[tokio::test(start_paused = true)]
    async fn a_second_cancellation_during_the_clean_up_does_not_cut_it_short() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let task = tokio::spawn({
            let (log, cleanups) = (log.clone(), cleanups.clone());
            // The first end: an error. The caller now waits for the clean-up.
            async move { logged(&cleanups, &log, async || Err::<(), _>("cancelled by a token")).await }
        });
        sleep(ms(50)).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        log.at("gone");
        all_over(&cleanups).await;
        assert_eq!(log.take(), [" 10 open", " 10 clean-up after an error", " 50 gone", "110 closed"]);

        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let task = tokio::spawn({
            let (log, cleanups) = (log.clone(), cleanups.clone());
            async move { logged(&cleanups, &log, async || pending::<Result<(), _>>().await).await }
        });
        for _ in 0..3 {
            sleep(ms(30)).await;
            task.abort();
        }
        all_over(&cleanups).await;
        assert_eq!(log.take(), [" 10 open", " 30 clean-up after a cancellation", "130 closed"]);
    }

    /// An outer scope and one inside of it, each with 100 ms of clean-up.
    async fn nested(cleanups: TaskTracker, log: Log, body: impl Future<Output = Result<(), &'static str>>) {
        let ended = with(
            &cleanups,
            async { Ok(log.clone()) },
            async |log, inside| {
                let inner = with(
                    inside,
                    async { Ok(log.clone()) },
                    async |_, _| body.await,
                    |log, _| {
                        async move {
                            sleep(ms(100)).await;
                            log.at("inner closed");
                            Ok(())
                        }
                        .boxed()
                    },
                );
                inner.await.map_err(|_| "inner")
            },
            |log, _| {
                async move {
                    log.at("outer begins");
                    sleep(ms(100)).await;
                    log.at("outer closed");
                    Ok(())
                }
                .boxed()
            },
        );
        let _told_in_the_log = ended.await;
    }

    /// asyncio: `async with a, b:` exits `b`, and then `a`, also when it is cancelled.
    #[tokio::test(start_paused = true)]
    async fn a_nested_scope_is_cleaned_up_before_the_one_around_it() {
        let expected = ["inner closed", "outer begins", "outer closed"];
        let at = |start: u64| {
            let times = [start + 100, start + 100, start + 200];
            times.iter().zip(expected).map(|(at, entry)| format!("{at:>3} {entry}")).collect::<Vec<_>>()
        };
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        nested(cleanups.clone(), log.clone(), async { Ok(()) }).await;
        assert_eq!(log.take(), at(0));

        let (log, cleanups) = (Log::default(), TaskTracker::new());
        assert!(timeout(ms(50), nested(cleanups.clone(), log.clone(), pending())).await.is_err());
        all_over(&cleanups).await;
        assert_eq!(log.take(), at(50));

        // While the inner clean-up runs.
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        assert!(timeout(ms(50), nested(cleanups.clone(), log.clone(), async { Err("bad") })).await.is_err());
        all_over(&cleanups).await;
        assert_eq!(log.take(), at(0));
    }

    /// The hazard: two scopes on one tracker know nothing of each other.
    #[tokio::test(start_paused = true)]
    async fn but_two_scopes_on_one_tracker_are_cleaned_up_side_by_side() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let body = async || {
            let inner = logged(&cleanups, &log, async || pending::<Result<(), _>>().await);
            inner.await.map_err(|_| "inner")
        };
        assert!(timeout(ms(50), logged(&cleanups, &log, body)).await.is_err());
        all_over(&cleanups).await;
        let both = [
            " 50 clean-up after a cancellation",
            " 50 clean-up after a cancellation",
            "150 closed",
            "150 closed",
        ];
        assert_eq!(log.take(), [&[" 10 open", " 20 open"], &both[..]].concat());
    }

    /// asyncio: `@asynccontextmanager` makes one of a generator, which may then decorate a function
    /// (`AsyncContextDecorator`). Tokio: a function that takes the body is both.
    #[tokio::test(start_paused = true)]
    async fn a_function_that_takes_the_body_is_a_context_manager() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let lines = vec!["a", "b"];
        // The body borrows from its caller, and changes what it borrows.
        let mut sum = 0;
        let size = logged(&cleanups, &log, async || {
            for line in &lines {
                sleep(ms(1)).await;
                sum += line.len();
            }
            Ok(lines.len())
        });
        assert_eq!(size.await, Ok(2));
        assert_eq!(sum, 2);

        let decorated = async |text: &str| logged(&cleanups, &log, async || Ok(text.len())).await;
        assert_eq!(decorated("hello").await, Ok(5));
    }

    /// asyncio: `contextlib.suppress` is a context manager. Rust: an error is a value, so it is a `match`.
    #[tokio::test(start_paused = true)]
    async fn to_suppress_an_error_outside_no_manager_is_needed() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let value = match logged(&cleanups, &log, async || Err("not found")).await {
            Err(ScopeError::Body("not found")) => Ok(0),
            other => other,
        };
        assert_eq!(value, Ok(0));
    }

    /// A caller may itself be a task, on any thread, and the body may await while it borrows.
    #[tokio::test(start_paused = true)]
    async fn a_scope_can_run_inside_a_spawned_task() {
        let task = tokio::spawn(async {
            let (log, cleanups) = (Log::default(), TaskTracker::new());
            let name = String::from("shop");
            let scope = with(
                &cleanups,
                async { Ok::<_, ()>(String::new()) },
                async |resource, _| {
                    sleep(ms(1)).await;
                    resource.push_str(&name);
                    Ok(resource.len())
                },
                |_, _| async { Ok(()) }.boxed(),
            );
            (scope.await, logged(&cleanups, &log, async || Ok(5)).await)
        });
        assert_eq!(task.await.unwrap(), (Ok(4), Ok(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_that_are_cancelled_at_once_are_all_cleaned_up() {
        let (cleanups, closed, start) = (TaskTracker::new(), Count::default(), Instant::now());
        let mut tasks = JoinSet::new();
        for _ in 0..10_000 {
            let (cleanups, closed) = (cleanups.clone(), closed.clone());
            tasks.spawn(async move {
                with(
                    &cleanups,
                    async { Ok(closed) },
                    async |_, _| pending::<Result<(), ()>>().await,
                    |closed, _| sleep(ms(100)).map(move |()| closed.add()).map(Ok).boxed(),
                )
                .await
            });
        }
        // On one thread a sleep is over when every task has been polled.
        sleep(ms(1)).await;
        tasks.shutdown().await;
        all_over(&cleanups).await;
        assert_eq!((closed.get(), start.elapsed()), (10_000, ms(101)));
    }

    /// Cancelled at any point, entering, the body or the clean-up of either: both are cleaned up exactly once, whole,
    /// and the inner one first.
    #[test]
    fn cancelled_at_any_point_each_scope_is_cleaned_up_once_and_in_order() {
        type Body = fn() -> futures::future::BoxFuture<'static, Result<(), &'static str>>;
        let bodies: [Body; 2] =
            [|| sleep(ms(10)).map(Ok).boxed(), || sleep(ms(10)).map(|()| Err("bad")).boxed()];
        for body in bodies {
            let swept = cancel_sweep::sweep_with(
                || {
                    let log = Log::default();
                    (log.clone(), nested(TaskTracker::new(), log, body()))
                },
                |log, outcome| {
                    let entries: Vec<_> = log.take().iter().map(|entry| entry[4..].to_owned()).collect();
                    match outcome {
                        cancel_sweep::Outcome::Cancelled(cancel_sweep::At { suspension: 0, .. }) => {
                            assert!(entries.is_empty());
                        }
                        _ => assert_eq!(entries, ["inner closed", "outer begins", "outer closed"]),
                    }
                },
            );
            assert_eq!(swept.points, 3, "the body, the inner clean-up, the outer one");
        }
    }

    /// The same for one whose entering and whose clean-up suspend several times, in each of its ends.
    #[test]
    fn cancelled_at_any_point_what_was_opened_is_closed_once() {
        async fn steps(n: u64) {
            for _ in 0..n {
                sleep(ms(10)).await;
            }
        }
        for fails in [false, true] {
            let swept = cancel_sweep::sweep_with(
                || {
                    let (opened, closed) = (Count::default(), Count::default());
                    let state = (opened.clone(), closed.clone());
                    let cleanups = TaskTracker::new();
                    let enter = async move {
                        steps(3).await;
                        opened.add();
                        Ok(closed)
                    };
                    let body = async move |_: &mut Count, _: &TaskTracker| {
                        steps(3).await;
                        if fails { Err("bad") } else { Ok(()) }
                    };
                    let scope = async move {
                        with(&cleanups, enter, body, |closed, _| {
                            steps(3).map(move |()| closed.add()).map(Ok).boxed()
                        })
                        .await
                    };
                    (state, scope)
                },
                |(opened, closed), _| assert_eq!(opened.get(), closed.get()),
            );
            assert_eq!(swept.points, 7, "three to enter, three of the body, one wait for the clean-up");
        }
    }

    /// 200 rounds of 24 pairs of scopes, one inside the other, on four threads. Each ends in its own way, most are
    /// aborted somewhere, many of them twice.
    #[test]
    fn on_many_threads_each_scope_is_cleaned_up_once_and_in_order() {
        /// Opened, closed.
        type Pair = [Count; 2];

        async fn pair(
            cleanups: TaskTracker,
            mut rng: Rng,
            outer: Pair,
            inner: Pair,
        ) -> Result<(), ScopeError<()>> {
            let ends = [rng.u8(0..4), rng.u8(0..4)];
            let rngs = [(); 5].map(|()| rng.fork());
            let inner_for_check = inner.clone();
            let [r0, r1, r2, r3, r4] = rngs;
            let ended = async |kind| match kind {
                0 => Ok(()),
                1 => Err(()),
                2 => panics(),
                _ => pending().await,
            };
            with(
                &cleanups,
                async {
                    some_turns(r0).await;
                    outer[0].add();
                    Ok(outer[1].clone())
                },
                async |_, inside| {
                    let scope = with(
                        inside,
                        async {
                            some_turns(r1).await;
                            inner[0].add();
                            Ok(inner[1].clone())
                        },
                        async |_, _| {
                            some_turns(r2).await;
                            ended(ends[0]).await
                        },
                        |closed, _| some_turns(r3).map(move |()| closed.add()).map(Ok).boxed(),
                    );
                    scope.await.map_err(|_| ())?;
                    ended(ends[1]).await
                },
                move |closed, _| {
                    let [opened, inner_closed] = inner_for_check;
                    assert_eq!(opened.get(), inner_closed.get(), "the inner one is closed before");
                    some_turns(r4).map(move |()| closed.add()).map(Ok).boxed()
                },
            )
            .await
        }

        on_many_threads(200, async |mut rng| {
            let cleanups = TaskTracker::new();
            let mut tasks = JoinSet::new();
            let mut counts = Vec::new();
            for _ in 0..24 {
                let (outer, inner) = (Pair::default(), Pair::default());
                counts.extend([outer.clone(), inner.clone()]);
                let task = tasks.spawn(pair(cleanups.clone(), rng.fork(), outer, inner));
                let turns = [rng.fork(), rng.fork()];
                tasks.spawn(async move {
                    for turns in turns {
                        some_turns(turns).await;
                        task.abort();
                    }
                    Ok(())
                });
            }
            while tasks.join_next().await.is_some() {}
            all_over(&cleanups).await;
            for [opened, closed] in counts {
                assert!(opened.get() <= 1);
                assert_eq!(opened.get(), closed.get());
            }
        });
    }
}

mod drain {
    use super::*;
    use context_managers::drain::{StillOpen, drain, run_and_drain};
    use context_managers::scope::{ScopeError, with};

    /// A scope whose body never ends and whose clean-up takes 100 ms.
    async fn open_scope(cleanups: TaskTracker, log: Log) -> Result<(), ScopeError<()>> {
        with(
            &cleanups,
            async { Ok(log.on_drop("dropped")) },
            async |_, _| pending().await,
            |resource, _| {
                async move {
                    sleep(ms(100)).await;
                    resource.0.add("closed");
                    Ok(())
                }
                .boxed()
            },
        )
        .await
    }

    /// asyncio: `asyncio.run` cancels the tasks that are left and waits for their exits. Tokio: a runtime that ends
    /// drops its tasks, clean-ups too. What the resource's own `Drop` does is all that is done.
    #[test]
    fn without_it_the_clean_up_is_lost_when_the_runtime_ends() {
        let log = Log::default();
        for drained in [false, true] {
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let cleanups = TaskTracker::new();
                let task = tokio::spawn(open_scope(cleanups.clone(), log.clone()));
                sleep(ms(10)).await;
                task.abort();
                if drained {
                    assert_eq!(drain(&cleanups, ms(1_000)).await, Ok(()));
                }
            });
            drop(runtime);
            let expected = if drained { &["closed", "dropped"][..] } else { &["dropped"] };
            assert_eq!(log.take(), expected);
        }
    }

    /// The same for a scope that is open when the runtime ends: its clean-up cannot start any more.
    #[test]
    fn a_scope_that_is_open_when_the_runtime_ends_is_not_cleaned_up() {
        for threads in [0, 2] {
            let log = Log::default();
            let mut builder =
                if threads == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
            let runtime = builder.worker_threads(threads.max(1)).enable_time().build().unwrap();
            let cleanups = TaskTracker::new();
            let (entered, is_entered) = oneshot::channel();
            runtime.spawn({
                let (cleanups, log) = (cleanups.clone(), log.clone());
                async move {
                    with(
                        &cleanups,
                        async { Ok(log.on_drop("dropped")) },
                        async |_, _| {
                            entered.send(()).unwrap();
                            pending::<Result<(), ()>>().await
                        },
                        |_, _| unreachable!("there is no runtime any more"),
                    )
                    .await
                }
            });
            runtime.block_on(is_entered).unwrap();
            drop(runtime);
            assert_eq!(log.take(), ["dropped"]);
            assert!(cleanups.is_empty());
        }
    }

    /// A task that is aborted still runs for a moment. Its scope counts from the start, so nothing is missed.
    #[tokio::test(start_paused = true)]
    async fn a_scope_that_an_abort_has_not_reached_yet_is_waited_for() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let (task, start) = (tokio::spawn(open_scope(cleanups.clone(), log.clone())), Instant::now());
        yield_now().await;
        task.abort();
        assert!(!task.is_finished());
        assert_eq!(drain(&cleanups, ms(1_000)).await, Ok(()));
        assert_eq!(
            (log.take().as_slice(), start.elapsed()),
            (["closed", "dropped"].map(String::from).as_slice(), ms(100))
        );
    }

    /// What is being opened now has to be closed later, so it counts already.
    #[tokio::test(start_paused = true)]
    async fn a_scope_that_still_enters_is_waited_for() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let scope = tokio::spawn({
            let (log, cleanups) = (log.clone(), cleanups.clone());
            async move {
                let enter = sleep(ms(50)).map(Ok::<_, ()>);
                let clean_up = async move { log.at("closed") }.map(Ok);
                with(&cleanups, enter, async |_, _| Ok(()), |_, _| clean_up.boxed()).await
            }
        });
        yield_now().await;
        assert_eq!(drain(&cleanups, ms(1_000)).await, Ok(()));
        log.at("drained");
        assert_eq!(scope.await.unwrap(), Ok(()));
        assert_eq!(log.take(), [" 50 closed", " 50 drained"]);
    }

    /// asyncio: `asyncio.run` waits for ever. Tokio: you say how long.
    #[tokio::test(start_paused = true)]
    async fn what_is_left_when_the_grace_period_is_over_is_counted() {
        let (log, cleanups) = (Log::default(), TaskTracker::new());
        let start = Instant::now();
        assert!(timeout(ms(10), open_scope(cleanups.clone(), log.clone())).await.is_err());
        let task = tokio::spawn(open_scope(cleanups.clone(), log.clone()));
        let still_open = drain(&cleanups, ms(50)).await;
        assert_eq!((still_open, start.elapsed()), (Err(StillOpen(2)), ms(60)));

        task.abort();
        assert_eq!(drain(&cleanups, ms(1_000)).await, Ok(()), "asked again, it waits for the rest");
        assert_eq!(start.elapsed(), ms(160));
        assert_eq!(log.take(), ["closed", "dropped", "closed", "dropped"]);
    }

    #[tokio::test]
    async fn of_nothing_it_ends_at_once() {
        assert_eq!(drain(&TaskTracker::new(), Duration::ZERO).now_or_never(), Some(Ok(())));
        assert_eq!(run_and_drain(Duration::ZERO, async |_| 5).now_or_never(), Some((5, Ok(()))));
    }

    /// The hazard: a tracker that is not closed may get more tasks, so `wait` goes on.
    #[tokio::test(start_paused = true)]
    async fn but_to_wait_for_a_tracker_that_is_not_closed_never_ends() {
        let cleanups = TaskTracker::new();
        assert!(timeout(Duration::from_secs(3_600), cleanups.wait()).await.is_err());
    }

    /// asyncio: `asyncio.run` cleans up after a `main` that raises, too.
    #[tokio::test(start_paused = true)]
    async fn after_an_error_and_a_panic_of_main_it_drains_as_well() {
        let log = Log::default();
        let main = async |cleanups: &TaskTracker| {
            let _cancelled = timeout(ms(10), open_scope(cleanups.clone(), log.clone())).await;
            Err::<(), _>("disk full")
        };
        assert_eq!(run_and_drain(ms(1_000), main).await, (Err("disk full"), Ok(())));
        assert_eq!(log.take(), ["closed", "dropped"]);

        let task = tokio::spawn({
            let log = log.clone();
            async move {
                let main = async |cleanups: &TaskTracker| {
                    let _cancelled = timeout(ms(10), open_scope(cleanups.clone(), log.clone())).await;
                    panics::<()>();
                };
                run_and_drain(ms(1_000), main).await
            }
        });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(log.take(), ["closed", "dropped"]);
    }

    /// Cancelled at any point, the clean-ups run on.
    #[test]
    fn a_cancelled_drain_ends_no_clean_up() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (log, cleanups) = (Log::default(), TaskTracker::new());
                let scope = open_scope(cleanups.clone(), log.clone());
                (log, async move {
                    let _cancelled = timeout(ms(10), scope).await;
                    drain(&cleanups, ms(1_000)).await
                })
            },
            |log, outcome| match outcome {
                cancel_sweep::Outcome::Cancelled(cancel_sweep::At { suspension: 0, .. }) => {}
                _ => assert_eq!(log.take(), ["closed", "dropped"]),
            },
        );
        assert_eq!(swept.points, 2);
    }

    /// The same for a whole `main`.
    #[test]
    fn a_cancelled_main_is_cleaned_up() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let inner = log.clone();
                (log, async move {
                    run_and_drain(ms(1_000), async |cleanups| {
                        timeout(ms(10), open_scope(cleanups.clone(), inner)).await.is_err()
                    })
                    .await
                })
            },
            |log, outcome| match outcome {
                cancel_sweep::Outcome::Cancelled(cancel_sweep::At { suspension: 0, .. }) => {}
                _ => assert_eq!(log.take(), ["closed", "dropped"]),
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod exit_stack {
    use super::*;
    use context_managers::drain::drain;
    use context_managers::exit_stack::{ExitStack, Failure};

    type Stack = ExitStack<&'static str>;

    fn stack() -> (Log, TaskTracker, Stack) {
        let cleanups = TaskTracker::new();
        let stack = ExitStack::new(&cleanups);
        (Log::default(), cleanups, stack)
    }

    /// Takes 10 ms and logs.
    async fn close(log: Log, name: &'static str) -> Result<(), &'static str> {
        sleep(ms(10)).await;
        log.at(name);
        match name {
            "panics" => panics(),
            _ if name.starts_with("bad") => Err(name),
            _ => Ok(()),
        }
    }

    /// Puts one clean-up for each name on the stack.
    fn push_all(stack: &mut Stack, log: &Log, names: &[&'static str]) {
        for &name in names {
            let log = log.clone();
            stack.callback(move || close(log, name));
        }
    }

    /// asyncio: the callbacks of an `AsyncExitStack` run last in, first out, one after the other.
    #[tokio::test(start_paused = true)]
    async fn clean_ups_run_last_in_first_out_one_after_the_other() {
        let (log, _, mut stack) = stack();
        push_all(&mut stack, &log, &["a", "b", "c"]);
        assert_eq!(stack.close(Ok(5)).await, Ok(Some(5)));
        assert_eq!(log.take(), [" 10 c", " 20 b", " 30 a"]);
    }

    /// asyncio: `enter_async_context` gives the resource, and exits it with the stack.
    #[tokio::test(start_paused = true)]
    async fn what_is_entered_is_used_now_and_closed_later() {
        let (log, _, mut stack) = stack();
        let mut files = Vec::new();
        for name in ["a", "b"] {
            let open = sleep(ms(5)).map(move |()| Ok(Arc::new(name)));
            let log = log.clone();
            files.push(stack.enter(open, move |file| close(log, *file)).await.unwrap());
        }
        assert_eq!((*files[0], *files[1]), ("a", "b"));
        assert_eq!(stack.close(Ok(())).await, Ok(Some(())));
        assert_eq!(log.take(), [" 20 b", " 30 a"]);
    }

    /// asyncio: a callback that raises does not keep the others from running; the last exception is raised, the others
    /// are its `__context__`. Tokio: the error is the list of them.
    #[tokio::test(start_paused = true)]
    async fn it_goes_on_after_a_failure_and_a_panic_and_reports_them_all() {
        let (log, _, mut stack) = stack();
        push_all(&mut stack, &log, &["a", "bad b", "c", "panics", "bad e", "f"]);
        let failures = stack.close(Err::<(), _>("the body")).await.unwrap_err();
        let expected = [
            Failure::Error("the body"),
            Failure::Error("bad e"),
            Failure::Panic("a panic".to_owned()),
            Failure::Error("bad b"),
        ];
        assert_eq!(failures, expected);
        assert_eq!(log.take(), [" 10 f", " 20 bad e", " 30 panics", " 40 c", " 50 bad b", " 60 a"]);
    }

    /// Any value can be the payload of a panic; it is no reason to stop either.
    #[tokio::test]
    async fn a_panic_without_a_text_and_one_before_the_first_await_are_failures_too() {
        let (_, _, mut stack) = stack();
        stack.callback(|| async { resume_unwind(Box::new(5)) });
        stack.callback(|| -> std::future::Ready<_> { resume_unwind(Box::new("early".to_owned())) });
        let failures = stack.close(Ok(())).await.unwrap_err();
        let texts = ["early", "a value that is not text"].map(|text| Failure::Panic(text.to_owned()));
        assert_eq!(failures, texts);
        assert_eq!(failures[0].to_string(), "panicked: early");
    }

    /// asyncio: `push_async_exit` gets the exception, and a true value suppresses it; the callbacks below see none.
    #[tokio::test]
    async fn a_clean_up_sees_what_has_failed_so_far_and_may_suppress_it() {
        let (log, _, mut stack) = stack();
        let seen = |log: &Log, suppress: bool| {
            let log = log.clone();
            move |failures: &mut Vec<Failure<&'static str>>| {
                log.add(format_args!("{failures:?}"));
                if suppress {
                    failures.clear();
                }
            }
        };
        let (below, suppress, above) = (seen(&log, false), seen(&log, true), seen(&log, false));
        stack.push(|failures| async move { below(failures) }.map(Ok).boxed());
        stack.push(|failures| async move { suppress(failures) }.map(Ok).boxed());
        stack.callback(|| async { Err("bad") });
        stack.push(|failures| async move { above(failures) }.map(Ok).boxed());
        assert_eq!(stack.close(Err::<(), _>("the body")).await, Ok(None));
        let expected = [r#"[Error("the body")]"#, r#"[Error("the body"), Error("bad")]"#, "[]"];
        assert_eq!(log.take(), expected);
    }

    /// The value is there when it was not the body that failed.
    #[tokio::test]
    async fn a_suppressed_failure_of_a_clean_up_leaves_the_value() {
        let (_, _, mut stack) = stack();
        stack.push(|failures| async move { failures.clear() }.map(Ok).boxed());
        stack.callback(|| async { Err("bad") });
        assert_eq!(stack.close(Ok(5)).await, Ok(Some(5)));
    }

    #[tokio::test]
    async fn a_clean_up_may_put_another_error_in_the_place_of_the_first() {
        let (_, _, mut stack) = stack();
        stack.push(|failures| {
            async move {
                *failures = vec![Failure::Error("disk full")];
                Ok(())
            }
            .boxed()
        });
        assert_eq!(stack.close(Err::<(), _>("errno 28")).await, Err(vec![Failure::Error("disk full")]));
    }

    /// asyncio: when entering one of many raises, the ones before it are exited. Tokio: `?` drops the stack.
    #[tokio::test(start_paused = true)]
    async fn when_one_cannot_be_opened_those_before_it_are_closed() {
        async fn open_all(mut stack: Stack, log: &Log, names: &[&'static str]) -> Result<(), &'static str> {
            for &name in names {
                let open = async { if name == "missing" { Err(name) } else { Ok(name) } };
                let log = log.clone();
                stack.enter(open, |name| close(log, name)).await?;
            }
            unreachable!("one of them is missing")
        }
        let (log, cleanups, stack) = stack();
        assert_eq!(open_all(stack, &log, &["a", "b", "missing", "d"]).await, Err("missing"));
        log.at("caller");
        all_over(&cleanups).await;
        assert_eq!(log.take(), ["  0 caller", " 10 b", " 20 a"]);
    }

    /// asyncio: a stack that is dropped without `aclose` never runs its callbacks. Tokio: it does, in a task.
    #[tokio::test(start_paused = true)]
    async fn dropped_by_a_panic_a_cancellation_or_by_nothing_at_all_it_runs_them_in_order() {
        let expected = [" 10 b", " 20 a"];

        let (log, cleanups, mut stack) = stack();
        push_all(&mut stack, &log, &["a", "b"]);
        drop(stack);
        all_over(&cleanups).await;
        assert_eq!(log.take(), expected);

        let (log, cleanups, mut stack) = self::stack();
        push_all(&mut stack, &log, &["a", "b"]);
        let task = tokio::spawn(async move {
            let _stack = stack;
            panics::<()>();
        });
        assert!(task.await.unwrap_err().is_panic());
        all_over(&cleanups).await;
        assert_eq!(log.take(), expected);

        let (log, cleanups, mut stack) = self::stack();
        push_all(&mut stack, &log, &["a", "bad b"]);
        let body = async {
            let _stack = stack;
            pending::<()>().await;
        };
        assert!(timeout(ms(5), body).await.is_err());
        all_over(&cleanups).await;
        assert_eq!(log.take(), [" 15 bad b", " 25 a"]);
    }

    /// A clean-up can tell that nobody knows how the body ended.
    #[tokio::test]
    async fn after_a_drop_the_clean_ups_are_told_so() {
        let (log, cleanups, mut stack) = stack();
        stack.push({
            let log = log.clone();
            |failures| async move { log.add(&failures[0]) }.map(Ok).boxed()
        });
        drop(stack);
        all_over(&cleanups).await;
        assert_eq!(log.take(), ["dropped before its end"]);
    }

    /// asyncio: a cancellation during the exit makes the callback at work raise, and reaches the next one as an
    /// exception; a second one cuts off another. Tokio: they run in a task of their own.
    #[tokio::test(start_paused = true)]
    async fn cancellations_during_the_close_do_not_cut_it_short() {
        let (log, cleanups, mut stack) = stack();
        push_all(&mut stack, &log, &["a", "b", "c"]);
        let task = tokio::spawn(stack.close(Ok(())));
        for _ in 0..3 {
            sleep(ms(5)).await;
            task.abort();
        }
        assert!(task.await.unwrap_err().is_cancelled());
        all_over(&cleanups).await;
        assert_eq!(log.take(), [" 10 c", " 20 b", " 30 a"]);
    }

    /// asyncio: `pop_all` moves the callbacks to a new stack, so that they run later or not at all.
    #[tokio::test(start_paused = true)]
    async fn pop_all_moves_them_to_another_stack() {
        let (log, cleanups, mut stack) = stack();
        push_all(&mut stack, &log, &["a", "b"]);
        let mut moved = stack.pop_all();
        assert_eq!(stack.close(Ok(())).await, Ok(Some(())));
        assert!(log.take().is_empty());
        assert_eq!(drain(&cleanups, ms(5)).await.unwrap_err().0, 1, "the new stack is open");
        push_all(&mut moved, &log, &["c"]);
        assert_eq!(moved.close(Ok(())).await, Ok(Some(())));
        assert_eq!(log.take(), [" 15 c", " 25 b", " 35 a"]);
        assert_eq!(drain(&cleanups, ms(5)).await, Ok(()));
    }

    #[tokio::test]
    async fn of_nothing_it_closes_and_spawns_nothing_when_it_is_dropped() {
        let (_, _, stack) = self::stack();
        assert_eq!(format!("{stack:?}"), "ExitStack { len: 0, .. }");
        assert_eq!(stack.close(Ok(())).await, Ok(Some(())));
        drop(self::stack());
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    }

    /// asyncio: the stack unwinds in a loop. Tokio: so it does here, and every 128 of them another task has its turn.
    #[tokio::test]
    async fn a_hundred_thousand_are_no_trouble_and_let_others_have_their_turn() {
        for closed in [true, false] {
            let (_, cleanups, mut stack) = stack();
            let (count, expected, turns) = (Count::default(), 100_000, Count::default());
            for n in 0..expected {
                let count = count.clone();
                stack.callback(move || async move {
                    assert_eq!(n + count.get(), expected - 1, "last in, first out");
                    count.add();
                    Ok(())
                });
            }
            let others = tokio::spawn({
                let turns = turns.clone();
                async move {
                    loop {
                        turns.add();
                        yield_now().await;
                    }
                }
            });
            if closed {
                assert_eq!(stack.close(Ok(())).await, Ok(Some(())));
            } else {
                drop(stack);
                all_over(&cleanups).await;
            }
            others.abort();
            assert_eq!(count.get(), expected);
            assert!(turns.get() >= expected / 128, "{} turns", turns.get());
        }
    }

    #[tokio::test]
    async fn a_hundred_thousand_failures_are_all_reported() {
        let (_, _, mut stack) = stack();
        for _ in 0..100_000 {
            stack.callback(|| async { Err("bad") });
        }
        let failures = stack.close(Ok(())).await.unwrap_err();
        assert_eq!(failures.len(), 100_000);
    }

    /// A stack outlives its runtime: nothing can run any more, and it says so.
    #[test]
    fn on_a_runtime_that_has_ended_nothing_runs_and_it_is_said() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let mut stack = runtime.block_on(async { Stack::new(&TaskTracker::new()) });
        stack.callback(|| async { unreachable!("there is no runtime") });
        drop(runtime);
        assert_eq!(stack.close(Ok(())).now_or_never(), Some(Err(vec![Failure::Dropped])));
    }

    /// Cancelled at any point, while it opens or closes: what was opened is closed once, in order.
    #[test]
    fn cancelled_at_any_point_each_clean_up_runs_once_and_in_order() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let work = {
                    let log = log.clone();
                    async move {
                        let mut stack = Stack::new(&TaskTracker::new());
                        for name in ["a", "bad b", "c"] {
                            let open = {
                                let log = log.clone();
                                async move {
                                    sleep(ms(10)).await;
                                    log.at(format_args!("open {name}"));
                                    Ok(name)
                                }
                            };
                            let log = log.clone();
                            stack.enter(open, move |name| close(log, name)).await?;
                        }
                        sleep(ms(10)).await;
                        stack.close(Ok(())).await.map_err(|_| "failed")
                    }
                };
                (log, work)
            },
            |log, _| {
                let entries: Vec<_> = log.take().iter().map(|entry| entry[4..].to_owned()).collect();
                let (opened, closed) = entries.split_at(entries.len() / 2);
                let mirrored: Vec<_> = closed.iter().rev().map(|name| format!("open {name}")).collect();
                assert_eq!(opened, mirrored);
            },
        );
        assert_eq!(swept.points, 5, "three to open, one of the body, one wait for the clean-ups");
    }

    /// 200 rounds of 24 stacks on four threads, each with up to 8 clean-ups of which some fail or panic; most are
    /// aborted somewhere.
    #[test]
    fn on_many_threads_each_clean_up_runs_once_and_in_order() {
        on_many_threads(200, async |mut rng| {
            let cleanups = TaskTracker::new();
            let mut tasks = JoinSet::new();
            let mut logs = Vec::new();
            for _ in 0..24 {
                let (log, cleanups, mut rng, chance) =
                    (Log::default(), cleanups.clone(), rng.fork(), rng.fork());
                logs.push(log.clone());
                let task = tasks.spawn(async move {
                    let mut stack = Stack::new(&cleanups);
                    for n in 0..rng.u8(0..8) {
                        let (opened, closed, kind) = (log.clone(), log.clone(), rng.u8(0..4));
                        let [before, after] = [rng.fork(), rng.fork()];
                        let open = some_turns(before).map(move |()| opened.add(n)).map(Ok);
                        let close = move |()| {
                            some_turns(after).map(move |()| {
                                closed.add(n);
                                match kind {
                                    0 => Err("bad"),
                                    1 => panics(),
                                    _ => Ok(()),
                                }
                            })
                        };
                        stack.enter(open, close).await.unwrap();
                    }
                    let _reported = stack.close(Ok(())).await;
                });
                let turns = some_turns(chance);
                tasks.spawn(async move {
                    turns.await;
                    task.abort();
                });
            }
            while tasks.join_next().await.is_some() {}
            all_over(&cleanups).await;
            for log in logs {
                let entries = log.take();
                let (opened, closed) = entries.split_at(entries.len() / 2);
                assert!(opened.iter().eq(closed.iter().rev()), "{entries:?}");
            }
        });
    }
}

mod optional {
    use super::*;
    use context_managers::optional::{given_or_opened, limited};
    use tokio::sync::Semaphore;

    /// asyncio: `async with semaphore if limited else nullcontext():`. Rust: an `Option` of a guard.
    #[tokio::test(start_paused = true)]
    async fn with_a_limit_work_waits_and_without_one_it_does_not() {
        for (limit, expected) in
            [(None, ms(100)), (Some(Semaphore::new(2)), ms(200)), (Some(Semaphore::new(1)), ms(300))]
        {
            let start = Instant::now();
            let work = (0..3).map(|_| limited(limit.as_ref(), async { sleep(ms(100)).await }));
            assert!(futures::future::join_all(work).await.iter().all(Result::is_ok));
            assert_eq!(start.elapsed(), expected);
        }
    }

    #[tokio::test]
    async fn a_closed_limit_is_an_error_and_nothing_runs() {
        let limit = Semaphore::new(1);
        limit.close();
        assert!(limited(Some(&limit), async { unreachable!("it is closed") }).await.is_err());
    }

    /// Cancelled at any point, the permit is back.
    #[test]
    fn cancelled_at_any_point_no_permit_is_lost() {
        let swept = cancel_sweep::sweep_with(
            || {
                let limit = Arc::new(Semaphore::new(1));
                let held = limit.clone().try_acquire_owned().unwrap();
                tokio::spawn(sleep(ms(10)).map(move |()| drop(held)));
                let limited_by = limit.clone();
                (limit, async move { limited(Some(&limited_by), sleep(ms(100))).await.is_ok() })
            },
            |limit, _| assert_eq!(limit.available_permits(), 1),
        );
        assert_eq!(swept.points, 2);
    }

    /// asyncio: `nullcontext(given)` leaves what it was given open. Rust: so does a `&mut`.
    #[tokio::test]
    async fn what_is_given_stays_open_and_what_was_opened_is_dropped() {
        let log = Log::default();
        let mut given = log.on_drop("given");
        let body = async |resource: &mut OnDrop| {
            resource.0.add(format_args!("uses {}", resource.1));
            Ok::<_, &str>(5)
        };
        let no_need = async { unreachable!("one is given") };
        assert_eq!(given_or_opened(Some(&mut given), no_need, body).await, Ok(5));
        assert_eq!(log.take(), ["uses given"]);

        let open = async { Ok(log.on_drop("opened")) };
        assert_eq!(given_or_opened(None, open, body).await, Ok(5));
        assert_eq!(log.take(), ["uses opened", "opened"]);

        let refused = async { Err("refused") };
        assert_eq!(given_or_opened(None, refused, body).await, Err("refused"));
        drop(given);
        assert_eq!(log.take(), ["given"]);
    }

    /// Cancelled at any point, what was opened is dropped.
    #[test]
    fn cancelled_at_any_point_what_was_opened_is_dropped() {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let opened = log.clone();
                (log, async move {
                    let open = sleep(ms(10)).map(|()| {
                        opened.add("open");
                        Ok::<_, ()>(opened.on_drop("dropped"))
                    });
                    given_or_opened(None, open, async |_| sleep(ms(10)).map(Ok).await).await
                })
            },
            |log, _| {
                assert!(
                    [&[][..], &["open", "dropped"]]
                        .contains(&log.take().iter().map(String::as_str).collect::<Vec<_>>().as_slice())
                )
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod transaction {
    use super::*;
    use context_managers::transaction::{Database, Pool};
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicIsize;

    /// What a step of the database does.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Step {
        Connect,
        Begin,
        Commit,
        Rollback,
    }
    use Step::{Begin, Commit, Connect, Rollback};

    /// A database that logs, counts what is open, and fails or panics when it is told to. Each step takes 10 ms, or up
    /// to four turns if it was given a source of chance.
    #[derive(Clone)]
    struct Fake {
        log: Log,
        connections: Arc<AtomicIsize>,
        most: Arc<AtomicIsize>,
        number: Count,
        failing: Option<Step>,
        chance: Option<Arc<Mutex<Rng>>>,
    }

    struct Connection {
        number: usize,
        in_transaction: bool,
        connections: Arc<AtomicIsize>,
    }

    impl Drop for Connection {
        fn drop(&mut self) {
            self.connections.fetch_sub(1, SeqCst);
        }
    }

    impl Fake {
        fn new(failing: Option<Step>) -> Self {
            let (connections, most) = Default::default();
            Self { log: Log::default(), connections, most, number: Count::default(), failing, chance: None }
        }

        async fn step(&self, step: Step, entry: String) -> Result<(), &'static str> {
            match &self.chance {
                None => sleep(ms(10)).await,
                Some(chance) => {
                    let mut rng = chance.lock().unwrap().fork();
                    let fate = rng.u8(0..16);
                    some_turns(rng).await;
                    match fate {
                        0 => return Err("by chance"),
                        1 => panics(),
                        _ => {}
                    }
                }
            }
            self.log.at(entry);
            if self.failing == Some(step) { Err("failed") } else { Ok(()) }
        }
    }

    impl Database for Fake {
        type Connection = Connection;
        type Error = &'static str;

        async fn connect(&self) -> Result<Connection, &'static str> {
            self.step(Connect, "connect".to_owned()).await?;
            let open = self.connections.fetch_add(1, SeqCst) + 1;
            self.most.fetch_max(open, SeqCst);
            self.number.add();
            let connections = self.connections.clone();
            Ok(Connection { number: self.number.get(), in_transaction: false, connections })
        }

        async fn begin(&self, on: &mut Connection) -> Result<(), &'static str> {
            assert!(!on.in_transaction, "the one before has ended");
            on.in_transaction = true;
            self.step(Begin, format!("begin {}", on.number)).await
        }

        async fn commit(&self, on: &mut Connection) -> Result<(), &'static str> {
            self.step(Commit, format!("commit {}", on.number)).await?;
            on.in_transaction = false;
            Ok(())
        }

        async fn rollback(&self, on: &mut Connection) -> Result<(), &'static str> {
            self.step(Rollback, format!("rollback {}", on.number)).await?;
            on.in_transaction = false;
            Ok(())
        }
    }

    /// A pool of so many connections, its log and the tracker of its clean-ups.
    fn pool(size: usize, failing: Option<Step>) -> (Arc<Pool<Fake>>, Fake, TaskTracker) {
        let (database, cleanups) = (Fake::new(failing), TaskTracker::new());
        let pool = Pool::new(database.clone(), NonZeroUsize::new(size).unwrap(), &cleanups);
        (Arc::new(pool), database, cleanups)
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_is_committed_and_the_connection_is_used_again() {
        let (pool, database, _) = pool(2, None);
        for _ in 0..2 {
            assert_eq!(pool.transaction(async |on| Ok(on.number)).await, Ok(1));
        }
        let expected = [" 10 connect", " 20 begin 1", " 30 commit 1", " 40 begin 1", " 50 commit 1"];
        assert_eq!(database.log.take(), expected);
        assert_eq!((pool.idle(), pool.free()), (1, 2));
    }

    /// asyncio: an exception rolls back, and goes on when that is done.
    #[tokio::test(start_paused = true)]
    async fn an_error_is_rolled_back_before_the_caller_gets_it() {
        let (pool, database, _) = pool(1, None);
        assert_eq!(pool.transaction(async |_| Err::<(), _>("disk full")).await, Err("disk full"));
        database.log.at("caller");
        assert_eq!(database.log.take(), [" 10 connect", " 20 begin 1", " 30 rollback 1", " 30 caller"]);
        assert_eq!((pool.idle(), pool.free()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_and_a_cancellation_are_rolled_back_by_a_task() {
        let (pool, database, cleanups) = pool(1, None);
        let task = tokio::spawn({
            let pool = pool.clone();
            async move { pool.transaction(async |_| panics::<Result<(), _>>()).await }
        });
        assert!(task.await.unwrap_err().is_panic());
        database.log.at("caller");
        assert!(timeout(ms(50), pool.transaction(async |_| pending::<Result<(), _>>().await)).await.is_err());
        database.log.at("caller");
        all_over(&cleanups).await;
        let first = [" 10 connect", " 20 begin 1", " 20 caller", " 30 rollback 1"];
        let second = [" 40 begin 1", " 70 caller", " 80 rollback 1"];
        assert_eq!(database.log.take(), [&first[..], &second].concat());
        assert_eq!((pool.idle(), pool.free(), database.connections.load(SeqCst)), (1, 1, 1));
    }

    /// An abort that has not arrived yet will need a rollback: the transaction counts from its start.
    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_for_a_transaction_that_an_abort_has_not_reached_yet() {
        let (pool, database, cleanups) = pool(1, None);
        let task =
            tokio::spawn(async move { pool.transaction(async |_| pending::<Result<(), _>>().await).await });
        sleep(ms(25)).await;
        task.abort();
        assert!(!task.is_finished());
        all_over(&cleanups).await;
        assert_eq!(database.log.take(), [" 10 connect", " 20 begin 1", " 35 rollback 1"]);
    }

    /// Whoever waits gets the connection when the rollback is over, not when its user is gone.
    #[tokio::test(start_paused = true)]
    async fn a_waiter_gets_the_connection_when_the_rollback_is_over() {
        let (pool, database, _) = pool(1, None);
        let (first, second) = tokio::join!(
            timeout(ms(50), pool.transaction(async |_| pending::<Result<(), _>>().await)),
            pool.transaction(async |on| Ok(on.number)),
        );
        assert!(first.is_err());
        assert_eq!(second, Ok(1));
        let expected = [" 10 connect", " 20 begin 1", " 60 rollback 1", " 70 begin 1", " 80 commit 1"];
        assert_eq!(database.log.take(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_get_connections_in_the_order_in_which_they_asked() {
        let (pool, _, _) = pool(1, None);
        let order = Mutex::new(Vec::new());
        let all = (0..5).map(|n| {
            let order = &order;
            pool.transaction(async move |_| {
                order.lock().unwrap().push(n);
                Ok(())
            })
        });
        assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
        assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 3, 4]);
    }

    /// The state of a connection whose commit or rollback failed is not known: it is closed, its place is free.
    #[tokio::test(start_paused = true)]
    async fn after_a_failed_step_the_connection_is_closed_and_its_place_is_free() {
        for failing in [Connect, Begin, Commit, Rollback] {
            let (pool, database, _) = pool(1, Some(failing));
            let body_fails = failing == Rollback;
            let body = async |_: &mut Connection| if body_fails { Err("the body") } else { Ok(()) };
            let expected = if body_fails { "the body" } else { "failed" };
            assert_eq!(pool.transaction(body).await, Err(expected));
            assert_eq!((pool.idle(), pool.free(), database.connections.load(SeqCst)), (0, 1, 0));
        }
    }

    /// A commit that has begun runs to its end. Whoever was cancelled meanwhile does not know, as with any database.
    #[tokio::test(start_paused = true)]
    async fn a_cancellation_during_the_commit_does_not_cut_it_off() {
        let (pool, database, cleanups) = pool(1, None);
        assert!(timeout(ms(25), pool.transaction(async |_| Ok(()))).await.is_err());
        all_over(&cleanups).await;
        assert_eq!(database.log.take(), [" 10 connect", " 20 begin 1", " 30 commit 1"]);
        assert_eq!((pool.idle(), pool.free()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_the_commit_goes_on_in_the_caller_and_closes_the_connection() {
        struct Panics(Fake);
        impl Database for Panics {
            type Connection = Connection;
            type Error = &'static str;
            fn connect(&self) -> impl Future<Output = Result<Connection, &'static str>> + Send {
                self.0.connect()
            }
            fn begin(&self, on: &mut Connection) -> impl Future<Output = Result<(), &'static str>> + Send {
                self.0.begin(on)
            }
            async fn commit(&self, _: &mut Connection) -> Result<(), &'static str> {
                panics()
            }
            fn rollback(&self, on: &mut Connection) -> impl Future<Output = Result<(), &'static str>> + Send {
                self.0.rollback(on)
            }
        }
        let database = Fake::new(None);
        let pool = Arc::new(Pool::new(Panics(database.clone()), NonZeroUsize::MIN, &TaskTracker::new()));
        let task = tokio::spawn({
            let pool = pool.clone();
            async move { pool.transaction(async |_| Ok(())).await }
        });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!((pool.idle(), pool.free(), database.connections.load(SeqCst)), (0, 1, 0));
    }

    /// Cancelled at any point, also while it waits for a connection: each transaction that began has ended, and the
    /// connection is in the pool once.
    #[test]
    fn cancelled_at_any_point_the_transaction_ends_and_the_connection_is_back() {
        for fails in [false, true] {
            let swept = cancel_sweep::sweep_with(
                || {
                    let (pool, database, _) = pool(1, None);
                    let other = pool.clone();
                    tokio::spawn(async move { other.transaction(async |_| Ok(())).await });
                    let state = (pool.clone(), database);
                    (state, async move {
                        // The other one goes first.
                        yield_now().await;
                        pool.transaction(async |_| {
                            sleep(ms(10)).await;
                            if fails { Err("bad") } else { Ok(()) }
                        })
                        .await
                    })
                },
                |(pool, database), _| {
                    assert_eq!((pool.idle(), pool.free(), database.connections.load(SeqCst)), (1, 1, 1));
                    let log = database.log.take();
                    let count = |text| log.iter().filter(|entry| entry.contains(text)).count();
                    assert!(count("connect") == 1 && count("commit") + count("rollback") >= count("begin"));
                },
            );
            assert_eq!(swept.points, 5, "its turn, the permit, begin, the body, the end");
        }
    }

    /// 200 rounds of 24 transactions on three connections and four threads. Bodies succeed, fail, panic, or wait for
    /// ever; a step of the database fails or panics once in eight times; most are aborted somewhere.
    #[test]
    fn on_many_threads_no_connection_is_lost_or_used_twice() {
        on_many_threads(200, async |mut rng| {
            let cleanups = TaskTracker::new();
            let chance = Some(Arc::new(Mutex::new(rng.fork())));
            let database = Fake { chance, ..Fake::new(None) };
            let pool = Arc::new(Pool::new(database.clone(), NonZeroUsize::new(3).unwrap(), &cleanups));
            let (inside, most) = (Arc::new(AtomicIsize::new(0)), Arc::new(AtomicIsize::new(0)));
            let mut tasks = JoinSet::new();
            for _ in 0..24 {
                let (pool, inside, most) = (pool.clone(), inside.clone(), most.clone());
                let (end, turns, until_abort) =
                    (rng.u8(0..4), rng.fork(), [rng.fork(), rng.fork(), rng.fork()]);
                let task = tasks.spawn(async move {
                    let body = async |_: &mut Connection| {
                        most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                        let _leaves = scopeguard::guard((), |()| _ = inside.fetch_sub(1, SeqCst));
                        some_turns(turns).await;
                        match end {
                            0 => Ok(()),
                            1 => Err("bad"),
                            2 => panics(),
                            _ => pending().await,
                        }
                    };
                    let _any = pool.transaction(body).await;
                });
                tasks.spawn(async move {
                    for turns in until_abort {
                        some_turns(turns).await;
                    }
                    task.abort();
                });
            }
            while tasks.join_next().await.is_some() {}
            all_over(&cleanups).await;
            assert_eq!(pool.free(), 3);
            assert_eq!(
                pool.idle(),
                database.connections.load(SeqCst) as usize,
                "every open one is in the pool"
            );
            assert!(most.load(SeqCst) <= 3 && database.most.load(SeqCst) <= 3);
        });
    }
}

mod demo {
    use context_managers::demo;
    use expect_test::expect_file;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/context_managers/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/context_managers/timeline.svg"]
            .assert_eq(&rehearsal.timeline.svg("context_managers"));
    }
}
