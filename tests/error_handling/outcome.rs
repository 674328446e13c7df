//! Lessons of the pattern `outcome`.

use error_handling::outcome::{TaskOutcome, every_outcome};
use futures::FutureExt;
use tokio::time::Instant;

use crate::support::{Count, OnDrop, ms, panics};
use crate::work::{Broken, aborted, load};

/// asyncio: `gather(return_exceptions=True)` puts values and exceptions into one list. Tokio: there are four kinds of
/// outcome.
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
        ("ok", TaskOutcome::Value("ok")),
        ("bad", TaskOutcome::Error(Broken("bad"))),
        ("panics", TaskOutcome::Panicked("panics after 200".to_owned())),
        ("slow", TaskOutcome::Cancelled),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(start.elapsed(), ms(300));
}

/// asyncio: `CancelledError` is no `Exception`, so `except Exception` does not catch it.
#[tokio::test(start_paused = true)]
async fn a_cancelled_task_has_not_failed() {
    let failures = |outcome: &TaskOutcome<&str, Broken>| outcome.is_failure();
    assert!(!failures(&TaskOutcome::Cancelled));
    assert!(!failures(&TaskOutcome::Value("ok")));
    assert!(failures(&TaskOutcome::Error(Broken("bad"))));
    assert!(failures(&TaskOutcome::Panicked("a bug".to_owned())));
    assert!(!failures(&Err(aborted().await).into()));
}

/// The hazard: code that checks `is_err` counts a cancelled task as failed.
#[tokio::test]
async fn but_whoever_asks_is_err_counts_it_as_failed() {
    let task = tokio::spawn(load("slow", 100));
    task.abort();
    let result = task.await;
    assert!(result.is_err());
    assert!(!TaskOutcome::from(result).is_failure());
}

/// Python: every exception has a text. Rust: the payload of a panic can be any value, so some panics have no text.
#[tokio::test]
async fn of_a_panic_with_any_value_the_text_says_so() {
    let task = tokio::spawn(async { std::panic::panic_any(7) });
    let outcome: TaskOutcome<(), Broken> = task.await.into();
    assert_eq!(outcome, TaskOutcome::Panicked("a value that is not text".to_owned()));
    let task = tokio::spawn(async { panic!("plain") });
    let outcome: TaskOutcome<(), Broken> = task.await.into();
    assert_eq!(outcome, TaskOutcome::Panicked("plain".to_owned()));
}

/// asyncio: `await gather()` gives an empty list. Here: so does the first poll.
#[tokio::test]
async fn of_nothing_is_an_empty_list_at_once() {
    assert!(every_outcome::<(), (), ()>([]).now_or_never().unwrap().is_empty());
}

/// Any value can be the payload of a panic, even one whose destructor panics.
#[tokio::test]
async fn a_payload_that_panics_when_dropped_costs_no_outcome() {
    let bomb = tokio::spawn(async { std::panic::resume_unwind(Box::new(OnDrop(|| panics("dropped")))) });
    let outcomes = every_outcome([("bomb", bomb), ("ok", tokio::spawn(load("ok", 0)))]).await;
    let text = "a value that is not text".to_owned();
    assert_eq!(outcomes, [("bomb", TaskOutcome::Panicked(text)), ("ok", TaskOutcome::Value("ok"))]);
}

/// The hazard. asyncio: a task that awaits a `gather` of itself hangs. Here too.
#[tokio::test(start_paused = true)]
async fn but_a_task_that_collects_itself_hangs() {
    let (give, me) = tokio::sync::oneshot::channel::<tokio::task::JoinHandle<Result<(), ()>>>();
    let task = tokio::spawn(async move {
        every_outcome([("itself", me.await.unwrap())]).await;
        Ok(())
    });
    let itself = task.abort_handle();
    assert!(give.send(task).is_ok());
    tokio::time::sleep(ms(1_000)).await;
    assert!(!itself.is_finished());
}

/// asyncio: a cancelled collector gets no value, even if all are ready. Here too: the values are dropped with it.
#[tokio::test(start_paused = true)]
async fn but_a_cancel_that_meets_finished_results_drops_them() {
    let dropped = Count::default();
    let tasks = [1, 2].map(|number| {
        let value = dropped.on_drop();
        (number, tokio::spawn(async { Ok::<_, ()>(value) }))
    });
    let collector = tokio::spawn(async { every_outcome(tasks).await.len() });
    tokio::time::sleep(ms(0)).await;
    collector.abort();
    assert_eq!((collector.await.is_ok(), dropped.get()), (false, 2));
}
