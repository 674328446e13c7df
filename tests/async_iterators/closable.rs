//! Lessons of the pattern `closable`.

use async_iterators::closable::{Closable, closable};
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{Count, Log, PanicsWhenDropped, ms, settle};
use crate::work::closable::{End, rows, two_rows};
use crate::work::{ROUNDS, pause};

/// asyncio: a `finally` with an `await` does the same. The loop ends after the clean-up.
#[tokio::test(start_paused = true)]
async fn at_the_end_the_clean_up_has_run_when_the_loop_ends() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    let start = Instant::now();
    let mut rows = rows(&tracker, &log, End::Returns);
    two_rows(&mut rows).await;
    for _ in 0..3 {
        assert_eq!(rows.next().await, None);
        assert_eq!(start.elapsed(), ms(350));
    }
    drop(rows);
    settle().await;
    assert_eq!(log.take(), ["read 1", "read 2", "read 3", "closing", "closed"]);
}

/// asyncio: the exception comes after the `finally`.
#[tokio::test(start_paused = true)]
async fn an_error_comes_after_the_items_before_it_and_after_the_clean_up() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    let start = Instant::now();
    let mut rows = rows(&tracker, &log, End::Fails);
    two_rows(&mut rows).await;
    assert_eq!(rows.next().await, Some(Err("row 3 is locked".to_owned())));
    assert_eq!(start.elapsed(), ms(350));
    assert_eq!((rows.next().await, rows.next().await), (None, None));
    assert_eq!(rows.close().await, Ok(()), "the error has been reported");
    assert_eq!(log.take(), ["read 1", "read 2", "read 3", "closing", "closed"]);
}

/// asyncio: an exception comes after the `finally`. Here: so does a panic, then the stream ends.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_body_goes_on_after_the_clean_up() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    let mut rows = rows(&tracker, &log, End::Panics);
    two_rows(&mut rows).await;
    let panic = std::panic::AssertUnwindSafe(rows.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"row 3"));
    assert_eq!(log.take(), ["read 1", "read 2", "read 3", "closing", "closed"]);
    assert_eq!((rows.next().await, rows.next().await), (None, None));
}

/// asyncio: `aclose()` runs the `finally` and nothing after it. The `try` ends at its `yield`.
#[tokio::test(start_paused = true)]
async fn close_drops_the_body_at_its_yield_and_waits_for_the_clean_up() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    let mut rows = rows(&tracker, &log, End::Never);
    two_rows(&mut rows).await;
    let start = Instant::now();
    assert_eq!(rows.close().await, Ok(()));
    assert_eq!(start.elapsed(), ms(50));
    assert_eq!(log.take(), ["read 1", "read 2", "closing", "closed"]);
}

/// asyncio: the loop's hook starts the clean-up of an abandoned generator. Tokio: the drop starts it.
#[tokio::test(start_paused = true)]
async fn dropped_after_a_break_it_cleans_up_on_a_task_that_the_tracker_knows() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    let mut rows = rows(&tracker, &log, End::Never);
    two_rows(&mut rows).await;
    drop(rows);
    assert_eq!((log.take().len(), tracker.len()), (2, 1), "nothing has run yet");
    let start = Instant::now();
    tracker.close();
    tracker.wait().await;
    assert_eq!(start.elapsed(), ms(50));
    assert_eq!(log.take(), ["closing", "closed"]);
}

/// asyncio: cancelling an `anext` raises in the generator, whose `finally` runs on the cancelled task. Tokio: the body
/// waits, and goes on at the next `next()`. If the generator is dropped there, it cleans up all the same.
#[tokio::test(start_paused = true)]
async fn dropped_in_the_middle_of_a_next_it_cleans_up_all_the_same() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    let mut cancelled = rows(&tracker, &log, End::Never);
    assert!(timeout(ms(50), cancelled.next()).await.is_err());
    assert_eq!(cancelled.next().await, Some(Ok(1)), "a cancelled next has lost nothing");
    assert!(timeout(ms(50), cancelled.next()).await.is_err());
    drop(cancelled);

    let consumer = tokio::spawn(rows(&tracker, &log, End::Never).for_each(async |_| {}));
    sleep(ms(40)).await;
    consumer.abort();
    tracker.close();
    tracker.wait().await;
    assert_eq!(log.take(), ["read 1", "read 2", "closing", "read 1", "closing", "closed", "closed"]);
}

/// asyncio: a second cancellation interrupts the `finally`, and the code after its `await` never runs.
#[tokio::test(start_paused = true)]
async fn a_second_cancellation_does_not_reach_the_clean_up() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    let mut closed = rows(&tracker, &log, End::Never);
    two_rows(&mut closed).await;
    assert!(timeout(ms(20), closed.close()).await.is_err());
    assert_eq!(log.take(), ["read 1", "read 2", "closing"]);
    tracker.close();
    tracker.wait().await;
    assert_eq!(log.take(), ["closed"]);

    // At the end of the body the clean-up runs inside `next()`, and moves to a task when the generator is dropped.
    let mut ended = rows(&tracker, &log, End::Returns);
    two_rows(&mut ended).await;
    assert!(timeout(ms(120), ended.next()).await.is_err());
    drop(ended);
    tracker.wait().await;
    assert_eq!(log.take(), ["read 1", "read 2", "read 3", "closing", "closed"]);
}

/// asyncio: the `finally` of a generator that was never started does not run, because its `try` was not entered. Here
/// the resource exists from the start.
#[tokio::test(start_paused = true)]
async fn never_started_it_cleans_up_and_does_not_run_the_body() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    assert_eq!(rows(&tracker, &log, End::Never).close().await, Ok(()));
    drop(rows(&tracker, &log, End::Never));
    tracker.close();
    tracker.wait().await;
    assert_eq!(log.take(), ["closing", "closed", "closing", "closed"]);
}

/// asyncio and here: the code after a `yield` runs when the consumer asks for the next item, and not before.
#[tokio::test(start_paused = true)]
async fn the_body_runs_only_while_it_is_asked_for_the_next_item() {
    let (tracker, log) = (TaskTracker::new(), Log::default());
    let mut rows = rows(&tracker, &log, End::Never);
    sleep(ms(1_000)).await;
    assert!(log.take().is_empty());
    assert_eq!(rows.next().await, Some(Ok(1)));
    sleep(ms(1_000)).await;
    assert_eq!(log.take(), ["read 1"]);
}

fn fails(tracker: &TaskTracker, body: Result<(), &'static str>) -> Closable<(), &'static str> {
    closable(tracker, (), move |(), _| async move { body }.boxed(), async |()| Err("cannot close"))
}

/// asyncio: the exception of the `finally` comes, with that of the body as its context. Here: the first error comes.
#[tokio::test]
async fn an_error_of_the_clean_up_is_told_if_the_body_had_none() {
    let tracker = TaskTracker::new();
    let mut ended = fails(&tracker, Ok(()));
    assert_eq!((ended.next().await, ended.next().await), (Some(Err("cannot close")), None));
    let mut failed = fails(&tracker, Err("cannot read"));
    assert_eq!((failed.next().await, failed.next().await), (Some(Err("cannot read")), None));
    assert_eq!(fails(&tracker, Ok(())).close().await, Err("cannot close"));
}

/// After a panic in the clean-up, no second clean-up runs.
#[tokio::test]
async fn a_panic_of_the_clean_up_goes_on_in_the_consumer_and_it_is_over() {
    let cleaned = Count::default();
    let panics = || {
        let cleaned = cleaned.clone();
        let clean_up = async move |()| {
            cleaned.add();
            panic!("cannot close")
        };
        closable::<_, (), (), _>(&TaskTracker::new(), (), |(), _| async { Ok(()) }.boxed(), clean_up)
    };
    let mut ended = panics();
    let panic = std::panic::AssertUnwindSafe(ended.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"cannot close"));
    assert_eq!(ended.next().await, None);
    drop(ended);
    let panic = std::panic::AssertUnwindSafe(panics().close()).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"cannot close"));
    assert_eq!(cleaned.get(), 2);
}

/// If a body gives up waiting for a slow consumer, its item has been given all the same.
#[tokio::test(start_paused = true)]
async fn an_item_whose_give_was_dropped_still_comes_before_the_end() {
    let mut impatient = closable(
        &TaskTracker::new(),
        (),
        |(), out| {
            Box::pin(async move {
                let _given_up = out.give(1).now_or_never();
                Err("gave up")
            })
        },
        async |()| Ok(()),
    );
    assert_eq!(impatient.next().await, Some(Ok(1)));
    assert_eq!(impatient.next().await, Some(Err("gave up")));
    assert_eq!(impatient.next().await, None);
}

/// asyncio: `asyncio.run` closes the generators that are left, and waits. The hazard: a runtime drops them.
#[test]
fn but_a_runtime_that_ends_drops_a_clean_up_unless_the_tracker_was_waited_for() {
    for waits in [true, false] {
        let log = Log::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let tracker = TaskTracker::new();
            two_rows(&mut rows(&tracker, &log, End::Never)).await;
            if waits {
                tracker.close();
                tracker.wait().await;
            }
        });
        let expected: &[_] =
            if waits { &["read 1", "read 2", "closing", "closed"] } else { &["read 1", "read 2"] };
        assert_eq!(log.take(), expected);
    }
}

/// A drop must not panic, wherever it happens.
#[test]
fn dropped_after_its_runtime_it_is_dropped_without_clean_up_and_without_panic() {
    let (log, tracker) = (Log::default(), TaskTracker::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let rows = runtime.block_on(async { rows(&tracker, &log, End::Never) });
    drop(runtime);
    drop(rows);
    assert!(log.take().is_empty());
    assert_eq!(tracker.len(), 0);
}

/// Each generator is closed, dropped, aborted or read to its end on another thread than the one that made it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_each_clean_up_runs_exactly_once() {
    let (tracker, cleaned) = (TaskTracker::new(), Count::default());
    let mut alive = Vec::new();
    for round in 0..ROUNDS {
        let mut random = fastrand::Rng::with_seed(round);
        let (length, leave_at, way) = (random.usize(0..20), random.usize(0..30), random.u32(0..3));
        let (mut in_body, mut in_clean_up, cleaned) = (random.fork(), random.fork(), cleaned.clone());
        let mut numbers = closable(
            &tracker,
            0,
            move |given, out| {
                Box::pin(async move {
                    while *given < length {
                        pause(&mut in_body).await;
                        out.give(*given).await;
                        *given += 1;
                    }
                    Ok::<_, usize>(())
                })
            },
            async move |given| {
                pause(&mut in_clean_up).await;
                cleaned.add();
                if given < length { Err(given) } else { Ok(()) }
            },
        );
        let consumer = tokio::spawn(async move {
            for taken in 0..leave_at {
                match numbers.next().await {
                    Some(number) => assert_eq!(number, Ok(taken)),
                    None => {
                        assert_eq!(taken, length);
                        return;
                    }
                }
                pause(&mut random).await;
            }
            match way {
                0 => drop(numbers),
                1 => {
                    let closed = numbers.close().await;
                    // The last number taken counts when the consumer asks for the next.
                    let given = leave_at.saturating_sub(1);
                    assert_eq!(closed, if given < length { Err(given) } else { Ok(()) });
                }
                _ => std::future::pending().await,
            }
        });
        pause(&mut fastrand::Rng::with_seed(round)).await;
        if way == 2 {
            consumer.abort();
        }
        alive.push(consumer);
    }
    for consumer in alive {
        if let Err(error) = consumer.await {
            assert!(error.is_cancelled(), "{error}");
        }
    }
    tracker.close();
    tracker.wait().await;
    assert_eq!(cleaned.get(), usize::try_from(ROUNDS).unwrap());
}

/// Python: an exception in `finally` replaces that of the body. Here: the body's panic resumes, even if a payload
/// panics while it is dropped.
#[tokio::test]
async fn of_two_panics_that_of_the_body_goes_on() {
    let mut both = closable::<_, (), (), std::future::Ready<_>>(
        &TaskTracker::new(),
        (),
        |(), _| async { std::panic::panic_any(("body", PanicsWhenDropped)) }.boxed(),
        |()| std::panic::panic_any(PanicsWhenDropped),
    );
    let panic = std::panic::AssertUnwindSafe(both.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<(&str, PanicsWhenDropped)>().unwrap().0, "body");
    std::mem::forget(panic);
    assert_eq!(both.next().await, None);
}
