//! Lessons of the pattern `scope`.

use context_managers::scope::{Outcome, ScopeError, with};
use futures::FutureExt;
use futures::future::pending;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{Count, Log, OnDrop, ms, panics};
use crate::work::all_over;
use crate::work::scope::nested;

fn described<T, E>(outcome: &Outcome<T, E>) -> &'static str {
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
                log.at(format_args!("clean-up after {}", described(outcome)));
                sleep(ms(100)).await;
                log.at("closed");
                Ok(())
            }
            .boxed()
        },
    )
    .await
}

/// Enters at once, logs the outcome, and passes it to `change`.
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

/// asyncio: enter, body and exit run in this order, and the caller goes on after the exit. Tokio: the same.
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
        // As `?` does.
        if log.elapsed() == ms(60) {
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
        async move { logged(&cleanups, &log, async || panics::<Result<(), _>>("a panic")).await }
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
        _ = logged(&cleanups, &log, forever) => unreachable!("it never ends"),
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

/// The hazard: a `close().await` at the end of the block is ordinary code, and a cancellation skips it.
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
    assert!(
        tokio::spawn(with_a_close(log.clone(), async { panics("a panic") })).await.unwrap_err().is_panic()
    );
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

/// asyncio: a true value from `__aexit__` suppresses the exception. Tokio: the clean-up replaces it with a value.
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

/// asyncio: an exception raised in the exit replaces the first. Tokio: the clean-up may do so, too.
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

/// asyncio: `__aexit__` may raise after any outcome. Here: the clean-up may replace a panic or a value too.
#[tokio::test]
async fn the_clean_up_may_make_an_error_of_a_panic_and_of_a_value() {
    let value = changed(
        async || panics::<Result<(), _>>("a panic"),
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
/// cannot go on. The clean-up's new outcome is dropped.
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

/// A panic must not hide an error that the caller acts on; the panic hook has reported it.
#[tokio::test]
async fn a_panic_in_the_clean_up_goes_on_unless_the_body_failed() {
    let task = tokio::spawn(changed(async || Ok(5), |_| panics("a panic")));
    assert!(task.await.unwrap_err().is_panic());

    let value = changed(async || Err::<(), _>("disk full"), |_| panics("a panic"));
    assert_eq!(value.await, Err(ScopeError::Body("disk full")));

    let task = tokio::spawn(changed(async || panics::<Result<(), _>>("a panic"), |_| Err("not heard")));
    let panic = task.await.unwrap_err().into_panic();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "a panic");
}

/// A closure may panic before it has made its future; the effect is the same.
#[tokio::test]
async fn a_clean_up_that_panics_before_its_first_await_is_caught_too() {
    let cleanups = TaskTracker::new();
    let value =
        with(&cleanups, async { Ok(()) }, async |(), _| Err::<(), _>("disk full"), |(), _| panics("a panic"));
    assert_eq!(value.await, Err(ScopeError::Body("disk full")));
}

/// asyncio: the awaiter of a cancelled task gets the exception of the exit. Tokio: after an abort it does not.
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

/// asyncio: a timeout raises after the exit. Tokio: it fires on time, and the clean-up runs on.
#[tokio::test(start_paused = true)]
async fn a_timeout_does_not_wait_for_the_clean_up() {
    let (log, cleanups) = (Log::default(), TaskTracker::new());
    assert!(
        timeout(ms(50), logged(&cleanups, &log, async || pending::<Result<(), _>>().await)).await.is_err()
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
                log.at(if timeout(ms(30), pending::<()>()).await.is_err() { "gave up" } else { "closed" });
                Ok(())
            }
            .boxed()
        },
    );
    assert!(timeout(ms(50), scope).await.is_err());
    all_over(&cleanups).await;
    assert_eq!(log.take(), [" 80 gave up"]);
}

/// asyncio: a second `cancel()` ends the first await in the exit and skips the rest; `shield` prevents that. Tokio: the
/// clean-up is a task of its own, so the second cancellation ends only the waiting.
#[tokio::test(start_paused = true)]
async fn a_second_cancellation_during_the_clean_up_does_not_cut_it_short() {
    let (log, cleanups) = (Log::default(), TaskTracker::new());
    let task = tokio::spawn({
        let (log, cleanups) = (log.clone(), cleanups.clone());
        // First an error ends the body. The caller now waits for the clean-up.
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

/// The hazard: two scopes on one tracker do not wait for each other.
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

/// asyncio: `@asynccontextmanager` makes a context manager of a generator. It may also decorate a function
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

/// asyncio: `contextlib.suppress` is a context manager. Rust: an error is a value, so a `match` suppresses it.
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

/// asyncio: each cancelled task runs its own exit. Here: each exit is a task, and all run at the same time.
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

/// The body's error is reported whatever the clean-up panics with, even a value whose destructor panics.
#[tokio::test]
async fn a_payload_that_panics_when_dropped_costs_no_error() {
    let cleanups = TaskTracker::new();
    let ended = with(
        &cleanups,
        async { Ok(()) },
        async |(), _| Err::<(), _>("the body"),
        |(), _| async { std::panic::resume_unwind(Box::new(OnDrop(|| panics("dropped")))) }.boxed(),
    );
    assert_eq!(ended.await, Err(ScopeError::Body("the body")));
}
