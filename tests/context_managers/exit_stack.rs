//! Lessons of the pattern `exit_stack`.

use std::panic::resume_unwind;
use std::sync::Arc;

use context_managers::drain::drain;
use context_managers::exit_stack::Failure;
use futures::FutureExt;
use futures::future::pending;
use tokio::runtime::{Builder, Handle};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{Count, Log, OnDrop, ms, panics};
use crate::work::all_over;
use crate::work::exit_stack::{Stack, close, stack};

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

/// asyncio: `enter_async_context` returns the resource, and the stack exits it.
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

/// asyncio: after a callback that raises the others still run. The last exception is raised, and the others are its
/// `__context__`. Tokio: the error is the list of all failures.
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

/// Any value can be the payload of a panic; the clean-ups go on after it.
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

/// If only a clean-up failed, the value is kept.
#[tokio::test]
async fn a_suppressed_failure_of_a_clean_up_leaves_the_value() {
    let (_, _, mut stack) = stack();
    stack.push(|failures| async move { failures.clear() }.map(Ok).boxed());
    stack.callback(|| async { Err("bad") });
    assert_eq!(stack.close(Ok(5)).await, Ok(Some(5)));
}

/// asyncio: a callback that raises replaces the exception. Here: a clean-up may change the list of failures.
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

/// asyncio: a stack that is dropped without `aclose` never runs its callbacks. Tokio: it runs them, in a task.
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
        panics::<()>("a panic");
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

/// A clean-up can see that the end of the body is unknown.
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

/// asyncio: a cancellation during the exit raises in the running callback, and the next one gets it as an exception. A
/// second cancellation cuts off another callback. Tokio: the clean-ups run in a task of their own.
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

/// A dropped stack runs its clean-ups in a task; an empty stack needs no task.
#[tokio::test]
async fn of_nothing_it_closes_and_spawns_nothing_when_it_is_dropped() {
    let (_, _, stack) = self::stack();
    assert_eq!(format!("{stack:?}"), "ExitStack { len: 0, .. }");
    assert_eq!(stack.close(Ok(())).await, Ok(Some(())));
    drop(self::stack());
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}

/// asyncio: the stack unwinds in a loop. Tokio: so does this one, and after every 128 clean-ups other tasks have a
/// turn.
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

/// asyncio: exceptions of callbacks are a chain of `__context__`. Here: a list, which no depth can overflow.
#[tokio::test]
async fn a_hundred_thousand_failures_are_all_reported() {
    let (_, _, mut stack) = stack();
    for _ in 0..100_000 {
        stack.callback(|| async { Err("bad") });
    }
    let failures = stack.close(Ok(())).await.unwrap_err();
    assert_eq!(failures.len(), 100_000);
}

/// A stack outlives its runtime: its clean-ups cannot run, and `close` reports that.
#[test]
fn on_a_runtime_that_has_ended_nothing_runs_and_it_is_said() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut stack = runtime.block_on(async { Stack::new(&TaskTracker::new()) });
    stack.callback(|| async { unreachable!("there is no runtime") });
    drop(runtime);
    assert_eq!(stack.close(Ok(())).now_or_never(), Some(Err(vec![Failure::Dropped])));
}

/// Any value can be the payload of a panic, also one whose destructor panics.
#[tokio::test(start_paused = true)]
async fn a_payload_that_panics_when_dropped_costs_no_clean_up() {
    let (log, _, mut stack) = stack();
    push_all(&mut stack, &log, &["a"]);
    stack.callback(|| async { resume_unwind(Box::new(OnDrop(|| panics("dropped")))) });
    push_all(&mut stack, &log, &["c"]);
    let failures = stack.close(Ok(())).await.unwrap_err();
    assert_eq!(failures, [Failure::Panic("a value that is not text".to_owned())]);
    assert_eq!(log.take(), [" 10 c", " 20 a"]);
}
